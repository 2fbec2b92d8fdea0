"""The road of the dash-cam world: a smooth curve with lanes, and where things beside it are for somebody who drives on it. Metres."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from inpaintdiff.data.synthetic.solids import Pose

REACH = 150.0  # metres ahead that are simulated and drawn
BEHIND = 16.0
_SPACING = 1.0
LANE = 3.4  # width
_SHARPEST = 1 / 130  # curvature, 1/m


class Lane(NamedTuple):
    """A lane: its middle, metres to the right of the road's, and whether its traffic goes the driver's way."""

    offset: float
    ours: bool


@dataclass(frozen=True, eq=False)
class Road:
    """A road without end.

    Attributes:
        lanes: from left to right.
        own: number of the lane that the camera drives in.
        town: with pavements and houses, or open country?
        waves: curvature along the road: amplitude 1/m, length m and phase of sine waves.
    """

    lanes: tuple[Lane, ...]
    own: int
    town: bool
    waves: Float[np.ndarray, "n 3"]

    @property
    def left(self) -> float:
        """Edge of the asphalt, metres to the right of the middle: negative."""
        return self.lanes[0].offset - LANE / 2 - 0.35

    @property
    def right(self) -> float:
        """The other edge."""
        return self.lanes[-1].offset + LANE / 2 + 0.35

    def heading(self, s: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Direction at distances along the road, radians clockwise; the integral of the curvature."""
        amplitude, length, phase = self.waves.T
        turns = 2 * np.pi * s[:, None] / length + phase
        return (amplitude * length / (2 * np.pi) * (np.cos(phase) - np.cos(turns))).sum(axis=-1)


def draw_road(rng: np.random.Generator, straight: bool | None = None) -> Road:
    """A road with drawn lanes and curves.

    Args:
        rng: source of chance.
        straight: without any curve, or not; drawn if None.
    """
    town = bool(rng.random() < 0.5)
    ours, theirs = [(1, 1), (2, 1), (2, 2)][int(rng.choice(3, p=[0.55, 0.15, 0.3]))]
    lanes = [Lane(LANE * (k - theirs + 0.5), k >= theirs) for k in range(ours + theirs)]
    own = theirs + int(rng.integers(ours))
    lengths = rng.uniform(160, 520, size=3)
    waves = np.stack([rng.uniform(0.2, 1, size=3), lengths, rng.uniform(0, 2 * np.pi, size=3)], axis=1)
    sharpest = rng.uniform(0.25, 1) * _SHARPEST
    drawn = bool(rng.random() < 0.2)
    waves[:, 0] *= 0.0 if (drawn if straight is None else straight) else sharpest / waves[:, 0].sum()
    return Road(tuple(lanes), own, town, waves)


class View:
    """The road around a camera that looks along it.

    Args:
        road: on which it drives.
        s: how far along.
        offset: metres to the right of the road's middle.

    Attributes:
        s, right, ahead, heading: samples of the road's middle: distance along, place and direction as the camera sees them.
        turned: direction of the camera from that at the road's beginning, radians clockwise.
    """

    def __init__(self, road: Road, s: float, offset: float) -> None:
        self.s = s + np.arange(-BEHIND - 4, REACH + 40, _SPACING)
        # 0 is the camera's own direction; the trapezoid rule from the camera outwards
        self.turned = float(road.heading(np.array([s]))[0])
        heading = road.heading(self.s) - self.turned
        steps = np.stack([np.sin(heading), np.cos(heading)])
        between = (steps[:, 1:] + steps[:, :-1]) / 2 * _SPACING
        way = np.concatenate([np.zeros((2, 1)), np.cumsum(between, axis=1)], axis=1)
        here = np.array([np.interp(s, self.s, line) for line in way])
        self.right, self.ahead = way - here[:, None]
        self.right = self.right - offset
        self.heading = heading

    def pose(self, s: float, offset: float, backwards: bool = False) -> Pose:
        """Where something on the road or beside it is, and its direction."""
        ((right, ahead, heading),) = self.places(np.array([s]), np.array([offset])).tolist()
        return Pose(right, ahead, heading + np.pi * backwards)

    def places(self, s: Float[np.ndarray, " n"], offset: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
        """For things along the road: to the right, ahead, and the road's direction there."""
        right, ahead, heading = (np.interp(s, self.s, line) for line in (self.right, self.ahead, self.heading))
        return np.stack([right + offset * np.cos(heading), ahead - offset * np.sin(heading), heading], axis=1)

    def across(
        self, depth: Float[np.ndarray, " h"]
    ) -> tuple[Float[np.ndarray, " h"], Float[np.ndarray, " h"], Float[np.ndarray, " h"]]:
        """Where the road's middle is at depths ahead: to the right, along the road, and its direction."""
        rising = np.maximum.accumulate(self.ahead)
        return tuple(np.interp(depth, rising, line) for line in (self.right, self.s, self.heading))
