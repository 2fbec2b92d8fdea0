"""`inpaintdiff masks`: make holes, look at them, and turn one kind of file into another."""

import argparse
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image
from rich.console import Console
from rich.progress import track as with_bar

from inpaintdiff.checkpoint import file_digest
from inpaintdiff.data.hole_drawing import random_shift
from inpaintdiff.data.hole_files import check_hole_output, write_hole
from inpaintdiff.data.hole_generators import (
    BlobHole,
    BorderHole,
    BoxHole,
    BrushHole,
    FirstFramesKnown,
    GridHole,
    MadeHole,
    RandomHole,
    RegionHole,
    WholeFramesHole,
)
from inpaintdiff.data.hole_report import HoleSummary, Levels, hole_sheet, measure_levels, summarize
from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.holes import hole_pictures
from inpaintdiff.data.video import VideoReader, open_video
from inpaintdiff.errors import HoleError, InpaintDiffError, SettingError, VideoWriteError

_DRAWN: dict[str, type[RandomHole]] = {
    "grid": GridHole,
    "blob": BlobHole,
    "brush": BrushHole,
    "box": BoxHole,
    "region": RegionHole,
    "border": BorderHole,
}
# Options that only some kinds have.
_OWN = {
    "share": {*_DRAWN, "whole-frames"},
    "motion": {*_DRAWN, "object"},
    "known": {"first-n-known"},
    "track_file": {"object"},
    "track": {"object"},
    "place": {"object"},
}
_LONGEST = 1_000_000
_PARTS = 6

Pictures = Iterable[Bool[np.ndarray, "h w"]]


def make(args: argparse.Namespace) -> int:
    """Draw a hole and write it."""
    for option, kinds in _OWN.items():
        if getattr(args, option) is not None and args.kind not in kinds:
            raise SettingError(f"--{option.replace('_', '-')} is for {', '.join(sorted(kinds))}; not for {args.kind}")
    if args.seed < 0:
        raise SettingError(f"--seed is {args.seed}, expected 0 or more")
    check_hole_output(args.output, overwrite=args.overwrite)
    still = args.motion != "moving" if args.kind in _DRAWN else args.motion == "static"
    scene = _scene(args, None, 1 if still else None)
    rng = np.random.default_rng(args.seed)
    if args.kind == "object":
        pictures = _object(args, rng, scene)
    else:
        pictures = _generator(args, scene).pictures(rng, scene.frames, scene.height, scene.width)
    hole = _track(pictures, scene, "drawing")
    hole.check(allow_large=True)
    _write(args, hole, scene)
    try:
        hole.check()
    except HoleError:
        print("such a hole looks inverted: `inpaint` and `masks convert` want --yes for it", file=sys.stderr)
    return 0


def show(args: argparse.Namespace) -> int:
    """Say what a mask marks; draw a sheet of pictures."""
    if args.output is not None:
        if args.output.suffix.lower() != ".png":
            raise VideoWriteError(f"{args.output.name} is no name for a picture; expected one ending in .png.")
        check_hole_output(args.output, overwrite=args.overwrite)
    scene, hole = _given(args)
    summary = summarize(hole)
    for name, value in _facts(scene, hole, summary, args.dilate):
        print(f"{name:9} {value}")
    if args.output is not None:
        _save(Image.fromarray(hole_sheet(hole, summary.shares, scene.video)), args.output)
        print(args.output)
    return 0


def convert(args: argparse.Namespace) -> int:
    """Write a mask as another kind of file."""
    check_hole_output(args.output, overwrite=args.overwrite)
    scene, hole = _given(args)
    hole.check(args.yes)
    _write(args, hole, scene)
    print(f"grown by {args.dilate} pixels (--dilate)", file=sys.stderr)
    return 0


@dataclass(frozen=True)
class _Scene:
    """What a hole is for: a video, or its length, size and rate; and the mask as it is in its file."""

    frames: int
    height: int
    width: int
    fps: Fraction
    video: VideoReader | None
    levels: Levels | None


