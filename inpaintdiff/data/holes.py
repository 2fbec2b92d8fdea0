"""Holes: the only place that knows outside polarities, thresholds and dilation. Inside, True always means "to paint"."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, Int, Num

from inpaintdiff.data.hole_annotations import is_shapes, shape_levels
from inpaintdiff.data.hole_files import iter_array, iter_levels, write_hole
from inpaintdiff.data.hole_track import HoleFacts
from inpaintdiff.errors import HoleError

__all__ = [
    "Box",
    "box_pictures",
    "boxes_to_hole",
    "check_hole",
    "dilated",
    "hole_pictures",
    "parse_box",
    "read_hole",
    "write_hole",
]

log = logging.getLogger(__name__)

_THRESHOLD = 128
# Levels this near to the threshold may have been on its other side before compression.
_NEAR = 32

Hole = Bool[np.ndarray, "t h w"]


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels: columns x1 to x2 - 1, rows y1 to y2 - 1, in frames `first` to `last`, both included.

    Attributes:
        x1, y1, x2, y2: pixels from the upper left corner of the picture as shown.
        first, last: frame numbers; None means every frame.
    """

    x1: int
    y1: int
    x2: int
    y2: int
    first: int | None = None
    last: int | None = None

    def times(self, frames: int) -> tuple[int, int]:
        """First and last frame in a video of so many frames."""
        return (0 if self.first is None else self.first), (frames - 1 if self.last is None else self.last)

    def __str__(self) -> str:
        when = "" if self.first is None else f"@{self.first}-{self.last}"
        return f"{self.x1},{self.y1},{self.x2},{self.y2}{when}"


def parse_box(text: str) -> Box:
    """A box from `x1,y1,x2,y2` or `x1,y1,x2,y2@t0-t1`; x2 and y2 are just outside, frames t0 and t1 both inside.

    Raises:
        HoleError: other text, or a box without area or time.
    """
    match = re.fullmatch(
        r"\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*(?:@\s*(\d+)\s*-\s*(\d+)\s*)?", text, re.ASCII
    )
    if not match or any(len(g) > 9 for g in match.groups() if g):
        raise HoleError(
            f"box {text[:80]!r} is not of the form x1,y1,x2,y2 or x1,y1,x2,y2@t0-t1 (whole pixels, frame numbers)."
        )
    box = Box(*(None if g is None else int(g) for g in match.groups()))  # type: ignore[arg-type]
    if box.x2 <= box.x1 or box.y2 <= box.y1:
        raise HoleError(f"box {text!r} has no area; expected x1 < x2 and y1 < y2.")
    if box.first is not None and box.last is not None and box.last < box.first:
        raise HoleError(f"box {text!r} ends before it begins; expected @first-last.")
    return box


def boxes_to_hole(boxes: Sequence[Box], frames: int, height: int, width: int) -> Hole:
    """The union of boxes. Whether it is sensible is for `check_hole` to say.

    Raises:
        HoleError: a box that reaches outside the picture or the video.
    """
    return np.stack(list(box_pictures(boxes, frames, height, width)))


def box_pictures(boxes: Sequence[Box], frames: int, height: int, width: int) -> Iterator[Bool[np.ndarray, "h w"]]:
    """As `boxes_to_hole`, a picture at a time; frames with the same boxes share one array.

    Raises:
        HoleError: at once, a box that reaches outside the picture or the video.
    """
    for box in boxes:
        if not (0 <= box.x1 < box.x2 <= width and 0 <= box.y1 < box.y2 <= height):
            raise HoleError(
                f"box {box} does not lie within the picture of {width} x {height}; x goes to {width}, y to {height}."
            )
        first, last = box.times(frames)
        if not 0 <= first <= last < frames:
            raise HoleError(f"box {box} wants frames {first} to {last}, the video has 0 to {frames - 1}.")

    def draw() -> Iterator[Bool[np.ndarray, "h w"]]:
        shown: list[Box] | None = None
        picture = np.zeros((height, width), dtype=bool)
        for i in range(frames):
            now = [b for b in boxes if b.times(frames)[0] <= i <= b.times(frames)[1]]
            if now != shown:
                shown, picture = now, np.zeros((height, width), dtype=bool)
                for b in now:
                    picture[b.y1 : b.y2, b.x1 : b.x2] = True
            yield picture

    return draw()


