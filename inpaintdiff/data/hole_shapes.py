"""Holes as outlines: boxes and polygons at keyframes, or in single frames, drawn a picture at a time.

A pixel belongs to an outline if its centre does, so a box with whole corners covers what `--box` covers, and neighbours share no
pixel. Parts outside the picture are cut off: what is followed may leave it.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

Outline = Float[np.ndarray, "corners 2"]
Edges = Literal["hide", "hold"]


class Shapes(ABC):
    """The outlines of a video.

    Attributes:
        frames: how many frames they are for; None where any number will do, 1 where they hold for every frame.
        last: highest frame number that is named.
        size: height and width of the picture that they were drawn on, where that is known.
    """

    frames: int | None
    last: int
    size: tuple[int, int] | None

    @abstractmethod
    def outlines(self, frame: int) -> list[Outline]:
        """What is to be drawn in this frame, counted from 0."""


@dataclass(frozen=True)
class FrameShapes(Shapes):
    """Outlines by frame; a frame that is not named has none."""

    named: Mapping[int, Sequence[Outline]]
    frames: int | None = None
    size: tuple[int, int] | None = None

    @property
    def last(self) -> int:  # type: ignore[override]
        return max(self.named, default=0)

    def outlines(self, frame: int) -> list[Outline]:
        return list(self.named.get(frame, ()))


@dataclass(frozen=True)
class Moving:
    """One outline that goes straight from keyframe to keyframe, each corner at an even pace.

    Attributes:
        times: frame numbers, increasing.
        places: the outline at each of them; all with the same number of corners.
        before, after: the first one is shown before its time, the last one after its time, or neither.
    """

    times: tuple[int, ...]
    places: tuple[Outline, ...]
    before: Edges = "hide"
    after: Edges = "hide"

    def at(self, frame: int) -> Outline | None:
        """Where it is; None while it is hidden."""
        if frame <= self.times[0]:
            return self.places[0] if frame == self.times[0] or self.before == "hold" else None
        if frame >= self.times[-1]:
            return self.places[-1] if frame == self.times[-1] or self.after == "hold" else None
        k = int(np.searchsorted(self.times, frame, side="right")) - 1
        a, b = self.places[k], self.places[k + 1]
        return a + (b - a) * ((frame - self.times[k]) / (self.times[k + 1] - self.times[k]))


@dataclass(frozen=True)
class MovingShapes(Shapes):
    """Outlines that move between keyframes."""

    moving: Sequence[Moving]
    size: tuple[int, int] | None = None
    frames: int | None = None

    @property
    def last(self) -> int:  # type: ignore[override]
        return max((m.times[-1] for m in self.moving), default=0)

    def outlines(self, frame: int) -> list[Outline]:
        return [place for m in self.moving if (place := m.at(frame)) is not None]


def draw(outlines: Iterable[Outline], height: int, width: int) -> Bool[np.ndarray, "h w"]:
    """The union of outlines. One that crosses itself is filled by the even-odd rule, as drawing programs do.

    Args:
        outlines: corners (x, y) in pixels; the upper left corner of the picture is (0, 0), its lower right one (width, height).
        height, width: of the picture.
    """
    picture = np.zeros((height, width), dtype=bool)
    for outline in outlines:
        # A pixel is inside if an odd number of edges lies to its left; each edge toggles the rest of every row that it crosses.
        toggled = np.zeros((height, width + 1), dtype=bool)
        for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
            top, bottom = (math.ceil(min(max(y, 0.0), float(height)) - 0.5) for y in (min(y0, y1), max(y0, y1)))
            if top < bottom:
                rows = np.arange(top, bottom)
                crossing = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                toggled[rows, np.ceil(crossing.clip(0, width) - 0.5).astype(np.int64)] ^= True
        picture |= np.logical_xor.accumulate(toggled, axis=1)[:, :width]
    return picture


def box_outline(x1: float, y1: float, x2: float, y2: float) -> Outline:
    """The four corners of a box."""
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], dtype=np.float64)
