"""How long a job will take on this machine, from some seconds of trying its parts: network calls, a stage's files, writing."""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from inpaintdiff.analysis.calibration import calibrate, denoiser_call
from inpaintdiff.analysis.cost import Makeup, Speed
from inpaintdiff.data.video import VideoReader, write_video
from inpaintdiff.inpaint.canvas import DiskCanvas
from inpaintdiff.painting.files import SEAM_FRAMES
from inpaintdiff.painting.forecast import call_cost
from inpaintdiff.painting.job import Frame, Job
from inpaintdiff.painting.order import Order
from inpaintdiff.painting.painters import ModelPainter
from inpaintdiff.painting.seam import Seam
from inpaintdiff.schemes import Stage

_STAGES = 2
_WRITING_SECONDS, _WRITING_FRAMES = 0.5, 64

Clock = Callable[[], float]


@dataclass(frozen=True)
class Times:
    """Seconds of the parts of a job.

    Attributes:
        network: of all network calls.
        files: of stages: decoding the windows, reading and writing what is painted.
        writing: of decoding, completing and encoding the result.
    """

    network: float
    files: float
    writing: float

    @property
    def total(self) -> float:
        """Of the job."""
        return self.network + self.files + self.writing


def time_job(job: Job, order: Order, *, seconds: float = 2.0, clock: Clock = time.perf_counter) -> Times:
    """Predict the time of a job that a model paints.

    Args:
        job: planned, by a `ModelPainter`.
        order: how it will be written.
        seconds: that timing network calls may take; the rest takes about one more.
        clock: see `calibrate`.
    """
    assert isinstance(job.painter, ModelPainter)
    with tempfile.TemporaryDirectory(prefix="inpaintdiff-") as folder:
        files = sum(_stage_files(job, r, Path(folder), clock) for r in range(len(job.regions)))
        writing = _writing(job, order, Path(folder), clock)
    speed = network_speed(job.painter, job.makeups_in_all(), seconds, clock)
    repeats = job.painter.calls * job.samples
    network = sum(
        n * repeats * speed.seconds(flops_of(job.painter, makeup)) for makeup, n in job.makeups_in_all().items()
    )
    network += len(job.makeups_in_all()) * speed.first
    costs = [cost for makeup in job.makeups_in_all() if (cost := call_cost(job.painter, makeup))]
    network += job.observations * max((cost.observe_flops for cost in costs), default=0) / speed.rate
    return Times(network, files, writing)


def network_speed(
    painter: ModelPainter, wanted: dict[Makeup, int], seconds: float = 2.0, clock: Clock = time.perf_counter
) -> Speed:
    """How fast this machine runs a model; see `calibrate`."""
    call = denoiser_call(painter.denoiser, *painter.info.size, painter.autocast)
    return calibrate(call, lambda m: flops_of(painter, m), wanted, seconds=seconds, clock=clock)


def flops_of(painter: ModelPainter, makeup: Makeup) -> int:
    """Of a network call; a network that cannot be counted is taken to do the same for every frame."""
    cost = call_cost(painter, makeup)
    return cost.flops if cost else makeup.frames


def _stage_files(job: Job, r: int, folder: Path, clock: Clock) -> float:
    """Seconds that all stages of a cut-out spend on anything but the network, from some of them and those before."""
    stages, cutout = job.plans()[r], job.cutouts[r]
    canvas = DiskCanvas(cutout, folder / f"{r}.f32", job.samples)
    took = 0.0
    chosen = sorted({len(stages) * (k + 1) // (_STAGES + 1) for k in range(_STAGES)})
    for k in chosen:
        if k > 0:
            canvas.window(stages[k - 1].frames, slice(0, 1))
        visit = partial(_visit, canvas, stages[k])
        first, again = _seconds_of(visit, clock), _seconds_of(visit, clock)
        took += first + (job.samples - 1) * again
    return took / len(chosen) * len(stages)


def _visit(canvas: DiskCanvas, stage: Stage) -> None:
    window = canvas.window(stage.frames, slice(0, 1))
    canvas.paste(stage.latent, slice(0, 1), window[:, : len(stage.latent)])


def _writing(job: Job, order: Order, folder: Path, clock: Clock) -> float:
    """Seconds that writing takes, from the first frames of the video and the completing of one frame."""
    info, samples = job.video.info, job.samples
    path = folder / ("try" if order.lossless and not order.output.suffix else f"try{order.output.suffix}")
    tried: list[None] = []
    frames = _for_some_time(job.video, tried)
    took = _seconds_of(lambda: write_video(path, frames, info.fps, crf=order.crf, lossless=order.lossless), clock)
    incomplete = job.holes.incomplete()
    i = incomplete.index(True)
    frame, hole = job.video.read([i])[0], job.holes.read([i])[0]
    painted = [torch.zeros(1, 3, c.height, c.width) for c in job.cutouts]

    def complete() -> None:
        out = frame.copy()
        for cutout, values in zip(job.cutouts, painted, strict=True):
            if cutout.incomplete()[i]:
                cutout.complete(out, frame, job.holes.read([i])[0], values)

    complete()
    once = _seconds_of(complete, clock)
    seam = _seconds_of(lambda: Seam().add(frame, hole), clock) * min(SEAM_FRAMES, sum(incomplete))
    videos, versions = (samples + 1, 2 * samples) if samples > 1 else (1, 1)
    return videos * info.frames * took / len(tried) + versions * sum(incomplete) * once + seam


def _for_some_time(video: VideoReader, tried: list[None]) -> Iterator[Frame]:
    """The first frames, at least one; `tried` counts them."""
    begin = time.perf_counter()
    for frame in video.iter():
        tried.append(None)
        yield frame
        if time.perf_counter() - begin > _WRITING_SECONDS or len(tried) == _WRITING_FRAMES:
            break


def _seconds_of(work: Callable[[], object], clock: Clock) -> float:
    begin = clock()
    work()
    return clock() - begin
