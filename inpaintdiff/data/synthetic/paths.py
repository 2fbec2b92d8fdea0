"""Driving lines: curves sampled at equal distances, with what a driver needs to know of them. Metres, seconds, radians; y points down."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

SPACING = 0.5  # metres between samples

Points = Float[np.ndarray, "n 2"]
Point = Float[np.ndarray, "2"]


@dataclass(frozen=True, eq=False)
class DrivingLine:
    """A curve from where a vehicle appears to where it disappears.

    Attributes:
        xy: samples `SPACING` apart.
        heading: direction of travel at every sample, continuous.
        speed: highest comfortable speed at every sample.
        stop: distance from the start at which a driver waits for a gap.
        arms: numbers of the arm it comes from and of the arm it goes to.
    """

    xy: Points
    heading: Float[np.ndarray, " n"]
    speed: Float[np.ndarray, " n"]
    stop: float
    arms: tuple[int, int]

    @property
    def length(self) -> float:
        """Metres from the first to the last sample."""
        return (len(self.xy) - 1) * SPACING

    def at(self, s: Float[np.ndarray, " k"]) -> Int[np.ndarray, " k"]:
        """Number of the sample nearest to each distance from the start."""
        return np.clip(np.rint(s / SPACING).astype(int), 0, len(self.xy) - 1)

    def place(self, s: float) -> tuple[float, float, float]:
        """x, y and heading at a distance from the start, linear between samples."""
        u = min(max(s / SPACING, 0.0), len(self.xy) - 1.001)
        i, f = int(u), u - int(u)
        x, y = (1 - f) * self.xy[i] + f * self.xy[i + 1]
        return float(x), float(y), float((1 - f) * self.heading[i] + f * self.heading[i + 1])


def driving_line(pieces: Sequence[Points], stop: float, arms: tuple[int, int], limit: float) -> DrivingLine:
    """Join densely sampled pieces, sample them anew at equal distances, and find the speeds that curves allow.

    Args:
        pieces: each begins where the one before ends.
        stop: see `DrivingLine`.
        arms: see `DrivingLine`.
        limit: speed limit, m/s.
    """
    raw = np.concatenate([pieces[0], *(p[1:] for p in pieces[1:])])
    steps = np.hypot(*np.diff(raw, axis=0).T)
    raw, steps = raw[np.concatenate([[True], steps > 1e-6])], steps[steps > 1e-6]
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(0, along[-1], SPACING)
    xy = np.stack([np.interp(at, along, raw[:, 0]), np.interp(at, along, raw[:, 1])], axis=1)
    heading = np.unwrap(np.arctan2(*np.gradient(xy, axis=0).T[::-1]))
    return DrivingLine(xy, heading, _speeds(heading, limit), stop, arms)


def _speeds(
    heading: Float[np.ndarray, " n"], limit: float, sideways: float = 2.2, braking: float = 1.5
) -> Float[np.ndarray, " n"]:
    """At most `limit`, `sideways` m/s^2 in curves, and `braking` m/s^2 before them."""
    curvature = np.abs(np.gradient(heading, SPACING))
    smooth = np.convolve(np.pad(curvature, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    speed = np.minimum(limit, np.sqrt(sideways / np.maximum(smooth, 1e-4)))
    for i in range(len(speed) - 2, -1, -1):
        speed[i] = min(speed[i], np.sqrt(speed[i + 1] ** 2 + 2 * braking * SPACING))
    return speed


def line(a: Point, b: Point) -> Points:
    """Straight from a to b."""
    return np.linspace(a, b, 200)


def curve(a: Point, towards_a: Point, b: Point, towards_b: Point, tension: float = 0.4) -> Points:
    """Cubic Bezier curve that leaves a in direction `towards_a` and reaches b in direction `towards_b` (unit vectors)."""
    reach = tension * float(np.hypot(*(b - a)))
    t = np.linspace(0, 1, 200)[:, None]
    p, q = a + reach * towards_a, b - reach * towards_b
    return (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * p + 3 * (1 - t) * t**2 * q + t**3 * b


def arc(centre: Point, radius: float, first: float, last: float) -> Points:
    """Part of a circle between two angles."""
    a = np.linspace(first, last, 200)
    return centre + radius * np.stack([np.cos(a), np.sin(a)], axis=1)
