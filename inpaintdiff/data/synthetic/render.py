"""Pictures of traffic from above: every edge is anti-aliased by its exact distance, at any resolution. Colours are RGB in [0, 1]."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from inpaintdiff.data.synthetic.road_map import VIEW, RoadMap

Colour = tuple[float, float, float]
Field = Float[np.ndarray, "h w"]
Picture = Float[np.ndarray, "h w 3"]

GROUNDS: tuple[Colour, ...] = ((0.36, 0.47, 0.27), (0.44, 0.50, 0.30), (0.55, 0.50, 0.38), (0.52, 0.52, 0.49))
PAVING: Colour = (0.66, 0.64, 0.61)
PAINT: Colour = (0.88, 0.88, 0.84)
_TREE: Colour = (0.16, 0.30, 0.14)
_GLASS: Colour = (0.13, 0.16, 0.20)
_SKIN: Colour = (0.85, 0.68, 0.55)
_SHORTEST_CAR = 2.5  # metres; what is shorter is a bicycle
_SUN = np.array([0.55, 0.75])  # metres that the shadow of a car's roof is shifted by


@dataclass(frozen=True)
class Body:
    """A vehicle as seen from above: middle and size in metres, heading in radians."""

    x: float
    y: float
    heading: float
    length: float
    width: float
    colour: Colour


class Camera:
    """Looks straight down at a square of `VIEW` metres and never moves.

    Args:
        road_map: what it looks at.
        rng: draws ground, light and trees.
        size: height and width of pictures, pixels.
    """

    def __init__(self, road_map: RoadMap, rng: np.random.Generator, size: int) -> None:
        self.size = size
        self.pixel = VIEW / size
        middle = (np.arange(size) + 0.5) * self.pixel - VIEW / 2
        self._x, self._y = middle[None, :], middle[:, None]
        self.light = rng.uniform(0.85, 1.08)
        self.road = np.zeros((size, size), dtype=bool)  # where vehicles drive; drawn with the ground
        self.background: Picture = self._draw_ground(road_map, rng)

    def photograph(self, bodies: Sequence[Body]) -> UInt8[np.ndarray, "h w 3"]:
        """One frame."""
        picture = self.background.copy()
        for body in bodies:
            self._draw_shadow(picture, body)
        for body in bodies:
            self._draw_body(picture, body)
        return np.rint(np.clip(picture * self.light, 0, 1) * 255).astype(np.uint8)

    def _cover(self, distance: Field) -> Float[np.ndarray, "h w 1"]:
        """Share of each pixel that lies inside a shape, from the signed distance of its middle to the edge, metres."""
        return np.clip(0.5 - distance / self.pixel, 0, 1)[..., None]

    def _draw_ground(self, road: RoadMap, rng: np.random.Generator) -> Picture:
        px, py = self._x - road.centre[0], self._y - road.centre[1]
        around = np.hypot(px, py)
        ground = np.array(GROUNDS[int(rng.integers(len(GROUNDS)))])
        picture = ground * (1 + 0.06 * smooth_noise(rng, self.size)[..., None])
        asphalt = np.array([1.0, 1.0, 1.03]) * rng.uniform(0.33, 0.43)
        spans = [along_across(px, py, angle) for angle in road.arms]
        surface = around - road.radius if road.island else np.full_like(around, np.inf)
        for along, across in spans:
            strip = np.hypot(np.maximum(-along, 0), np.maximum(np.abs(across) - road.lane, 0))
            strip = np.where(strip > 0, strip, np.maximum(np.abs(across) - road.lane, -along))
            surface = _smooth_union(surface, strip, 3.0)
        picture = over(picture, PAVING, self._cover(surface - 1.3))
        picture = over(picture, tuple(asphalt), self._cover(surface))
        self.road[:] = (surface < 0) & (around >= road.island)
        stop = road.radius + (1.5 if road.island else 0.5)
        for along, across in spans:
            dash = np.abs((along - stop) % 3.0 - 0.9) - 0.9
            middle = np.maximum.reduce([np.abs(across) - 0.17, dash, stop - along])
            picture = over(picture, PAINT, self._cover(middle))
            # traffic comes in on the left as seen from the centre
            waiting = np.maximum(np.abs(along - stop) - 0.3, np.abs(across + road.lane / 2) - road.lane / 2 + 0.3)
            picture = over(picture, PAINT, self._cover(waiting))
        if road.island:
            picture = over(picture, PAVING, self._cover(around - road.island))
            inner = ground * 0.93
            picture = over(picture, tuple(inner), self._cover(around - road.island + 1.0))
        for _ in range(int(rng.integers(3, 9))):
            self._draw_tree(picture, rng, surface)
        return picture

    def _draw_tree(self, picture: Picture, rng: np.random.Generator, surface: Field) -> None:
        """A tree where it hides neither road nor paving; none if there is no room."""
        radius = rng.uniform(1.4, 2.6)
        x, y = rng.uniform(-VIEW / 2, VIEW / 2, size=2)
        shade = rng.uniform(0.85, 1.2)
        i, j = (int(np.clip((v + VIEW / 2) / self.pixel, 0, self.size - 1)) for v in (y, x))
        if surface[i, j] < radius + 1.5:
            return
        for dx, dy, colour, alpha in ((*(_SUN * 1.6), (0.0, 0.0, 0.0), 0.3), (0.0, 0.0, np.array(_TREE) * shade, 1.0)):
            distance = np.hypot(self._x - x - dx, self._y - y - dy) - radius
            picture[:] = over(picture, tuple(colour), alpha * self._cover(distance))

    def _patch(self, body: Body, reach: float) -> tuple[tuple[slice, slice], Field, Field] | None:
        """The pixels within `reach` metres of a body, and their places along and across it; None if it is out of sight."""
        half = VIEW / 2
        x0, x1, y0, y1 = (
            int(np.clip(round((v + half) / self.pixel), 0, self.size))
            for v in (body.x - reach, body.x + reach, body.y - reach, body.y + reach)
        )
        if x0 >= x1 or y0 >= y1:
            return None
        along, across = along_across(self._x[:, x0:x1] - body.x, self._y[y0:y1] - body.y, body.heading)
        return (slice(y0, y1), slice(x0, x1)), along, across

    def _draw_shadow(self, picture: Picture, body: Body) -> None:
        x, y = body.x + _SUN[0], body.y + _SUN[1]
        moved = Body(x, y, body.heading, body.length, body.width, body.colour)
        if found := self._patch(moved, body.length / 2 + 1.5):
            at, along, across = found
            soft = np.clip(0.5 - _rounded(along, across, body.length, body.width, 0.5) / max(1.0, self.pixel), 0, 1)
            picture[at] *= 1 - 0.35 * soft[..., None]

    def _draw_body(self, picture: Picture, body: Body) -> None:
        found = self._patch(body, body.length / 2 + 1.5)
        if not found:
            return
        at, along, across = found
        if body.length < _SHORTEST_CAR:
            self._draw_bicycle(picture, body, at, along, across)
            return
        inside = self._cover(_rounded(along, across, body.length, body.width, 0.55))
        part = over(picture[at], body.colour, inside)
        # front and rear windows; the front one is larger, so that a still picture shows which way a car is going
        for place, depth in ((0.20, 0.9), (-0.36, 0.6)):
            window = np.maximum(np.abs(along - place * body.length) - depth / 2, np.abs(across) - body.width / 2 + 0.25)
            part = over(part, _GLASS, inside * self._cover(window))
        picture[at] = part

    def _draw_bicycle(
        self, picture: Picture, body: Body, at: tuple[slice, slice], along: np.ndarray, across: np.ndarray
    ) -> None:
        """Wheels, shoulders in the rider's colour, and a head."""
        wheels = np.maximum(np.abs(along) - body.length / 2, np.abs(across) - 0.12)
        part = over(picture[at], _GLASS, self._cover(wheels))
        part = over(part, body.colour, self._cover(np.hypot(along * 1.5, across) - 0.55))
        picture[at] = over(part, _SKIN, self._cover(np.hypot(along - 0.15, across) - 0.2))


