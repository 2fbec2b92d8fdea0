"""What a job will take, known before it is begun, and the refusal of one that cannot fit."""

from dataclasses import dataclass
from pathlib import Path

from inpaintdiff.analysis.cost import Makeup, NetworkCost, resident
from inpaintdiff.analysis.unet_cost import unet_cost
from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.canvas import stored_bytes
from inpaintdiff.inpaint.regions import Region
from inpaintdiff.painting.job import Job, painted_file
from inpaintdiff.painting.painters import ModelPainter, Painter
from inpaintdiff.painting.resources import (
    disk_taken,
    free_device_memory,
    free_disk,
    free_memory,
    resident_memory,
)

# Of a stage's window the solver and the conditioning hold so many float32 copies, a baseline so many.
_WINDOW_COPIES, _BASELINE_COPIES = 10, 7
# Encoders hold so many bytes in any case and so many a pixel, x264 (which looks 40 frames ahead) and FFV1; measured up to 1080p.
_X264, _FFV1 = (15e6, 195), (10e6, 85)
# Libraries that are first used while painting bring code and buffers of so many bytes.
_FIRST_USED = 12_000_000
# When writing begins, this share of what painting took is still there, in a heap with gaps.
_LEFT = 0.5


@dataclass(frozen=True)
class Forecast:
    """What a job takes.

    Attributes:
        stages: of all cut-outs.
        calls: network calls, of all stages and samples.
        flops: floating-point operations of the network, of all calls; 0 of a baseline, and of a network that cannot be counted.
        peak_bytes: of memory that the process will have at most, the model and whatever else is there now included.
        more_bytes: of these, how many are not there yet.
        device_bytes: of a GPU's memory that are not taken yet; 0 on a CPU.
        disk_bytes: that lie beside the output until all is done.
    """

    stages: int
    calls: int
    flops: int
    peak_bytes: int
    more_bytes: int
    device_bytes: int
    disk_bytes: int


def call_cost(painter: Painter, makeup: Makeup, precision: str | None = None) -> NetworkCost | None:
    """Of one network call; None where that cannot be counted.

    Args:
        painter: a model or a baseline.
        makeup: of the stage.
        precision: "fp32" or "bf16"; that of the painter by default.
    """
    if not isinstance(painter, ModelPainter) or painter.info.config["network"]["class"] != "VideoUNet":
        return None
    value_bytes = 2 if (precision or painter.sampling.precision) == "bf16" else 4
    return unet_cost(painter.info.config["network"]["args"], *painter.info.size, makeup, value_bytes)


def forecast(job: Job, *, lossless: bool = False) -> Forecast:
    """What a job takes, but for time: see `inpaintdiff.painting.timing`.

    Args:
        job: planned.
        lossless: how it will be written.
    """
    repeats = job.painter.calls * job.samples
    costs = [(n, cost) for makeup, n in job.makeups_in_all().items() if (cost := call_cost(job.painter, makeup))]
    flops = sum(n * repeats * cost.flops for n, cost in costs)
    flops += job.observations * max((cost.observe_flops for _, cost in costs), default=0)
    more, on_device = _memory(job, lossless)
    return Forecast(
        stages=sum(job.stages),
        calls=job.calls,
        flops=flops,
        peak_bytes=resident_memory() + more,
        more_bytes=more,
        device_bytes=on_device,
        disk_bytes=sum(stored_bytes(cutout, job.samples) for cutout in job.cutouts),
    )


