"""How fast this machine runs a network, from about two seconds of timed calls.

What makes such timings lie, and what is done about it:
- The first call of a shape builds kernels and fills caches: it is told apart.
- Other programs: the median of several calls is taken. Where only the work counts, not the waiting, `clock=time.process_time`
  gives the processor's seconds of all threads.
- A few frames may run faster a frame than many, which no longer fit into the processor's cache: the make-up that takes most of the
  time is timed itself, and only what is too slow for that is timed with fewer frames. With very few, what any call takes counts most.
- Waiting threads that spin slow down whoever shares the machine: the command line sets OMP_WAIT_POLICY=PASSIVE.
- bfloat16 has to be timed as such: twice as fast on some processors, several times slower on others.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.analysis.cost import Makeup, Speed
from inpaintdiff.diffusion.denoiser import Denoise, Denoiser
from inpaintdiff.inpaint.condition import condition

_ENOUGH = 3
# With so many frames the time that any call takes, for instance to convert weights, no longer stands in front of everything.
_SOME = 4


def calibrate(
    call: Callable[[Makeup], object],
    flops: Callable[[Makeup], int],
    wanted: Mapping[Makeup, int],
    *,
    seconds: float = 2.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Speed:
    """Time a network.

    Args:
        call: one network call of this make-up; its first call of a make-up may be slow.
        flops: that it takes.
        wanted: make-ups that will be run, and how often; at least one.
        seconds: that this may take by the clock, roughly: two calls of one frame and two of four frames are made in any case.
        clock: of seconds.
    """
    begin = clock()
    main = max(wanted, key=lambda m: (wanted[m] * flops(m), m))
    points: dict[Makeup, float] = {}
    first = 0.0
    for makeup, share in ((Makeup(1, 1), 0.1), (_part(main, _SOME), 0.2)):
        points[makeup], first = _median(call, makeup, clock, share * seconds)
    # the call that is not counted and three others are to fit into what is left
    left = seconds - (clock() - begin)
    guess = _line({m: flops(m) for m in points}, points)
    for frames in range(main.frames, _SOME, -1):
        makeup = _part(main, frames)
        if (_ENOUGH + 1) * guess.seconds(flops(makeup)) <= left:
            points[makeup], first = _median(call, makeup, clock, left)
            break
    return replace(_line({m: flops(m) for m in points}, points), first=first)


def _part(makeup: Makeup, frames: int) -> Makeup:
    """As much of a window as so many frames, at most all of it."""
    frames = min(frames, makeup.frames)
    return Makeup(frames, max(1, round(frames * makeup.unknown / makeup.frames)))


def denoiser_call(
    denoiser: Denoiser, height: int, width: int, autocast: torch.dtype | None = None
) -> Callable[[Makeup], Float[Tensor, "1 t 3 h w"]]:
    """What `calibrate` calls: one call of a denoiser, as the `Inpainter` makes it for one sample; observed frames have been seen before.

    Args:
        denoiser: in evaluation mode, on its device.
        height, width: of the frames, pixels.
        autocast: dtype of network arithmetic; None leaves it alone.
    """
    device = next(denoiser.parameters()).device

    @cache
    def window(makeup: Makeup) -> tuple[Float[Tensor, "1 t 3 h w"], Denoise]:
        unknown = torch.zeros(1, makeup.frames, 1, height, width, dtype=torch.bool)
        unknown[:, : makeup.unknown, :, height // 4 : -(-3 * height // 4), width // 4 : -(-3 * width // 4)] = True
        # Noise, not zeros: numbers next to zero are slow on some processors.
        frames = torch.randn(1, makeup.frames, 3, height, width, generator=torch.Generator().manual_seed(0))
        cond = condition(frames, unknown, torch.arange(makeup.frames)[None]).to(device)
        return frames.to(device), denoiser.on(cond)

    def call(makeup: Makeup) -> Float[Tensor, "1 t 3 h w"]:
        with torch.inference_mode(), torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
            x, denoise = window(makeup)
            out = denoise(x, torch.ones(1, device=device))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return out

    return call


def _median(
    call: Callable[[Makeup], object], makeup: Makeup, clock: Callable[[], float], seconds: float
) -> tuple[float, float]:
    """Seconds of a call: the median of as many as fit into the time, of at least three if they do; and how many more the first took."""
    begin, took = clock(), list[float]()
    call(makeup)
    first = clock() - begin
    while not took or (spent := clock() - begin) < 0.7 * seconds or (len(took) < _ENOUGH and spent < seconds):
        before = clock()
        call(makeup)
        took.append(clock() - before)
    usual = statistics.median(took)
    return usual, max(0.0, first - usual)


def _line(flops: Mapping[Makeup, int], seconds: Mapping[Makeup, float]) -> Speed:
    """Through the two points, or through the larger one and 0 if the smaller one is no cheaper than its share."""
    small, large = min(flops, key=lambda m: flops[m]), max(flops, key=lambda m: flops[m])
    rise = seconds[large] - seconds[small]
    if flops[small] == flops[large] or rise <= 0:
        return Speed(0.0, flops[large] / seconds[large])
    rate = (flops[large] - flops[small]) / rise
    overhead = seconds[large] - flops[large] / rate
    return Speed(overhead, rate) if overhead > 0 else Speed(0.0, flops[large] / seconds[large])
