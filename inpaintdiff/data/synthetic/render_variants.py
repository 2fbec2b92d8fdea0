"""Traffic from above as other cameras see it: at night, over a slip road, and with traffic lights."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from inpaintdiff.data.synthetic.render import (
    GROUNDS,
    PAINT,
    PAVING,
    Body,
    Camera,
    Field,
    Picture,
    along_across,
    over,
    smooth_noise,
)
from inpaintdiff.data.synthetic.road_map import RoadMap

_MOON = np.array([0.24, 0.27, 0.40])
_LAMP = np.array([1.0, 0.93, 0.74])
_REACH = 9.0  # metres that headlights carry
_POST, _RED, _GREEN = (0.08, 0.08, 0.09), (0.95, 0.10, 0.08), (0.10, 0.85, 0.30)


class NightCamera(Camera):
    """The same places by the light of the vehicles' lamps."""

    def photograph(self, bodies: Sequence[Body]) -> UInt8[np.ndarray, "h w 3"]:
        picture = self.background.copy()
        lamps, glow = np.zeros((self.size, self.size)), np.zeros_like(picture)
        for body in bodies:
            self._draw_body(picture, body)
        for body in bodies:
            along, across = along_across(self._x - body.x, self._y - body.y, body.heading)
            lamps += _cone(along - body.length / 2, across)
            for end, colour in ((0.5, np.array([1.0, 0.97, 0.85])), (-0.5, np.array([0.9, 0.08, 0.05]))):
                for side in (-0.32, 0.32):
                    away = np.hypot(along - end * body.length, across - side * body.width)
                    glow += np.maximum(1 - away / 1.1, 0)[..., None] ** 2 * colour
        lit = picture * (_MOON + np.minimum(lamps, 1.3)[..., None] * _LAMP) * self.light + glow
        return np.rint(np.clip(lit, 0, 1) * 255).astype(np.uint8)


def _cone(ahead: Field, across: Field) -> Field:
    """Strength of headlights at places ahead of a vehicle's front."""
    lit = np.exp(-((across / (0.9 + 0.2 * np.maximum(ahead, 0))) ** 2) - np.maximum(ahead, 0) / _REACH)
    return np.where(ahead > -0.3, lit, 0.0)


class MergeCamera(Camera):
    """Looks down at a one-way road that a slip road joins."""

    def _draw_ground(self, road_map: RoadMap, rng: np.random.Generator) -> Picture:
        ground = np.array(GROUNDS[int(rng.integers(len(GROUNDS)))])
        picture = ground * (1 + 0.06 * smooth_noise(rng, self.size)[..., None])
        asphalt = np.array([1.0, 1.0, 1.03]) * rng.uniform(0.33, 0.43)
        apart = np.stack([self._apart(line.xy) for line in road_map.lines])
        surface = apart.min(axis=0) - road_map.lane / 2
        picture = over(picture, PAVING, self._cover(surface - 1.0))
        picture = over(picture, tuple(asphalt), self._cover(surface))
        # the painted edge of each road ends where the other road is
        for mine, other in ((0, 1), (1, 0)):
            edge = np.abs(apart[mine] - road_map.lane / 2 + 0.35) - 0.16
            picture = over(picture, PAINT, self._cover(np.maximum(edge, road_map.lane / 2 - 0.2 - apart[other])))
        self.road[:] = surface < 0
        for _ in range(int(rng.integers(4, 11))):
            self._draw_tree(picture, rng, surface)
        return picture

    def _apart(self, way: Float[np.ndarray, "n 2"]) -> Field:
        """Metres from each pixel to a line given by samples."""
        x, y = self._x[..., None] - way[:, 0], self._y[..., None] - way[:, 1]
        return np.sqrt((x**2 + y**2).min(axis=-1))


class SignalCamera(Camera):
    """The same places with a lamp on a dark post at the kerb of every arm."""

    def __init__(self, road_map: RoadMap, rng: np.random.Generator, size: int) -> None:
        super().__init__(road_map, rng, size)
        self.greens: tuple[bool, ...] = ()
        self._lamps = []
        for arm in road_map.arms:
            along, across = road_map.radius + 0.5, -road_map.lane - 1.2  # beside the lane that comes in
            c, s = np.cos(arm), np.sin(arm)
            self._lamps.append(
                (road_map.centre[0] + along * c - across * s, road_map.centre[1] + along * s + across * c)
            )

    def photograph(self, bodies: Sequence[Body]) -> UInt8[np.ndarray, "h w 3"]:
        picture = super().photograph(bodies) / 255
        for (x, y), green in zip(self._lamps, self.greens, strict=False):
            away = np.hypot(self._x - x, self._y - y)
            picture = over(picture, _POST, self._cover(away - 1.2))
            picture = over(picture, _GREEN if green else _RED, self._cover(away - 0.9))
        return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
