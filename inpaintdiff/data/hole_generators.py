"""How holes are drawn for training and for fixed test sets: one small class a kind, mixtures with weights, all named in YAML by class.

Equal seeds give equal holes on every machine, see `hole_chance`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from inpaintdiff.data.hole_chance import chance, whole
from inpaintdiff.data.hole_drawing import (
    Drawn,
    random_blob_hole,
    random_border_hole,
    random_box_hole,
    random_brush_hole,
    random_grid_hole,
    random_region_hole,
    random_shift,
)
from inpaintdiff.errors import SettingError


class HoleGenerator(ABC):
    """Draws the hole of a clip."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, own: Bool[np.ndarray, "t h w"]) -> Bool[np.ndarray, "t h w"]:
        """A hole for a clip.

        Args:
            rng: the only source of chance.
            own: the hole that the data set has for this clip; all False where it has none.
        """


class DataSetHole(HoleGenerator):
    """The hole that lies beside the clip."""

    def draw(self, rng: np.random.Generator, own: Bool[np.ndarray, "t h w"]) -> Bool[np.ndarray, "t h w"]:
        return own


class MadeHole(HoleGenerator):
    """A hole that is drawn without looking at the one of the data set."""

    @abstractmethod
    def pictures(
        self, rng: np.random.Generator, frames: int, height: int, width: int
    ) -> Iterable[Bool[np.ndarray, "h w"]]:
        """As `draw`, a picture at a time."""

    def draw(self, rng: np.random.Generator, own: Bool[np.ndarray, "t h w"]) -> Bool[np.ndarray, "t h w"]:
        return np.stack(list(self.pictures(rng, *own.shape)))


@dataclass(frozen=True)
class RandomHole(MadeHole):
    """A hole drawn anew for every clip, still or moving; what it looks like is for the subclass to say.

    Attributes:
        least, most: share of the picture that it covers.
        moving: share of the holes that move.

    Raises:
        SettingError: shares that are none.
    """

    least: float = 0.05
    most: float = 0.35
    moving: float = 0.5
    function: ClassVar[Callable[..., Drawn]]

    def __post_init__(self) -> None:
        _check_shares(self.least, self.most)
        _check_moving(self.moving)

    def pictures(self, rng: np.random.Generator, frames: int, height: int, width: int) -> Drawn:
        moving = chance(rng, self.moving)
        return self.function(rng, frames, height, width, area=(self.least, self.most), moving=moving)


class BoxHole(RandomHole):
    """One box."""

    function = staticmethod(random_box_hole)


class BlobHole(RandomHole):
    """Smooth blobs."""

    function = staticmethod(random_blob_hole)


class GridHole(RandomHole):
    """Boxes in even rows and columns."""

    function = staticmethod(random_grid_hole)


class BrushHole(RandomHole):
    """Strokes of a brush."""

    function = staticmethod(random_brush_hole)


class RegionHole(RandomHole):
    """One uneven patch, as over a junction."""

    function = staticmethod(random_region_hole)


class BorderHole(RandomHole):
    """All but a rectangle, for painting beyond the borders of what was seen."""

    function = staticmethod(random_border_hole)


@dataclass(frozen=True)
class ObjectHole(HoleGenerator):
    """The data set's hole of a clip moved elsewhere: the shape and motion of an object where nothing of it was, so that the truth is known.

    Attributes:
        moving: share of the holes that move as the object does; the others keep its largest shape.

    Raises:
        SettingError: no share; or, when drawn, the data set has no hole for the clip.
    """

    moving: float = 1.0

    def __post_init__(self) -> None:
        _check_moving(self.moving)

    def draw(self, rng: np.random.Generator, own: Bool[np.ndarray, "t h w"]) -> Bool[np.ndarray, "t h w"]:
        if not own.any():
            raise SettingError(
                "ObjectHole moves the hole of the data set, but there is none for a clip; use another kind"
            )
        largest = own[np.count_nonzero(own, axis=(1, 2)).argmax()]
        shown = own if chance(rng, self.moving) else np.broadcast_to(largest, own.shape)
        return np.roll(shown, random_shift(rng, np.any(shown, axis=0)), axis=(1, 2))