def _scene(args: argparse.Namespace, levels: Levels | None, frames: int | None) -> _Scene:
    """Of the video, or as given, or (`levels`, `frames`) of the mask itself."""
    if args.video is not None:
        if args.frames is not None or args.size is not None:
            raise SettingError("give --like, or --frames and --size, not both: the video knows its length and size")
        video = open_video(args.video)
        return _Scene(video.info.frames, video.info.height, video.info.width, video.info.fps, video, levels)
    if args.size is not None:
        height, width = _size(args.size)
    elif levels is not None:
        height, width = levels.height, levels.width
    else:
        raise SettingError("how large is the picture? Give --like VIDEO, or --size WIDTHxHEIGHT")
    frames = args.frames if args.frames is not None else frames
    if frames is None:
        raise SettingError("how long is the video? Give --like VIDEO, or --frames N")
    if not 1 <= frames <= _LONGEST:
        raise SettingError(f"--frames is {frames}, expected 1 to {_LONGEST}")
    return _Scene(frames, height, width, Fraction(25), None, levels)


def _given(args: argparse.Namespace) -> tuple[_Scene, HoleTrack]:
    """A mask that was given, whether or not it can be meant."""
    levels = measure_levels(args.mask)
    scene = _scene(args, levels, levels.pictures if levels else None)
    pictures = hole_pictures(
        args.mask, scene.frames, scene.height, scene.width,
        dilate=args.dilate, invert=args.invert_mask, extend=args.mask_extend, track=args.track,
    )  # fmt: skip
    return scene, _track(pictures, scene, "reading")


