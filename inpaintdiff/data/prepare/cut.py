"""One source, cut into clips in a folder of its own. What comes of it depends on the source and the settings alone."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from inpaintdiff.checkpoint import file_digest
from inpaintdiff.data.hole_files import write_hole
from inpaintdiff.data.prepare.boxes import Seen, Track, boxes_in_clip, read_boxes, tracks_on_clock
from inpaintdiff.data.prepare.cars import CarClip, car_clips
from inpaintdiff.data.prepare.detector import Detector
from inpaintdiff.data.prepare.fingerprint import fingerprint
from inpaintdiff.data.prepare.frames import centre_crop, iter_sampled, sampled_at, shrunk
from inpaintdiff.data.prepare.pieces import Dropped, iter_pieces
from inpaintdiff.data.prepare.records import FOLDER, ClipRecord, SourceRecord, tracks_state, write_record
from inpaintdiff.data.prepare.settings import PrepareSettings
from inpaintdiff.data.prepare.shots import Verdict, stretches, verdicts
from inpaintdiff.data.prepare.signals import Signals
from inpaintdiff.data.prepare.sources import Source
from inpaintdiff.data.prepare.tracker import Tracker
from inpaintdiff.data.prepare.traffic import crossed_region, stands_still, view
from inpaintdiff.data.tracks import TrackBox, write_tracks
from inpaintdiff.data.video import VideoReader, open_video, write_video
from inpaintdiff.errors import DatasetError, InpaintDiffError

MOVES, NO_TRAFFIC = "the camera moves", "nothing crosses the picture"


@dataclass(frozen=True)
class Box:
    """A row of a tracks file."""

    frame: int
    vehicle: int
    x1: float
    y1: float
    x2: float
    y2: float
    kind: str


@dataclass(frozen=True, eq=False)
class _Clip:
    first: int
    frames: UInt8[np.ndarray, "t h w 3"]
    hole: Bool[np.ndarray, "t h w"] | None = None
    boxes: Sequence[TrackBox] = ()


def cut_source(
    root: Path, source: Source, settings: PrepareSettings, progress: Callable[[float], None] | None = None
) -> SourceRecord:
    """Cut a source into clips below `root`/.prepare and write its record.

    Args:
        root: the data set's folder.
        source: a video, which may be unreadable: the record then says why nothing came of it.
        settings: how.
        progress: called with the share that was done since the last call; the sum is at most 1.
    """
    folder = root / FOLDER / source.name
    # what lies there is from a run that did not finish
    shutil.rmtree(folder, ignore_errors=True)
    facts = (source.name, source.label, source.bytes, source.changed, source.split)
    dropped: list[Dropped] = []
    try:
        reader = open_video(source.path)
        at = sampled_at(reader.info, settings.fps)
        cut = _cut_cars if settings.kind == "cars" else _cut_whole
        clips = tuple(
            _write(folder, f"{source.name}-{n:03d}", clip, settings)
            for n, clip in enumerate(cut(reader, at, source, settings, dropped, _steps(progress, len(at), settings)))
        )
        seconds = round(float(len(at) / settings.fps), 3)
        record = SourceRecord(*facts, seconds, clips, tuple(dropped), None, tracks_state(source))
    except InpaintDiffError as e:
        shutil.rmtree(folder, ignore_errors=True)
        # a data set says the same wherever its videos lay
        reason = str(e).replace(str(source.path), source.label)
        record = SourceRecord(*facts, refused=reason, tracks=tracks_state(source))
    write_record(root, record)
    return record


def _steps(progress: Callable[[float], None] | None, frames: int, settings: PrepareSettings) -> Callable[[], None]:
    passes = 2 if settings.kind == "cars" else 1
    return (lambda: None) if progress is None else (lambda: progress(1 / (passes * max(1, frames))))


def _write(folder: Path, name: str, clip: _Clip, settings: PrepareSettings) -> ClipRecord:
    files = [write_video(folder / f"{name}.mp4", clip.frames, settings.fps, crf=settings.crf, gop=settings.gop)]
    if clip.hole is not None:
        still = bool((clip.hole == clip.hole[0]).all())
        files.append(write_hole(folder / f"{name}.hole.{'png' if still else 'npz'}", clip.hole))
    if clip.boxes:
        path = folder / f"{name}.tracks.csv"
        write_tracks(path, [Box(b.frame, b.vehicle, b.x1, b.y1, b.x2, b.y2, b.kind) for b in clip.boxes], Box)
        files.append(path)
    digests = {p.name.removeprefix(name): file_digest(p) for p in files}
    return ClipRecord(
        name, len(clip.frames), round(float(clip.first / settings.fps), 3), fingerprint(clip.frames), digests
    )


def _cut_whole(
    reader: VideoReader,
    at: list[int],
    source: Source,
    settings: PrepareSettings,
    dropped: list[Dropped],
    step: Callable[[], None],
) -> Iterator[_Clip]:
    """Clips of the middle of the picture; for traffic only those that a still camera took."""
    crop = centre_crop(reader.info, settings.height, settings.width)
    traffic = settings.kind == "traffic"
    tracks = _known_tracks(reader, at, source, settings)

    def small() -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"] | None]]:
        for frame in iter_sampled(reader, at):
            step()
            part = frame[crop.top : crop.bottom, crop.left : crop.right]
            yield shrunk(frame, crop, settings.height, settings.width), view(part) if traffic else None

    for piece in iter_pieces(small(), settings, dropped):
        n = len(piece.frames)
        hole = None
        if traffic:
            still = stands_still(piece.views)
            region = crossed_region(piece.frames) if still else None
            if region is None:
                first, end = (round(float(t / settings.fps), 3) for t in (piece.first, piece.first + n))
                dropped.append(Dropped(first, end, NO_TRAFFIC if still else MOVES))
                continue
            hole = np.broadcast_to(region, (n, *region.shape))
        boxes = boxes_in_clip(tracks, [crop] * n, piece.first, settings.height, settings.width)
        yield _Clip(piece.first, piece.frames, hole, boxes)


def _cut_cars(
    reader: VideoReader,
    at: list[int],
    source: Source,
    settings: PrepareSettings,
    dropped: list[Dropped],
    step: Callable[[], None],
) -> Iterator[_Clip]:
    """Clips that follow one vehicle each. The source is decoded twice: to find vehicles and cuts, and to cut."""
    seen: list[Seen] = []
    detector, tracker = None, Tracker()
    if source.tracks is None:
        if settings.detector is None:
            raise DatasetError(
                "it has no tracks: neither labels of BDD100K, nor a MOT file of its name, nor --detector"
            )
        detector = Detector(settings.detector)
    judge, signals = Signals(), []
    for tick, frame in enumerate(iter_sampled(reader, at)):
        step()
        signals.append(judge(frame))
        if detector is not None:
            seen += tracker(float(tick / settings.fps), detector(frame))
    kept = []
    for stretch in stretches(verdicts(signals, settings.frozen_frames)):
        if stretch.verdict is Verdict.KEEP:
            kept.append(stretch)
        else:
            first, end = (round(float(t / settings.fps), 3) for t in (stretch.first, stretch.end))
            dropped.append(Dropped(first, end, stretch.verdict.value))
    if detector is None:
        tracks = _known_tracks(reader, at, source, settings)
    else:
        tracks = tracks_on_clock(seen, settings.fps, len(at))
    clips = car_clips(tracks, kept, reader.info.height, reader.info.width, settings)
    yield from _follow(reader, at, clips, settings, step)


def _follow(
    reader: VideoReader, at: list[int], clips: list[CarClip], settings: PrepareSettings, step: Callable[[], None]
) -> Iterator[_Clip]:
    """The frames of every clip, in order of their ends; those of a few clips at a time are in memory."""
    under_way: list[tuple[CarClip, list[UInt8[np.ndarray, "h w 3"]]]] = []
    waiting = list(clips)
    size = settings.height, settings.width
    for tick, frame in enumerate(iter_sampled(reader, at)):
        step()
        while waiting and waiting[0].first == tick:
            under_way.append((waiting.pop(0), []))
        for clip, frames in under_way:
            frames.append(shrunk(frame, clip.crops[tick - clip.first], *size))
        for clip, frames in [pair for pair in under_way if pair[0].end == tick + 1]:
            boxes = boxes_in_clip([clip.track], list(clip.crops), clip.first, *size)
            yield _Clip(clip.first, np.stack(frames), clip.hole(*size), boxes)
        under_way = [pair for pair in under_way if pair[0].end > tick + 1]


def _known_tracks(reader: VideoReader, at: list[int], source: Source, settings: PrepareSettings) -> list[Track]:
    """The tracks that lie beside a source, by the data set's clock."""
    if source.tracks is None:
        return []
    info = reader.info
    if info.pts is None:
        times = {i: float(i / info.fps) for i in range(info.frames)}
    else:
        times = {i: float((p - info.pts[0]) * info.time_base) for i, p in enumerate(info.pts)}
    return tracks_on_clock(read_boxes(source.tracks, times), settings.fps, len(at))