def over(picture: Picture, colour: Sequence[float], alpha: Float[np.ndarray, "h w 1"]) -> Picture:
    return picture + alpha * (np.asarray(colour) - picture)


def along_across(x: np.ndarray, y: np.ndarray, angle: float) -> tuple[Field, Field]:
    """Coordinates along a direction and to the right of it."""
    c, s = np.cos(angle), np.sin(angle)
    return x * c + y * s, y * c - x * s


def _rounded(along: Field, across: Field, length: float, width: float, radius: float) -> Field:
    """Signed distance to a rectangle with round corners."""
    u, v = np.abs(along) - length / 2 + radius, np.abs(across) - width / 2 + radius
    return np.hypot(np.maximum(u, 0), np.maximum(v, 0)) + np.minimum(np.maximum(u, v), 0) - radius


def _smooth_union(a: Field, b: Field, radius: float) -> Field:
    """Union of two shapes whose inner corners are filled to about `radius`."""
    gap = np.abs(a - b)
    h = np.maximum(1 - np.where(np.isfinite(gap), gap, np.inf) / radius, 0)
    return np.minimum(a, b) - h**2 * radius / 4


def smooth_noise(rng: np.random.Generator, size: int) -> Field:
    """Low-pass noise, an eighth of the picture wide; the same values are drawn whatever the size."""
    coarse = rng.standard_normal((12, 12))
    at = np.linspace(0, 8, size)
    i = np.minimum(at.astype(int), 10)
    f = at - i
    f = f * f * (3 - 2 * f)
    rows = coarse[i] * (1 - f)[:, None] + coarse[i + 1] * f[:, None]
    return rows[:, i] * (1 - f) + rows[:, i + 1] * f
