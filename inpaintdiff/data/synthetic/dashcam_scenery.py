"""What stands beside the road of the dash-cam world: trees, lamps, posts, signs and houses. Metres; colours are RGB in [0, 1]."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from inpaintdiff.data.synthetic.canvas import Canvas
from inpaintdiff.data.synthetic.dashcam_road import BEHIND, Road
from inpaintdiff.data.synthetic.solids import Detail, Frustum, Light, Pinhole, Pose, draw_frustum

_CELL = 9.0  # metres of road in which one thing a side is drawn
_TRUNK = (0.25, 0.18, 0.12)
_LEAVES = ((0.17, 0.33, 0.13), (0.25, 0.40, 0.15), (0.32, 0.38, 0.14), (0.13, 0.27, 0.16))
_WALLS = ((0.72, 0.62, 0.50), (0.62, 0.38, 0.30), (0.78, 0.76, 0.72), (0.55, 0.56, 0.60), (0.80, 0.70, 0.55))
_POLE = (0.34, 0.35, 0.37)
_WARM = (1.0, 0.82, 0.5)


@dataclass(frozen=True)
class Thing:
    """Something that stands still.

    Attributes:
        kind: tree, fir, bush, lamp, post, sign or house.
        s, offset: along the road, and to the right of its middle.
        size: height, metres.
        colour: of leaves, walls or plate.
        width: of a house along the road, or of a crown's, metres.
        windows: of a house: is a light on behind it? One a window.
    """

    kind: str
    s: float
    offset: float
    size: float
    colour: tuple[float, float, float]
    width: float = 1.0
    windows: tuple[bool, ...] = ()

    @property
    def reach(self) -> float:
        """Metres from its place beyond which nothing of it is."""
        return 10.0 if self.kind == "house" else max(self.width, 2.5)


def draw_things(rng: np.random.Generator, road: Road, length: float) -> list[Thing]:
    """All things along a stretch from `BEHIND` metres before 0; a longer stretch begins with the same ones."""
    wood = rng.uniform(0.15, 0.85)
    firs = bool(rng.random() < 0.35)
    leaves = _LEAVES[int(rng.integers(len(_LEAVES)))]
    things = list[Thing]()
    for k in range(int(np.ceil((length + BEHIND) / _CELL))):
        s = -BEHIND + k * _CELL
        for side in (-1, 1):
            edge = road.right if side > 0 else road.left
            things += _cell(rng, road.town, s, side, edge, wood, firs, leaves)
            if road.town and k % 4 == (0 if side > 0 else 2):
                things.append(Thing("lamp", s, edge + side * 0.9, 6.2, _POLE))
            if not road.town and k % 3 == 0:
                things.append(Thing("post", s, edge + side * 0.8, 1.0, (0.92, 0.92, 0.92)))
    return things


def _cell(
    rng: np.random.Generator,
    town: bool,
    s: float,
    side: int,
    edge: float,
    wood: float,
    firs: bool,
    leaves: tuple[float, ...],
) -> Iterator[Thing]:
    u, near, along, size, tint, pick = rng.random(6)
    lit = rng.random(8)
    r, g, b = (float(c * (0.8 + 0.4 * tint)) for c in leaves)
    place = s + along * 4
    if town and u > 0.35:
        walls = _WALLS[int(pick * len(_WALLS))]
        yield Thing(
            "house",
            s + 4.5,
            edge + side * (7.5 + 3 * near),
            4.5 + 7 * size,
            walls,
            7.0 + 1.8 * along,
            tuple(bool(x < 0.4) for x in lit),
        )
        if near > 0.6:
            yield Thing("tree", place, edge + side * 2.2, 3.5 + 2 * tint, (r, g, b), 1.2)
    elif u < wood * (0.35 if town else 1):
        kind = "fir" if firs and pick < 0.7 else "tree" if pick < 0.8 else "bush"
        height = 1.3 + size if kind == "bush" else 4.5 + 5 * size
        yield Thing(kind, place, edge + side * (3.0 + 9 * near), height, (r, g, b), height * (0.28 + 0.12 * tint))
    elif u > 0.94:
        plate = ((0.85, 0.12, 0.1), (0.1, 0.25, 0.7), (0.95, 0.8, 0.1))[int(pick * 3)]
        yield Thing("sign", place, edge + side * 1.1, 2.6, plate)


def draw_thing(canvas: Canvas, camera: Pinhole, pose: Pose, thing: Thing, light: Light, night: float) -> None:
    """Paint it; `night` from 0 to 1 says how much its lamps shine."""
    if thing.kind == "house":
        _house(canvas, camera, pose, thing, light, night)
        return
    scale = camera.scale((pose.right, 0.0, pose.ahead))
    if scale <= 0:
        return
    x, foot = camera.project(np.array([(pose.right, 0.0, pose.ahead)]))[0]
    height = thing.size * scale

    def seen(colour: tuple[float, float, float], facing: float = 0.4) -> tuple[float, float, float]:
        return light.colour(colour, facing, pose.right, pose.ahead)

    if thing.kind in {"tree", "bush"}:
        rx, ry = thing.width * scale, height * (0.36 if thing.kind == "tree" else 0.5)
        canvas.shadow(x, foot, rx * 1.1, rx * 0.22, 0.35)
        if thing.kind == "tree":
            canvas.box(x - 0.14 * scale, foot - 0.45 * height, x + 0.14 * scale, foot, seen(_TRUNK, 0.2))
        top = foot - height + ry
        dark = tuple(0.72 * c for c in thing.colour)
        canvas.ellipse(x, top, rx, ry, seen(dark, 0.1))  # type: ignore[arg-type]
        canvas.ellipse(x - 0.18 * rx, top - 0.2 * ry, rx * 0.7, ry * 0.7, seen(thing.colour, 0.75))
    elif thing.kind == "fir":
        canvas.box(x - 0.1 * scale, foot - 0.2 * height, x + 0.1 * scale, foot, seen(_TRUNK, 0.2))
        for low, high, share in ((0.1, 0.6, 1.0), (0.38, 0.82, 0.75), (0.62, 1.0, 0.5)):
            half = 0.8 * thing.width * scale * share
            corners = np.array(
                [(x - half, foot - low * height), (x + half, foot - low * height), (x, foot - high * height)]
            )
            canvas.polygon(corners, seen(thing.colour, 0.15 + 0.5 * low))
    elif thing.kind == "post":
        canvas.box(x - 0.06 * scale, foot - height, x + 0.06 * scale, foot, seen(thing.colour))
        canvas.box(x - 0.06 * scale, foot - 0.8 * height, x + 0.06 * scale, foot - 0.6 * height, seen((0.1, 0.1, 0.1)))
    elif thing.kind == "sign":
        canvas.box(x - 0.05 * scale, foot - height, x + 0.05 * scale, foot, seen(_POLE))
        canvas.ellipse(x, foot - height, 0.4 * scale, 0.4 * scale, seen(thing.colour, 0.6))
        canvas.ellipse(x, foot - height, 0.24 * scale, 0.24 * scale, seen((0.95, 0.95, 0.93), 0.6))
    else:
        arm = -np.sign(thing.offset) * 1.6 * scale
        canvas.box(x - 0.08 * scale, foot - height, x + 0.08 * scale, foot, seen(thing.colour))
        canvas.box(min(x, x + arm), foot - height, max(x, x + arm), foot - height + 0.12 * scale, seen(thing.colour))
        if night > 0:
            canvas.ellipse(x + arm, foot - height + 0.15 * scale, 0.35 * scale, 0.15 * scale, _WARM, night)
            canvas.glow(x + arm, foot - height + 0.15 * scale, 2.6 * scale, _WARM, 0.55 * night)


def _house(canvas: Canvas, camera: Pinhole, pose: Pose, thing: Thing, light: Light, night: float) -> None:
    half, deep = thing.width / 2, 4.0
    solid = Frustum(-half, half, deep, 0.0, thing.size, -half, half, deep)
    side = "left" if thing.offset > 0 else "right"
    scale = camera.scale((pose.right, 1.0, pose.ahead))
    details = []
    if scale > 2 or scale == 0:
        rows, columns = (2, 3) if thing.size < 8 else (3, 3)
        for face, flip in ((side, 0), ("rear", 3)):
            for k in range(rows * columns):
                i, j = divmod(k, columns)
                on = night > 0.5 and thing.windows[(k + flip) % len(thing.windows)]
                u, v = (j + 0.28) / columns, (i + 0.3) / rows
                glass = _WARM if on else (0.16, 0.19, 0.24)
                details.append(Detail(face, u, u + 0.44 / columns, v, v + 0.42 / rows, glass, on))
        details.append(Detail(side, 0.0, 1.0, 0.93, 1.0, (0.33, 0.24, 0.21)))
        details.append(Detail("rear", 0.0, 1.0, 0.93, 1.0, (0.33, 0.24, 0.21)))
    draw_frustum(canvas, camera, pose, solid, thing.colour, light, details)
