"""Solids of six flat faces seen by a pinhole camera. Metres; ground coordinates are right, up and ahead of the camera's foot."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inpaintdiff.data.synthetic.canvas import Canvas, Colour

Places = Float[np.ndarray, "n 3"]
NEAR = 0.4  # metres: nothing nearer than this is drawn
FACES = ("front", "rear", "right", "left", "top")
# Corners of each face, numbered as by `Frustum.corners`: its lower edge first, then the upper one backwards.
_NUMBERS = np.array([(4, 5, 7, 6), (1, 0, 2, 3), (0, 4, 6, 2), (5, 1, 3, 7), (2, 6, 7, 3)])
_NEXT, _AFTER = [1, 2, 0], [2, 0, 1]
Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Pinhole:
    """A camera that looks ahead, level or tilted down.

    Attributes:
        focal: pixels; something `size` metres wide at `depth` metres is focal * size / depth pixels wide.
        x, y: where the optical axis meets the picture, pixels.
        height: of the camera over the ground, metres.
        tilt: downwards, radians.
    """

    focal: float
    x: float
    y: float
    height: float
    tilt: float = 0.0

    def to_camera(self, places: Places) -> Places:
        """From right, up, ahead on the ground to right, down, depth of the camera."""
        c, s = np.cos(self.tilt), np.sin(self.tilt)
        return np.array([0.0, c, s]) * self.height + places @ np.array([(1.0, 0.0, 0.0), (0.0, -c, -s), (0.0, -s, c)])

    def project(self, places: Places) -> Float[np.ndarray, "m 2"]:
        """Corners of a polygon in the picture, pixels; what is nearer than `NEAR` is cut off, so their number may change."""
        return self._onto(_clipped(self.to_camera(places)))

    def project_all(self, polygons: Float[np.ndarray, "n k 3"]) -> Float[np.ndarray, "n m 2"]:
        """As `project` for many polygons; where some lose or gain corners, the last one is repeated. Lost ones are NaN."""
        n, k = polygons.shape[:2]
        seen = self.to_camera(polygons.reshape(n * k, 3)).reshape(n, k, 3)
        if seen[..., 2].min(initial=np.inf) >= NEAR:
            return self._onto(seen)
        cut = [c if len(c) else np.full((1, 3), np.nan) for c in map(_clipped, seen)]
        most = max(map(len, cut))
        return self._onto(np.stack([np.concatenate([c, np.repeat(c[-1:], most - len(c), axis=0)]) for c in cut]))

    def _onto(self, seen: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
        return seen[..., :2] * (self.focal / seen[..., 2:]) + (self.x, self.y)

    def scale(self, place: Sequence[float]) -> float:
        """Pixels a metre at a place; 0 where it is too near or behind."""
        _, up, ahead = place
        depth = math.sin(self.tilt) * (self.height - up) + math.cos(self.tilt) * ahead
        return self.focal / depth if depth > NEAR else 0.0


def _clipped(places: Places) -> Float[np.ndarray, "m 3"]:
    """The part of a polygon that is at least `NEAR` deep."""
    inside = places[:, 2] >= NEAR
    if inside.all():
        return places
    kept = []
    for k in range(len(places)):
        a, b = places[k], places[(k + 1) % len(places)]
        if inside[k]:
            kept.append(a)
        if inside[k] != inside[(k + 1) % len(places)]:
            kept.append(a + (NEAR - a[2]) / (b[2] - a[2]) * (b - a))
    return np.array(kept).reshape(-1, 3)


@dataclass(frozen=True)
class Pose:
    """Where something stands: right and ahead of the camera, metres, and its direction, radians clockwise from straight ahead."""

    right: float
    ahead: float
    heading: float

    def places(self, local: Places) -> Places:
        """Ground coordinates of points given along, to the right of and above the middle of a thing."""
        c, s = np.cos(self.heading), np.sin(self.heading)
        # along, across, up to right, up, ahead
        return local @ np.array([(s, 0.0, c), (c, 0.0, -s), (0.0, 1.0, 0.0)]) + (self.right, 0.0, self.ahead)


@dataclass(frozen=True)
class Frustum:
    """A level rectangle below, another above, and flat faces between them; half widths are symmetric.

    Attributes:
        back, front: ends of the lower rectangle along the thing, metres.
        half: half its width.
        low, high: heights of the two.
        top_back, top_front, top_half: of the upper one.
    """

    back: float
    front: float
    half: float
    low: float
    high: float
    top_back: float
    top_front: float
    top_half: float

    def corners(self) -> Places:
        """Eight: rear right, rear left, the same on top, front right, front left, the same on top."""
        a, b = self.half, self.top_half
        return np.array([
            (self.back, a, self.low), (self.back, -a, self.low), (self.top_back, b, self.high), (self.top_back, -b, self.high),
            (self.front, a, self.low), (self.front, -a, self.low), (self.top_front, b, self.high), (self.top_front, -b, self.high),
        ])  # fmt: skip


@dataclass(frozen=True)
class Detail:
    """Part of a face: from `u1` to `u2` along its lower edge and from `v1` to `v2` upwards, shares of the face."""

    face: str
    u1: float
    u2: float
    v1: float
    v2: float
    colour: tuple[float, float, float]
    glows: bool = False


@dataclass(frozen=True)
class Light:
    """How surfaces are lit.

    Attributes:
        ambient: of all surfaces alike, RGB.
        sun: of a surface that faces `towards`, RGB.
        towards: unit vector in ground coordinates.
        haze: colour that distance fades into.
        clear: metres after which 63 % has faded.
        lamps: colour and strength of the camera's own headlights, RGB.
    """

    ambient: tuple[float, float, float]
    sun: tuple[float, float, float]
    towards: tuple[float, float, float]
    haze: tuple[float, float, float]
    clear: float
    lamps: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def lamp_share(self, right: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """How much of the headlights reaches places on the ground; shapes that broadcast."""
        across = right / (1.4 + 0.24 * np.maximum(ahead, 0))
        return np.exp(-(across**2) - np.maximum(ahead - 6, 0) / 20)

    def colour(self, colour: Colour, facing: float, right: float, ahead: float) -> Rgb:
        """What a surface looks like: `facing` is the cosine between it and the sun."""
        facing = max(0.0, facing)
        across = right / (1.4 + 0.24 * max(ahead, 0.0))
        lamp = math.exp(-(across**2) - max(ahead - 6, 0.0) / 20)
        r, g, b = (
            c * (a + s * facing + k * lamp)
            for c, a, s, k in zip(colour, self.ambient, self.sun, self.lamps, strict=True)
        )
        return self.fade((r, g, b), ahead)

    def fade(self, colour: Colour, ahead: float) -> Rgb:
        """With distance."""
        stays = math.exp(-max(0.0, ahead) / self.clear)
        r, g, b = (c * stays + h * (1 - stays) for c, h in zip(colour, self.haze, strict=True))
        return r, g, b


def draw_frustum(
    canvas: Canvas,
    camera: Pinhole,
    pose: Pose,
    solid: Frustum,
    colour: Colour,
    light: Light,
    details: Sequence[Detail] = (),
) -> None:
    """Its visible faces with what is on them."""
    places = pose.places(solid.corners())
    quads = places[_NUMBERS]
    a, b = quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0]
    normals = a[:, _NEXT] * b[:, _AFTER] - a[:, _AFTER] * b[:, _NEXT]  # as np.cross, which is slow on few vectors
    outwards = np.einsum("fc,fc->f", normals, quads[:, 0] - places.mean(axis=0))
    normals *= (np.sign(outwards) / np.maximum(np.sqrt((normals**2).sum(axis=1)), 1e-9))[:, None]
    facing = np.einsum("fc,fc->f", normals, np.array([0.0, camera.height, 0.0]) - quads[:, 0]) > 0
    if not facing.any():
        return
    lit = (normals @ np.asarray(light.towards)).tolist()
    middles = quads.mean(axis=1).tolist()
    shown = np.flatnonzero(facing)
    polygons = [quads[shown]]
    colours = [light.colour(colour, lit[k], middles[k][0], middles[k][2]) for k in shown]
    if marks := [(FACES.index(d.face), d) for d in details if facing[FACES.index(d.face)]]:
        polygons.append(_parts(quads, marks))
        for k, d in marks:
            right, _, ahead = middles[k]
            colours.append(light.fade(d.colour, ahead) if d.glows else light.colour(d.colour, lit[k], right, ahead))
    seen = camera.project_all(np.concatenate(polygons))
    left = ~np.isnan(seen[:, 0, 0])
    if faces := int(left[: len(shown)].sum()):
        seen = seen[left]
        canvas.solid(hull(seen[:faces].reshape(-1, 2)), seen, np.array(colours)[left], faces)


def _parts(quads: Float[np.ndarray, "f 4 3"], marks: Sequence[tuple[int, "Detail"]]) -> Float[np.ndarray, "n 4 3"]:
    """Corners of details, linear along the edges of their faces."""
    a, b, c, e = quads[[k for k, _ in marks]].transpose(1, 0, 2)[:, :, None]
    u = np.array([(d.u1, d.u2, d.u2, d.u1) for _, d in marks])[..., None]
    v = np.array([(d.v1, d.v1, d.v2, d.v2) for _, d in marks])[..., None]
    return (1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * e + u * c)


def hull(points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "m 2"]:
    """Convex hull, by Andrew's monotone chain."""
    ordered = sorted({(float(x), float(y)) for x, y in points})
    if len(ordered) < 3:
        return np.array(ordered).reshape(-1, 2)

    def chain(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for x, y in line:
            while len(kept) > 1:
                (ax, ay), (bx, by) = kept[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                kept.pop()
            kept.append((x, y))
        return kept

    return np.array(chain(ordered)[:-1] + chain(ordered[::-1])[:-1])