@dataclass(frozen=True)
class WholeFramesHole(MadeHole):
    """Stretches of frames that are missing as a whole; of two or more frames one stays known.

    Attributes:
        least, most: share of the frames that is missing.

    Raises:
        SettingError: shares that are none.
    """

    least: float = 0.25
    most: float = 0.75

    def __post_init__(self) -> None:
        _check_shares(self.least, self.most)

    def pictures(
        self, rng: np.random.Generator, frames: int, height: int, width: int
    ) -> Iterable[Bool[np.ndarray, "h w"]]:
        low, high = (min(max(1, round(share * frames)), max(1, frames - 1)) for share in (self.least, self.most))
        count = whole(rng, low, high)
        hidden: set[int] = set()
        while len(hidden) < count:
            first = whole(rng, 0, frames - 1)
            stretch = range(first, min(frames, first + whole(rng, 1, max(1, count // 2))))
            hidden.update([i for i in stretch if i not in hidden][: count - len(hidden)])
        return _whole_frames([i in hidden for i in range(frames)], height, width)


@dataclass(frozen=True)
class FirstFramesKnown(MadeHole):
    """Only the first frames are known, the others are missing as a whole: prediction.

    Attributes:
        least, most: how many are known; at least one frame of a clip is missing however short it is.

    Raises:
        SettingError: numbers that count no frames.
    """

    least: int = 1
    most: int = 8

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise SettingError(f"{self.least} to {self.most} first frames cannot be known; expected 0 <= least <= most")

    def pictures(
        self, rng: np.random.Generator, frames: int, height: int, width: int
    ) -> Iterable[Bool[np.ndarray, "h w"]]:
        known = min(whole(rng, self.least, self.most), frames - 1)
        return _whole_frames([i >= known for i in range(frames)], height, width)


class HoleMixture(HoleGenerator):
    """One of several generators, by weight.

    Args:
        generators: at least one.
        weights: one non-negative number a generator; equal by default.

    Raises:
        SettingError: numbers that are no weights.
    """

    def __init__(self, generators: Sequence[HoleGenerator], weights: Sequence[float] | None = None) -> None:
        chosen = list(weights) if weights is not None else [1.0] * len(generators)
        if not generators or len(chosen) != len(generators) or min(chosen) < 0 or not 0 < sum(chosen) < float("inf"):
            raise SettingError(f"{len(generators)} hole generators want as many weights >= 0, not all 0; got {chosen}")
        self.generators = list(generators)
        self.shares = np.asarray(chosen, dtype=np.float64) / sum(chosen)

    def draw(self, rng: np.random.Generator, own: Bool[np.ndarray, "t h w"]) -> Bool[np.ndarray, "t h w"]:
        at = (whole(rng, 0, 2**32 - 1) + 0.5) / 2**32
        # the last bound is 1 only up to rounding, and a generator of weight 0 has none of its own
        k = int(np.searchsorted(np.cumsum(self.shares)[:-1], at, side="right"))
        return self.generators[k].draw(rng, own)


def _check_shares(least: float, most: float) -> None:
    if not 0 < least <= most < 1:
        raise SettingError(f"shares from {least} to {most} cannot be drawn; expected 0 < least <= most < 1")


def _check_moving(moving: float) -> None:
    if not 0 <= moving <= 1:
        raise SettingError(f"moving is {moving}, expected the share of holes that move, from 0 to 1")


def _whole_frames(hidden: Sequence[bool], height: int, width: int) -> Iterable[Bool[np.ndarray, "h w"]]:
    nothing, everything = np.zeros((height, width), dtype=bool), np.ones((height, width), dtype=bool)
    return [everything if h else nothing for h in hidden]