def _generator(args: argparse.Namespace, scene: _Scene) -> MadeHole:
    if args.kind in _DRAWN:
        return _DRAWN[args.kind](*_share(args.share, "0.05-0.35"), moving=float(args.motion == "moving"))
    if scene.frames < 2:
        raise SettingError(f"of 1 frame none can be known and another hidden; {args.kind} wants --frames 2 or more")
    if args.kind == "whole-frames":
        return WholeFramesHole(*_share(args.share, "0.25-0.75"))
    known = max(1, scene.frames // 4) if args.known is None else args.known
    if not 1 <= known < scene.frames:
        raise SettingError(f"--known is {known}, expected 1 to {scene.frames - 1} of {scene.frames} frames")
    return FirstFramesKnown(known, known)


def _object(args: argparse.Namespace, rng: np.random.Generator, scene: _Scene) -> Pictures:
    """An object over its track, or in its largest shape; moved aside within the picture if that is asked for."""
    if args.track_file is None:
        raise SettingError("an object needs to be told where it is; give --track-file PATH, boxes, polygons or a mask")
    given = hole_pictures(args.track_file, scene.frames, scene.height, scene.width, track=args.track)
    shown = _track(given, scene, "reading")
    if args.motion == "static":
        largest = max(shown, key=np.count_nonzero)
        shown = HoleTrack([largest], scene.frames, scene.height, scene.width)
    shift = random_shift(rng, shown.union) if args.place == "random" else (0, 0)
    return (np.roll(picture, shift, axis=(0, 1)) for picture in shown)


def _facts(scene: _Scene, hole: HoleTrack, summary: HoleSummary, dilate: int) -> Iterator[tuple[str, object]]:
    """Lines of `masks show`."""
    painted = [s for s in summary.shares if s]
    yield "pictures", scene.levels.pictures if scene.levels else "drawn for each frame, from outlines"
    yield "frames", f"{hole.frames}, {len(painted)} with a hole"
    yield "size", f"{hole.width} x {hole.height}"
    if painted:
        share = f"{sum(painted) / len(painted):.2%} of the picture in a frame with a hole"
        yield "share", f"{share}, from {min(painted):.2%} to {max(painted):.2%}" if summary.moves else share
    yield "motion", "moving" if summary.moves else "static"
    if summary.within:
        yield "within", f"{summary.within}  (x1,y1,x2,y2, all frames together)"
    if summary.moves and summary.first and summary.last:
        yield "first", f"{summary.first[1]}  in frame {summary.first[0]}"
        yield "last", f"{summary.last[1]}  in frame {summary.last[0]}"
    if len(summary.parts) > 1:
        more = f"  and {len(summary.parts) - _PARTS} more" * (len(summary.parts) > _PARTS)
        yield "parts", f"{len(summary.parts)}: {'  '.join(map(str, summary.parts[:_PARTS]))}{more}"
    yield "levels", scene.levels or "none: outlines"
    yield "polarity", summary.polarity
    yield "grown by", f"{dilate} pixels (--dilate)"
    yield "sha256", hole.digest()


def _track(pictures: Pictures, scene: _Scene, doing: str) -> HoleTrack:
    try:
        return HoleTrack(_with_bar(pictures, doing, scene.frames), scene.frames, scene.height, scene.width)
    except OSError as e:
        if isinstance(e, InpaintDiffError):
            raise
        raise VideoWriteError(f"{tempfile.gettempdir()} cannot hold the mask: {e.strerror or e}.") from e


def _write(args: argparse.Namespace, hole: HoleTrack, scene: _Scene) -> None:
    """Write a hole, read it back, and say what it is."""
    path = write_hole(args.output, _with_bar(hole, "writing", hole.frames), fps=scene.fps, overwrite=args.overwrite)
    again = hole_pictures(path, hole.frames, hole.height, hole.width)
    if _track(again, scene, "checking").digest() != hole.digest():
        raise VideoWriteError(f"{path} was written, but reads as another hole; give another kind of file.")
    share = hole.pixels / (hole.frames * hole.height * hole.width)
    print(path)
    print(f"{hole.frames} frames of {hole.width} x {hole.height}, {sum(hole.incomplete())} with a hole")
    print(f"{share:.2%} of the pixels, {'moving' if hole.moves else 'static'}")
    print(f"sha256 {hole.digest()}  (the hole, whatever its file)")
    if path.is_file():
        print(f"sha256 {file_digest(path)}  (the file)")


def _with_bar(pictures: Pictures, doing: str, total: int) -> Pictures:
    """The same pictures; a bar with the time left appears on stderr if they take more than two seconds."""
    begun, given = time.monotonic(), iter(pictures)
    for done, picture in enumerate(given, start=1):
        yield picture
        if time.monotonic() - begun > 2:
            bar = Console(stderr=True)
            yield from with_bar(given, doing, total=total, completed=done, console=bar, transient=True)


def _save(picture: Image.Image, path: Path) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        picture.save(part, format="PNG")
        part.replace(path)
    except OSError as e:
        raise VideoWriteError(f"{path} cannot be written: {e.strerror or e}.") from e
    finally:
        part.unlink(missing_ok=True)


def _size(text: str) -> tuple[int, int]:
    """Height and width from `WIDTHxHEIGHT`."""
    match = re.fullmatch(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})", text.strip().lower(), re.ASCII)
    if not match:
        raise SettingError(f"--size {text[:40]!r} is not of the form WIDTHxHEIGHT in pixels, as 640x360")
    return int(match[2]), int(match[1])


def _share(text: str | None, default: str) -> tuple[float, float]:
    """Least and largest share from `0.05-0.35`, or one number for both."""
    match = re.fullmatch(r"(0?\.\d+)(?:-(0?\.\d+))?", (text or default).strip(), re.ASCII)
    least, most = (float(match[1]), float(match[2] or match[1])) if match else (0.0, 0.0)
    if not 0 < least <= most < 1:
        raise SettingError(
            f"--share {(text or default)[:40]!r} is not of the form LEAST-MOST with 0 < LEAST <= MOST < 1, as 0.05-0.35"
        )
    return least, most
