"""From a video file and a hole to painted video files: everything cheap is checked first, nothing is left half-written."""

import glob
import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.pictures import evenly_spaced
from inpaintdiff.data.video import VideoReader, open_video, write_video
from inpaintdiff.errors import SettingError, VideoWriteError
from inpaintdiff.painting.forecast import check_fits, forecast
from inpaintdiff.painting.inputs import as_hole
from inpaintdiff.painting.job import Frame, Job, Step
from inpaintdiff.painting.journal import Journal, check_journal, is_blank, journal_folder
from inpaintdiff.painting.order import Order, check_outputs
from inpaintdiff.painting.outputs import false_colours, record_of, write_record
from inpaintdiff.painting.painters import Painter
from inpaintdiff.painting.seam import Seam

SEAM_FRAMES = 32


@dataclass(frozen=True)
class Checked:
    """An order whose inputs were read and whose outputs can be written; no model has been loaded for it."""

    order: Order
    video: VideoReader
    holes: HoleTrack


@dataclass(frozen=True)
class Written:
    """What came of an order.

    Attributes:
        videos: one a sample.
        uncertainty: the video of their spread, None for one sample.
        sidecar: the record of how they were made.
        seconds: that painting and writing took.
        seam: how visible the border of the hole is in the first sample, see `Seam.ratio`; None where that was not measured.
    """

    videos: list[Path]
    uncertainty: Path | None
    sidecar: Path
    seconds: float
    seam: float | None


@dataclass(frozen=True)
class Writing:
    """Progress after painting: frames written so far, in all videos, and how many there are."""

    frames: int
    total_frames: int


Report = Callable[[Step | Writing], None]


def check(order: Order) -> Checked:
    """Read the inputs and see that the outputs can be written.

    Raises:
        VideoReadError, VideoWriteError, HoleError, SettingError, PlanError: what is wrong with the order.
    """
    video = open_video(order.video, steady=True)
    folder = journal_folder(order.output)
    # What an unfinished job had begun to write is its own; the journal tells when it is opened.
    check_outputs(order, overwrite=order.overwrite or (order.resume and not is_blank(folder)))
    for path in order.videos():
        if path.resolve() == order.video.resolve():
            raise VideoWriteError(f"{path} is the input; give the output another name.")
    check_journal(folder, resume=order.resume, overwrite=order.overwrite)
    if not 0 <= order.crf <= 51:
        raise SettingError(f"crf {order.crf} is not a quality of x264; expected 0 (best) to 51.")
    if not order.context >= 0:
        raise SettingError(f"context must be 0 or more (in sizes of the hole), got {order.context}")
    checked = read_inputs(order, video)
    _check_folder(order.output.absolute().parent)
    return checked


def read_inputs(order: Order, video: VideoReader | None = None) -> Checked:
    """Read the inputs; whether outputs can be written is not looked at.

    Raises:
        VideoReadError, HoleError, SettingError, PlanError: what is wrong with them.
    """
    video = video or open_video(order.video, steady=True)
    holes = as_hole(
        video,
        order.mask,
        order.boxes,
        invert=order.invert,
        dilate=order.dilate,
        extend=order.extend,
        allow_large=order.allow_large,
        track=order.track,
    )
    # an embedding of another video is refused here, not when the model has been loaded
    order.sampling.sampling_scheme(window=16).stages(holes.incomplete())
    return Checked(order, video, holes)