def read_hole(
    source: Path | str | Num[np.ndarray, "..."] | Bool[np.ndarray, "..."],
    frames: int,
    height: int,
    width: int,
    *,
    dilate: int = 0,
    allow_large: bool = False,
    extend: Literal["hold"] | None = None,
    invert: bool = False,
    track: int | None = None,
) -> Hole:
    """A hole for a video from whatever people keep masks in. White (at least 128) is filled.

    Args:
        source: picture (one for all frames), folder of pictures, mask video, .npy or .npz, outlines (.json, .csv or .txt, see
            `read_shapes`), or an array [h w] or [t h w] (bool; 0 and 1; 0 to 255; or floats from 0 to 1).
        frames, height, width: of the video, as shown.
        dilate: grow the hole by so many pixels (Euclidean distance); nothing is grown unless asked for.
        allow_large: accept what looks inverted, see `check_hole`.
        extend: "hold" repeats the last picture where there are fewer than frames.
        invert: black is filled.
        track: of outlines, only those with this number.

    Raises:
        HoleError: missing, unreadable, of the wrong size or length, empty, full, or inverted-looking.
    """
    pictures = list(
        hole_pictures(source, frames, height, width, dilate=dilate, extend=extend, invert=invert, track=track)
    )
    hole = np.stack(pictures * frames if len(pictures) == 1 else pictures)
    check_hole(hole, allow_large)
    return hole


def hole_pictures(
    source: Path | str | Num[np.ndarray, "..."] | Bool[np.ndarray, "..."],
    frames: int,
    height: int,
    width: int,
    *,
    dilate: int = 0,
    extend: Literal["hold"] | None = None,
    invert: bool = False,
    track: int | None = None,
) -> Iterator[Bool[np.ndarray, "h w"]]:
    """As `read_hole`, a picture at a time, so that memory does not grow with the video; whether it is sensible is not checked.

    Yields:
        One picture, which holds for all frames, or as many as there are frames.

    Raises:
        HoleError: as `read_hole`; some faults show only after the last picture.
    """
    if dilate < 0:
        raise HoleError(f"the mask cannot be grown by {dilate} pixels; expected 0 or more.")
    name = "the mask" if isinstance(source, np.ndarray) else f"mask {source}"
    log.info("%s is grown by %d pixels.", name, dilate)
    if not isinstance(source, np.ndarray) and is_shapes(Path(source)):
        levels = shape_levels(Path(source), name, frames, height, width, track)
    elif track is not None:
        raise HoleError(
            f"track {track} was asked for, but {name} holds pictures; give a .json, .csv or .txt file of tracks."
        )
    else:
        levels = iter_array(source, name) if isinstance(source, np.ndarray) else iter_levels(Path(source), name)
    counts, marked, n = np.zeros(256, dtype=np.int64), False, 0
    for n, picture in enumerate(levels, 1):
        if picture.shape != (height, width):
            raise HoleError(
                f"{name} is {picture.shape[1]} x {picture.shape[0]}, the video is {width} x {height}. "
                "Give a mask of the video's size."
            )
        counts += np.bincount(picture.reshape(-1), minlength=256)
        hole = (picture >= _THRESHOLD) != invert
        marked |= bool(hole.any())
        hole = dilated(hole[None], dilate)[0] if dilate else hole
        if n <= frames:  # the rest is counted for the message only
            yield hole
    if n not in (1, frames):
        if n > frames or extend != "hold":
            hint = "; or --mask-extend hold" if n < frames else ""
            raise HoleError(f"{name} has {n} frames, video has {frames}. Give {frames}, or 1 for all{hint}.")
        log.info("%s has %d frames, the video %d; its last one is held.", name, n, frames)
        yield from repeat(hole, frames - n)
    _report_grey(counts, name)
    if not invert and not marked and counts[1:].any():
        raise HoleError(
            f"{name} has no value above {np.flatnonzero(counts)[-1]}; white (255) marks what is filled, from {_THRESHOLD} up. "
            "Multiply its values so that the hole is 255."
        )


def check_hole(hole: Hole, allow_large: bool = False) -> None:
    """Stops what is most likely a mistake.

    Args:
        hole: True where to paint.
        allow_large: accept more than 60 % of the pictures that have a hole, and holes that touch all four borders of each of them.

    Raises:
        HoleError: nothing is marked, everything is, or (unless `allow_large`) it looks inverted.
    """
    facts = HoleFacts()
    for picture in hole:
        facts.add(picture)
    facts.check(allow_large)


def dilated(hole: Hole, pixels: int) -> Hole:
    """Every pixel whose Euclidean distance to the hole is at most `pixels`."""
    distance = (cv2.distanceTransform((~f).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for f in hole)
    # The transform is exact up to rounding; distances that differ do so by more than 1e-3 at any size of picture.
    return np.stack([(d <= pixels + 1e-4) & f.any() for d, f in zip(distance, hole, strict=True)])


def _report_grey(counts: Int[np.ndarray, " 256"], name: str) -> None:
    """Say what compression left between black and white."""
    present = int((counts > 0).sum())
    if present > 2 or counts[1:255].any():
        near = counts[_THRESHOLD - _NEAR : _THRESHOLD + _NEAR].sum() / counts.sum()
        log.warning(
            "%s has %d grey levels; thresholded at %d, %.1f %% of the pixels were near.",
            name,
            present,
            _THRESHOLD,
            near * 100,
        )
