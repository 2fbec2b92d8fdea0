"""`inpaintdiff masks`: make holes, look at them, and turn one kind of file into another."""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image

from inpaintdiff.data.hole_drawing import (
    moved_object_hole,
    random_blob_hole,
    random_border_hole,
    random_box_hole,
    random_brush_hole,
    random_grid_hole,
)
from inpaintdiff.data.hole_report import Levels, hole_sheet, measure_levels, parse_size, polarity, shares
from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.holes import hole_pictures, write_hole
from inpaintdiff.data.video import VideoReader, open_video
from inpaintdiff.errors import HoleError, InpaintDiffError, SettingError, VideoWriteError

_DRAWN = {
    "grid": random_grid_hole,
    "blob": random_blob_hole,
    "brush": random_brush_hole,
    "box": random_box_hole,
    "border": random_border_hole,
}
_LONGEST = 1_000_000


def make(args: argparse.Namespace) -> int:
    """Draw a hole and write it."""
    _check_free(args.output, args.overwrite)
    rng = np.random.default_rng(_seed(args.seed))
    scene = _scene(args, None)
    frames, height, width = scene.frames, scene.height, scene.width
    if args.kind == "object":
        if args.source is None:
            raise SettingError("an object needs its shape; give --from PATH, a mask or a track")
        shown = HoleTrack(
            hole_pictures(args.source, frames, height, width, track=args.track), frames, height, width
        ).read(range(frames))
        hole = moved_object_hole(rng, shown, moving=args.moving)
    else:
        if args.source is not None or args.track is not None:
            raise SettingError(f"--from and --track are for objects, not for a {args.kind}")
        hole = _DRAWN[args.kind](rng, frames, height, width, area=_area(args.area), moving=args.moving)
    _write(args, _track(hole if args.moving else hole[:1], scene), scene)
    if args.kind == "border":
        print("to paint beyond a border, give `inpaint` --yes: such a hole looks inverted", file=sys.stderr)
    return 0


def show(args: argparse.Namespace) -> int:
    """Say what a mask marks; write a sheet of pictures."""
    if args.output is not None:
        if args.output.suffix.lower() != ".png":
            raise VideoWriteError(f"{args.output.name} is no name for a picture; expected one ending in .png.")
        _check_free(args.output, args.overwrite)
    scene, hole = _given(args)
    least, mean, most = shares(hole)
    print(f"pictures  {scene.levels.pictures if scene.levels else 'drawn for each frame'}")
    print(f"frames    {hole.frames}, {sum(hole.incomplete())} with a hole")
    print(f"size      {hole.width} x {hole.height}")
    print(f"share     {mean:.2%} of the picture in a frame with a hole, from {least:.2%} to {most:.2%}")
    print(f"levels    {scene.levels or 'none: outlines'}")
    print(f"polarity  {polarity(hole)}")
    print(f"sha256    {hole.digest()}")
    if args.output is not None:
        try:
            Image.fromarray(hole_sheet(hole, scene.video)).save(args.output, format="PNG")
        except OSError as e:
            if isinstance(e, InpaintDiffError):
                raise
            raise VideoWriteError(f"{args.output} cannot be written: {e.strerror or e}.") from e
        print(args.output)
    return 0


def convert(args: argparse.Namespace) -> int:
    """Write a mask as another kind of file."""
    _check_free(args.output, args.overwrite)
    scene, hole = _given(args)
    if not hole.pixels:
        print(f"inpaintdiff: {polarity(hole)}", file=sys.stderr)
    _write(args, hole, scene)
    return 0


@dataclass(frozen=True)
class _Scene:
    """What a hole is for."""

    frames: int
    height: int
    width: int
    video: VideoReader | None
    levels: Levels | None


def _scene(args: argparse.Namespace, levels: Levels | None) -> _Scene:
    """Length and size: of the video, or as given, or of the mask itself."""
    video = open_video(args.video) if args.video is not None else None
    if video is not None:
        if args.frames is not None or args.size is not None:
            raise SettingError("give --video, or --frames and --size, not both: the video knows its length and size")
        return _Scene(video.info.frames, video.info.height, video.info.width, video, levels)
    if args.size is not None:
        height, width = parse_size(args.size)
    elif levels is not None:
        height, width = levels.height, levels.width
    else:
        raise SettingError("how large is the picture? Give --video IN, or --size WIDTHxHEIGHT")
    frames = args.frames
    if frames is None:
        frames = levels.pictures if levels is not None else None if getattr(args, "moving", True) else 1
    if frames is None:
        raise SettingError("how long is the video? Give --video IN, or --frames N")
    if not 1 <= frames <= _LONGEST:
        raise SettingError(f"--frames is {frames}, expected 1 to {_LONGEST}")
    return _Scene(frames, height, width, None, levels)


def _given(args: argparse.Namespace) -> tuple[_Scene, HoleTrack]:
    """A mask that was given, whether or not it can be meant."""
    scene = _scene(args, measure_levels(args.mask))
    pictures = hole_pictures(
        args.mask, scene.frames, scene.height, scene.width,
        dilate=args.dilate, invert=args.invert_mask, extend=args.mask_extend, track=args.track,
    )  # fmt: skip
    return scene, _track(pictures, scene)


def _track(pictures: Iterable[Bool[np.ndarray, "h w"]], scene: _Scene) -> HoleTrack:
    try:
        return HoleTrack(pictures, scene.frames, scene.height, scene.width)
    except OSError as e:
        if isinstance(e, InpaintDiffError):
            raise
        raise VideoWriteError(f"{tempfile.gettempdir()} cannot hold the mask: {e.strerror or e}.") from e


def _write(args: argparse.Namespace, hole: HoleTrack, scene: _Scene) -> None:
    fps = scene.video.info.fps if scene.video else 25
    still = args.output.suffix.lower() == ".png"
    pictures: Iterator[Bool[np.ndarray, "h w"]] = iter(hole)
    print(write_hole(args.output, pictures, fps=fps, overwrite=args.overwrite))
    painted = hole.pixels / (hole.frames * hole.height * hole.width)
    size = f"{hole.width} x {hole.height}"
    for_ = f"a picture of {size} for {hole.frames} frames" if still else f"{hole.frames} frames of {size}"
    print(f"{painted:.2%} of {for_}")
    print(f"sha256 {hole.digest()}")


def _check_free(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise VideoWriteError(f"{path} exists already; give another name, or --overwrite.")


def _area(text: str) -> tuple[float, float]:
    """Least and largest share of the picture, from `0.05,0.35` or one number for both."""
    try:
        least, most = ([float(v) for v in text.split(",")] * 2)[:2] if "," not in text else map(float, text.split(","))
    except ValueError:
        least = most = float("nan")
    if not 0 < least <= most < 1:
        raise HoleError(
            f"the share {text[:40]!r} is not of the form LEAST,MOST with 0 < LEAST <= MOST < 1, as 0.05,0.35."
        )
    return least, most


def _seed(seed: int) -> int:
    if seed < 0:
        raise SettingError(f"--seed is {seed}, expected 0 or more")
    return seed