def _check_folder(folder: Path) -> None:
    """It can be written to, or could be made."""
    there = next(p for p in (folder, *folder.parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as e:
        raise VideoWriteError(f"{folder} cannot be written to: {e.strerror or e}.") from e


def make_job(checked: Checked, painter: Painter) -> Job:
    """The job of an order, planned.

    Raises:
        PlanError: the painter's scheme cannot paint this video.
        SettingError: it takes more memory or disk than there is.
    """
    order = checked.order
    job = Job(
        checked.video,
        checked.holes,
        painter,
        samples=order.sampling.samples,
        seed=order.sampling.seed,
        context=order.context,
    )
    check_fits(job, forecast(job, lossless=order.lossless), journal_folder(order.output))
    return job


def run(order: Order, job: Job, report: Report = lambda _: None) -> Written:
    """Paint and write. What is finished is in a journal beside the output until all is done.

    Raises:
        VideoReadError: the input has gone.
        VideoWriteError: an output cannot be written, or the disk is full; the journal stays, if a stage was finished.
        SettingError: the journal that was to be gone on with is that of another order.
    """
    begin = time.monotonic()
    journal = Journal(journal_folder(order.output), fingerprint(order, job), resume=order.resume)
    seam = Seam()
    outputs, spread, sidecar = order.outputs()
    try:
        if order.resume and not journal.writing:
            check_outputs(order, order.overwrite)
        if not all(journal.written(p.name) and p.exists() for p in order.videos()):
            for step in job.paint(journal.folder, journal.stages(len(job.regions))):
                journal.finish_stage(step)
                report(step)
            _write_all(order, job, journal, seam, report)
    except BaseException:
        journal.remove_if_blank()
        raise
    seconds = time.monotonic() - begin
    record = record_of(job)
    record["hole"] |= {"dilated": order.dilate, "inverted": order.invert}
    record |= {
        "outputs": [p.name for p in outputs],
        "uncertainty": spread and spread.name,
        "encoding": order.encoding(),
        "seconds": round(seconds, 3),
        "seam": (ratio := seam.ratio()) and round(ratio, 3),
    }
    _remove_parts(sidecar)
    write_record(sidecar, record, overwrite=True)  # that it may be was checked before painting
    journal.remove()
    return Written(outputs, spread, sidecar, seconds, ratio)


def fingerprint(order: Order, job: Job) -> dict[str, Any]:
    """Everything that decides about the bytes of the result."""
    made = record_of(job)
    made.pop("input")
    files = sorted(order.video.iterdir()) if order.video.is_dir() else [order.video]
    stats = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return {
        **made,
        "input": hashlib.sha256(repr(stats).encode()).hexdigest(),
        "encoding": "lossless" if order.lossless else f"crf {order.crf}",
    }


def _write_all(order: Order, job: Job, journal: Journal, seam: Seam, report: Report) -> None:
    info = job.video.info
    outputs, spread, _ = order.outputs()
    streams: list[tuple[Path, Iterator[Frame]]] = [(p, job.frames(s)) for s, p in enumerate(outputs)]
    streams[0] = outputs[0], _measured(streams[0][1], job, seam)
    if spread is not None:
        streams.append((spread, map(false_colours, job.spread())))
    total, done = info.frames * len(streams), 0

    def counted(frames: Iterator[Frame]) -> Iterator[Frame]:
        nonlocal done
        for frame in frames:
            yield frame
            done += 1
            report(Writing(done, total))

    overwrite = order.overwrite or journal.writing
    journal.begin_writing()
    for path, frames in streams:
        if journal.written(path.name) and path.exists():
            done += info.frames
            continue
        _remove_parts(path)
        write_video(
            path, counted(frames), info.fps, crf=order.crf, lossless=order.lossless, overwrite=overwrite, like=info
        )
        journal.finish_video(path.name)


def _remove_parts(path: Path) -> None:
    """What a run that was killed had begun to write."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        shutil.rmtree(part, ignore_errors=True) if part.is_dir() else part.unlink(missing_ok=True)


def _measured(frames: Iterator[Frame], job: Job, seam: Seam) -> Iterator[Frame]:
    """The same frames; some of those with a hole are looked at."""
    incomplete = job.holes.incomplete()
    marked = [i for i, hole in enumerate(incomplete) if hole]
    chosen = {marked[k] for k in evenly_spaced(len(marked), SEAM_FRAMES)}
    for i, frame in enumerate(frames):
        if i in chosen:
            seam.add(frame, job.holes.read([i])[0])
        yield frame
