"""`Inpainter`: runs a sampling scheme stage by stage through one denoiser, with a window on the device and a canvas on the CPU."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inpaintdiff.diffusion.denoiser import Denoiser, Features, autocast_to, estimates
from inpaintdiff.diffusion.sigma import SigmaGrid
from inpaintdiff.diffusion.solvers import Solver
from inpaintdiff.errors import PlanError, SettingError
from inpaintdiff.inpaint.canvas import Canvas, MemoryCanvas
from inpaintdiff.inpaint.condition import condition, unknown_pixels
from inpaintdiff.inpaint.remembered import Remembered
from inpaintdiff.schemes.stage import SamplingScheme, Stage, check_plan
from inpaintdiff.types import VideoClip


@dataclass(frozen=True)
class Progress:
    """What `Inpainter.iter` yields after every stage.

    Attributes:
        stage: the stage that has just been painted, for all samples.
        done_stages: stages painted so far, this one included.
        total_stages: stages of the whole plan.
        done_frames: frames painted so far.
        total_frames: frames with a hole.
        seconds: since the first stage began.
        canvas: what has been painted; `canvas.clip()` of a `MemoryCanvas` is the video so far.
    """

    stage: Stage
    done_stages: int
    total_stages: int
    done_frames: int
    total_frames: int
    seconds: float
    canvas: Canvas


def stage_seed(seed: int, sample: int, stage: int) -> int:
    """Seed of one sample's noise in one stage; depends on nothing else, so that batches, ranks and resumed runs agree.

    torch's CPU generator uses the lowest 32 bits of it: of 100,000 seeds about one pair gives the same noise, at two places of
    a video, or in two samples, that have nothing to do with each other.
    """
    digest = hashlib.blake2b(f"{seed}/{sample}/{stage}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class Inpainter:
    """Fills the hole of a video of any length with samples of p(unknown | known) (METHOD section 4; arXiv 2405.00251).

    Args:
        denoiser: any; only its estimate at unknown pixels counts. It is moved to `device`.
        scheme: which frames are painted when, and beside which others.
        solver: carries noise to a sample.
        grid: noise levels.
        steps: of the solver in every stage; `solver.nfe(steps)` network calls.
        clip_x0: the clean estimate is clamped to [-clip_x0, clip_x0], here and nowhere else; None switches that off.
        device: of network and window; None takes the network's.
        samples_per_batch: samples painted at once; None all of them. It changes memory and speed, not the result.
        autocast: dtype of network arithmetic, as torch.bfloat16; None leaves it alone. The solver's state is float32 in any case.

    Raises:
        SettingError: `steps`, `clip_x0` or `samples_per_batch` is not positive.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        scheme: SamplingScheme,
        solver: Solver,
        grid: SigmaGrid,
        steps: int,
        *,
        clip_x0: float | None = 1.0,
        device: torch.device | str | None = None,
        samples_per_batch: int | None = None,
        autocast: torch.dtype | None = None,
    ) -> None:
        if steps < 1:
            raise SettingError(f"steps must be at least 1, got {steps}")
        if clip_x0 is not None and clip_x0 <= 0:
            raise SettingError(f"clip_x0 must be positive, or None for no clipping, got {clip_x0}")
        if samples_per_batch is not None and samples_per_batch < 1:
            raise SettingError(
                f"samples_per_batch must be at least 1, or None for all samples, got {samples_per_batch}"
            )
        self.device = torch.device(device) if device is not None else _device_of(denoiser)
        self.denoiser = denoiser.to(self.device)
        self.scheme = scheme
        self.solver = solver
        self.sigmas = grid.grid(steps)
        self.calls = solver.nfe(steps)
        self.clip_x0 = clip_x0
        self.samples_per_batch = samples_per_batch
        self.autocast = autocast

    def plan(self, incomplete: Sequence[bool]) -> list[Stage]:
        """All stages for a video whose frame i has a hole iff `incomplete[i]`, checked before anything is paid for.

        Raises:
            PlanError: the scheme yielded something that cannot be run.
        """
        try:
            return list(check_plan(self.scheme.stages(incomplete), incomplete, self.scheme.window))
        except ValueError as e:
            raise PlanError(f"{type(self.scheme).__name__} made a plan that cannot be run: {e}") from e

    def __call__(self, clip: VideoClip, samples: int = 1, seed: int = 0) -> VideoClip:
        """Paint a whole clip.

        Args:
            clip: unbatched, [t c h w]; values under the hole never matter. Frames without a hole may be observed, and are never computed.
            samples: number of independent answers.
            seed: sample s of a seed is the same whatever `samples` and `samples_per_batch` are.

        Returns:
            Frames [samples t c h w] on the CPU; pixels outside the hole equal the input's bit for bit. `hole` is what is left to
            paint: all False.

        Raises:
            SettingError: `samples` below 1, or a batch of clips.
            PlanError: see `plan`.
        """
        canvas = MemoryCanvas(clip, samples)
        for _ in self.paint(canvas, seed):
            pass
        return canvas.clip()

    def iter(self, clip: VideoClip, samples: int = 1, seed: int = 0) -> Iterator[Progress]:
        """Paint as `__call__` does, yielding after every stage; nothing is yielded, or computed, where nothing is missing."""
        return self.paint(MemoryCanvas(clip, samples), seed)

    def paint(self, canvas: Canvas, seed: int = 0, first_stage: int = 0) -> Iterator[Progress]:
        """Paint on a canvas of the caller's, yielding after every stage.

        Args:
            canvas: what is painted on.
            seed: as for `__call__`.
            first_stage: the stages before this one were painted earlier, and `canvas` holds them. What follows is the same
                as in one go.
        """
        incomplete = canvas.incomplete()
        stages = self.plan(incomplete)
        remembered = Remembered(stages, incomplete)
        begin, done = time.monotonic(), sum(len(s.latent) for s in stages[:first_stage])
        for k, stage in enumerate(stages[first_stage:], first_stage):
            size = self.samples_per_batch or canvas.samples
            for first in range(0, canvas.samples, size):
                samples = range(first, min(first + size, canvas.samples))
                painted = self._paint_stage(canvas, stage, samples, seed, k, remembered)
                canvas.paste(stage.latent, slice(samples.start, samples.stop), painted)
            remembered.finish(k)
            done += len(stage.latent)
            yield Progress(stage, k + 1, len(stages), done, sum(incomplete), time.monotonic() - begin, canvas)

    @torch.inference_mode()
    def _paint_stage(
        self, canvas: Canvas, stage: Stage, samples: range, seed: int, number: int, remembered: Remembered
    ) -> Float[Tensor, "s t c h w"]:
        """The latent frames of some samples from one joint run of the solver; look-ahead frames are painted too and thrown away."""
        at, observed, latent = stage.frames, set(stage.observed), set(stage.latent)
        unknown = unknown_pixels(canvas.hole(at), [k for k, i in enumerate(at) if i in observed])
        frames = canvas.window(at, slice(samples.start, samples.stop)).float()  # s t c h w
        cond = condition(
            frames,
            unknown.expand(len(samples), -1, -1, -1, -1),
            canvas.index(at).expand(len(samples), -1),
        ).to(self.device)

        def recall(b: int, t: int, make: Callable[[], Features]) -> Features:
            return remembered.recall(samples[b], at[t], make)

        # on the CPU, one a sample: the result depends on neither device nor batch
        generators = [torch.Generator().manual_seed(stage_seed(seed, s, number)) for s in samples]
        noise = torch.stack([torch.randn(frames.shape[1:], generator=g) for g in generators]).to(self.device)
        with _evaluating(self.denoiser):
            denoise = estimates(self.denoiser, cond, self.clip_x0, autocast_to(self.autocast, self.device), recall)
            painted = self.solver.solve(denoise, float(self.sigmas[0]) * noise, self.sigmas, generators)
        return painted[:, [k for k, i in enumerate(at) if i in latent]]


def _device_of(module: nn.Module) -> torch.device:
    first = next(module.parameters(), None)
    return first.device if first is not None else torch.device("cpu")


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for the duration; afterwards every submodule is in the mode that it was in."""
    before = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for m, training in before:
            m.training = training