def check_fits(job: Job, needed: Forecast, folder: Path, result_bytes: int | None = None) -> None:
    """Refuse what cannot fit.

    Args:
        job: that is to be run.
        needed: its forecast.
        folder: where painting keeps what is painted; it may hold some of it already.
        result_bytes: of a result that is held in memory, as Python is given it; None on the way from file to file.

    Raises:
        SettingError: memory or disk do not suffice; the sentence names the setting that does.
    """
    python = result_bytes is not None
    there = sum(disk_taken(painted_file(folder, r)) for r in range(len(job.regions)))
    free = free_disk(folder.absolute().parent)
    if needed.disk_bytes - there > free:
        each = needed.disk_bytes // job.samples
        fits = (free + there) // each
        raise SettingError(
            f"painting takes {size(needed.disk_bytes - there)} of disk in {folder.absolute().parent}, where {size(free)} are free; "
            + (
                f"{_option('samples', fits, python)} fits"
                if fits >= 1
                else f"name {'a folder on a larger disk by TMPDIR' if python else 'an output on a larger disk by -o'}"
            )
        )
    for more, available, where in (
        (needed.more_bytes + (result_bytes or 0), free_memory(), "memory"),
        (needed.device_bytes, free_device_memory(job.painter.device), f"memory of {job.painter.device}"),
    ):
        if available is not None and more > available:
            raise SettingError(
                f"painting takes {size(more)} more {where} than is taken now, and {size(available)} are free; "
                + _what_fits(
                    job, available - (0 if where != "memory" else result_bytes or 0), where != "memory", python
                )
            )


def size(count: int) -> str:
    """Bytes for people."""
    value, power = float(count), 0
    while value >= 999.5 and power < 4:
        value, power = value / 1000, power + 1
    unit = ("bytes", "KB", "MB", "GB", "TB")[power]
    return f"{value:.0f} {unit}" if power == 0 or value >= 99.95 else f"{value:.3g} {unit}"


def _memory(job: Job, lossless: bool, window: int | None = None, precision: str | None = None) -> tuple[int, int]:
    """Bytes that a job takes in addition, of the host's memory and of a GPU's, perhaps with another window or precision."""
    info, painter = job.video.info, job.painter
    host = device = 0
    for region, makeups in zip(job.regions, job.makeups, strict=True):
        for makeup in makeups:
            if window is not None:
                makeup = _shortened(makeup, window)
            frame = region.height * region.width * 3 * 4
            copies = _WINDOW_COPIES if isinstance(painter, ModelPainter) else _BASELINE_COPIES
            held = makeup.frames * frame * copies
            cost = call_cost(painter, makeup, precision)
            on_gpu = painter.device.type == "cuda"
            network = 0 if cost is None else cost.bytes if on_gpu else cost.resident_bytes
            device = max(device, network + held if on_gpu else 0)
            reading = resident([_reading(region, makeup.frames, info.height * info.width)])
            host = max(host, reading, held + (0 if on_gpu else network))
    always, a_pixel = _FFV1 if lossless else _X264
    writing = _LEFT * host + always + a_pixel * info.height * info.width
    return int(_FIRST_USED + max(host, writing)), device


def _reading(region: Region, frames: int, pixels: int) -> list[int]:
    """Sizes of what is there while the frames of a window are cut out of a video: decoded, cut, as bytes and twice as floats."""
    cut = frames * region.height * region.width * region.factor**2 * 3
    return [frames * pixels * 3, cut, cut, 4 * cut, 4 * cut]


def _shortened(makeup: Makeup, window: int) -> Makeup:
    frames = min(makeup.frames, window)
    return Makeup(frames, -(-frames * makeup.unknown // makeup.frames))


def _option(name: str, value: int | str, python: bool) -> str:
    """A setting, as it is typed."""
    return f"{name}={value!r}" if python else f"--{name} {value}"


def _what_fits(job: Job, available: int, on_device: bool, python: bool) -> str:
    """The setting that would do: the smallest change first."""
    painter = job.painter
    if python and available < _memory(job, True, 1, "bf16")[0] and not on_device:
        return "the result is held in memory as a whole: `inpaintdiff inpaint` goes from file to file, or give a shorter part"

    def fits(window: int | None, precision: str | None = None) -> bool:
        return _memory(job, True, window, precision)[on_device] <= available

    if not isinstance(painter, ModelPainter):
        return f"{_option('model', 'builtin', python)} needs the memory of a window only"
    if painter.sampling.precision == "fp32" and fits(None, "bf16"):
        return f"{_option('precision', 'bf16', python)} fits"
    low, high = 1, max(m.frames for makeups in job.makeups for m in makeups)
    if not fits(low):
        return "no window is short enough: choose a model for smaller pictures, or give a smaller part of the video"
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return f"{_option('window', low, python)} fits"
