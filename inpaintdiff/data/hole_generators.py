"""How holes are drawn for training: one small class a kind, mixtures with weights, all named in YAML by class."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from inpaintdiff.data.hole_drawing import (
    random_blob_hole,
    random_border_hole,
    random_box_hole,
    random_brush_hole,
    random_grid_hole,
)
from inpaintdiff.errors import SettingError


class HoleGenerator(ABC):
    """Draws the hole of a training clip."""

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


@dataclass(frozen=True)
class RandomHole(HoleGenerator):
    """A hole drawn anew for every clip, still or moving; what it looks like is for the subclass to say.

    Attributes:
        least, most: share of the picture that it covers.
        moving: share of the holes that move.
    """

    least: float = 0.05
    most: float = 0.35
    moving: float = 0.5
    function: ClassVar[Callable[..., Bool[np.ndarray, "t h w"]]]

    def draw(self, rng: np.random.Generator, own: Bool[np.ndarray, "t h w"]) -> Bool[np.ndarray, "t h w"]:
        moving = bool(rng.random() < self.moving)
        return self.function(rng, *own.shape, area=(self.least, self.most), moving=moving)


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


class BorderHole(RandomHole):
    """All but a rectangle, for painting beyond the borders of what was seen."""

    function = staticmethod(random_border_hole)


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
        if not generators or len(chosen) != len(generators) or min(chosen) < 0 or sum(chosen) <= 0:
            raise SettingError(f"{len(generators)} hole generators want as many weights >= 0, not all 0; got {chosen}")
        self.generators = list(generators)
        self.shares = np.asarray(chosen, dtype=np.float64) / sum(chosen)

    def draw(self, rng: np.random.Generator, own: Bool[np.ndarray, "t h w"]) -> Bool[np.ndarray, "t h w"]:
        return self.generators[int(rng.choice(len(self.generators), p=self.shares))].draw(rng, own)
