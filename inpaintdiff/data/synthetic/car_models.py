"""Cars as few flat faces: models, paints and how a car is drawn from any side. Metres; colours are RGB in [0, 1]."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float

from inpaintdiff.data.synthetic.canvas import Canvas, Colour
from inpaintdiff.data.synthetic.solids import NEAR, Detail, Frustum, Light, Pinhole, Places, Pose, draw_frustum, hull

_GLASS = (0.10, 0.13, 0.17)
_DARK = (0.07, 0.07, 0.08)
_TYRE, _HUB = (0.05, 0.05, 0.055), (0.55, 0.56, 0.58)
# Lamps that are off, and on.
_HEAD = ((0.86, 0.88, 0.90), (1.0, 0.97, 0.85))
_TAIL = ((0.52, 0.05, 0.05), (1.0, 0.16, 0.10))
_WHEEL = 0.33  # metres, radius
# Below so many pixels a metre nobody sees wheels and plates, or a solid's faces.
_FINE, _FAR = 5.0, 1.8


@dataclass(frozen=True)
class Model:
    """A kind of car.

    Attributes:
        length, width, height: metres, over all.
        waist: height at which the windows begin; `height` where there is no cabin on top.
        cabin: ends of the cabin at the waist, and of its roof: shares of the length from the middle, back to front.
        glazed: does glass reach the back of the cabin's sides?
    """

    length: float
    width: float
    height: float
    waist: float
    cabin: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    glazed: bool = True

    def parts(self) -> list[Frustum]:
        """The body, and the cabin on it where there is one."""
        half, w = self.length / 2, self.width / 2
        if self.waist >= self.height:
            return [Frustum(-half, half, w, 0.35, self.height, -half, half - 0.15, w)]
        back, front, top_back, top_front = (x * self.length for x in self.cabin)
        # the cabin begins within the body, so that nothing shines through between them
        return [
            Frustum(-half, half, w, 0.22, self.waist, -half + 0.06, half - 0.16, w - 0.05),
            Frustum(back, front, w - 0.08, self.waist - 0.1, self.height, top_back, top_front, w - 0.26),
        ]


MODELS = {
    "sedan": Model(4.7, 1.84, 1.44, 0.90, (-0.36, 0.20, -0.22, 0.05)),
    "hatchback": Model(4.0, 1.76, 1.50, 0.94, (-0.49, 0.22, -0.40, 0.05)),
    "suv": Model(4.7, 1.92, 1.78, 1.10, (-0.49, 0.22, -0.43, 0.08)),
    "van": Model(5.1, 1.98, 2.15, 1.15, (-0.50, 0.40, -0.49, 0.22), glazed=False),
    "pickup": Model(5.2, 1.92, 1.78, 1.05, (-0.12, 0.24, -0.08, 0.10)),
    "bus": Model(9.5, 2.45, 3.1, 3.1),
}

PAINTS = {
    "white": (0.92, 0.92, 0.90),
    "black": (0.10, 0.10, 0.12),
    "silver": (0.62, 0.64, 0.67),
    "red": (0.74, 0.09, 0.09),
    "blue": (0.11, 0.24, 0.62),
    "yellow": (0.93, 0.74, 0.10),
    "green": (0.10, 0.42, 0.26),
}


@dataclass(frozen=True)
class Car:
    """A car and where it stands.

    Attributes:
        model: name in `MODELS`.
        colour: of the body.
        pose: of its middle.
        lit: are its lights on?
        braking: are its brake lights?
    """

    model: str
    colour: tuple[float, float, float]
    pose: Pose
    lit: bool = False
    braking: bool = False

    @property
    def shape(self) -> Model:
        return MODELS[self.model]

    def corners(self) -> Places:
        """All corners of its body and cabin, and where its wheels touch the ground."""
        solids = [p.corners() for p in self.shape.parts()]
        half, w = self.shape.length * 0.31, self.shape.width / 2
        feet = np.array([(x, y, 0.0) for x, y in product((-half - 0.1, half + 0.1), (-w, w))])
        return self.pose.places(np.concatenate([*solids, feet]))

    def box(self, camera: Pinhole) -> tuple[float, float, float, float] | None:
        """x1, y1, x2, y2 in the picture; None where it is behind the camera."""
        places = self.corners()
        if camera.to_camera(places)[:, 2].min() < NEAR:
            places = _hull_ring(camera, places)
        points = camera.project(places)
        if len(points) == 0:
            return None
        return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())

    def depth(self, camera: Pinhole) -> float:
        """Of its nearest corner."""
        return float(camera.to_camera(self.corners())[:, 2].min())


def _hull_ring(camera: Pinhole, places: Places) -> Float[np.ndarray, "m 3"]:
    """Points in an order in which cutting off what is too near loses none of the rest: each after the deepest one."""
    deepest = places[camera.to_camera(places)[:, 2].argmax()]
    return np.concatenate([np.stack([p, deepest]) for p in places])


def draw_car(canvas: Canvas, camera: Pinhole, car: Car, light: Light) -> None:
    """A car with its shadow, windows, wheels and lights; in `canvas.object`, its shadow belongs to nobody."""
    model, pose = car.shape, car.pose
    scale = camera.scale((pose.right, 0.5, pose.ahead))
    if 0 < scale < _FAR:
        _draw_far(canvas, camera, car, light)
        return
    fine = scale > _FINE or scale == 0
    parts = model.parts()
    if fine:
        # the far wheels and what is under the car
        under = Frustum(-model.length * 0.42, model.length * 0.42, model.width / 2 - 0.1, 0.0, 0.3, *_flat(model))
        draw_frustum(canvas, camera, pose, under, _DARK, light)
    draw_frustum(canvas, camera, pose, parts[0], car.colour, light, list(_body(car, fine)))
    if fine:
        _draw_wheels(canvas, camera, car, light)
    if len(parts) > 1:
        draw_frustum(canvas, camera, pose, parts[1], car.colour, light, list(_cabin(model)))


def _draw_far(canvas: Canvas, camera: Pinhole, car: Car, light: Light) -> None:
    """A few pixels: its box, darker where the windows are, and two lights."""
    box = car.box(camera)
    if box is None:
        return
    x1, y1, x2, y2 = box
    model, right, ahead = car.shape, car.pose.right, car.pose.ahead
    waist = y2 - (y2 - y1) * min(model.waist, 0.6 * model.height) / model.height
    glass = tuple((c + g) / 2 for c, g in zip(car.colour, _GLASS, strict=True))
    inset = 0.12 * (x2 - x1) if model.waist < model.height else 0.0
    canvas.box(x1, waist, x2, y2, light.colour(car.colour, 0.3, right, ahead))
    canvas.box(x1 + inset, y1, x2 - inset, waist, light.colour(glass, 0.3, right, ahead))
    for x, y, scale, head in lamps(car, camera):
        lit = car.lit or (car.braking and not head)
        colour = _HEAD[lit] if head else _TAIL[lit]
        half = 0.17 * scale
        seen = light.fade(colour, ahead) if lit else light.colour(colour, 0.3, right, ahead)
        canvas.box(x - half, y - half / 2, x + half, y + half / 2, seen)


def draw_car_shadow(
    canvas: Canvas, camera: Pinhole, car: Car, strength: float, shift: tuple[float, float] = (0, 0)
) -> None:
    """On the ground, shifted to the right of and ahead of the camera, metres."""
    if 0 < camera.scale((car.pose.right, 0.0, car.pose.ahead)) < _FAR:
        return  # less than a row of pixels
    half, w = car.shape.length / 2 + 0.1, car.shape.width / 2 + 0.12
    ring = np.array([(half, w, 0.0), (half, -w, 0.0), (-half, -w, 0.0), (-half, w, 0.0)])
    places = car.pose.places(ring) + np.array([shift[0], 0.0, shift[1]])
    corners = camera.project(places)
    canvas.polygon(corners, (0.02, 0.02, 0.03), strength)


def lamps(car: Car, camera: Pinhole) -> Iterator[tuple[float, float, float, bool]]:
    """Its lights that face the camera: x, y, pixels a metre there, and whether it is a headlight."""
    model = car.shape
    towards = np.array([-car.pose.right, -car.pose.ahead])
    forward = np.array([np.sin(car.pose.heading), np.cos(car.pose.heading)])
    head = bool(towards @ forward > 0)
    end = (1 if head else -1) * model.length / 2
    for side in (-0.37, 0.37):
        place = car.pose.places(np.array([(end, side * model.width, 0.72)]))
        if scale := camera.scale(place[0].tolist()):
            x, y = camera.project(place)[0]
            yield float(x), float(y), scale, head


def _flat(model: Model) -> tuple[float, float, float]:
    return -model.length * 0.42, model.length * 0.42, model.width / 2 - 0.1


def _body(car: Car, fine: bool) -> Iterator[Detail]:
    on = car.lit
    head, tail = _HEAD[on], _TAIL[on or car.braking]
    if car.shape.waist >= car.shape.height:
        yield from _bus(head, tail, on, car.braking)
        return
    for a, b in ((0.03, 0.27), (0.73, 0.97)):
        yield Detail("front", a, b, 0.56, 0.8, head, on)
        yield Detail("rear", a - 0.01, b + 0.01, 0.58, 0.84, tail, on or car.braking)
    if fine:
        yield Detail("front", 0.3, 0.7, 0.4, 0.72, _DARK)
        yield Detail("front", 0.06, 0.94, 0.0, 0.22, _DARK)
        yield Detail("rear", 0.06, 0.94, 0.0, 0.2, _DARK)
        yield Detail("rear", 0.37, 0.63, 0.42, 0.6, (0.8, 0.8, 0.75))


def _bus(head: Colour, tail: Colour, on: bool, braking: bool) -> Iterator[Detail]:
    for side in ("left", "right"):
        for k in range(5):
            yield Detail(side, 0.04 + 0.19 * k, 0.2 + 0.19 * k, 0.45, 0.85, _GLASS)
    yield Detail("front", 0.05, 0.95, 0.38, 0.85, _GLASS)
    yield Detail("rear", 0.12, 0.88, 0.52, 0.85, _GLASS)
    for a, b in ((0.05, 0.22), (0.78, 0.95)):
        yield Detail("front", a, b, 0.06, 0.16, tuple(head), on)
        yield Detail("rear", a, b, 0.06, 0.2, tuple(tail), on or braking)


def _cabin(model: Model) -> Iterator[Detail]:
    yield Detail("front", 0.05, 0.95, 0.2, 0.93, _GLASS)
    yield Detail("rear", 0.08, 0.92, 0.26, 0.9, _GLASS)
    for side, flip in (("right", False), ("left", True)):
        panes = ((0.10, 0.50), (0.54, 0.93)) if model.glazed else ((0.62, 0.93),)
        for a, b in panes:
            u1, u2 = (1 - b, 1 - a) if flip else (a, b)
            yield Detail(side, u1, u2, 0.24, 0.88, _GLASS)


def _draw_wheels(canvas: Canvas, camera: Pinhole, car: Car, light: Light) -> None:
    """Those on the side that the camera sees."""
    pose, w = car.pose, car.shape.width / 2
    rightwards = np.array([np.cos(pose.heading), -np.sin(pose.heading)])
    offset = float(np.array([-pose.right, -pose.ahead]) @ rightwards)
    if abs(offset) <= w:
        return
    side = np.sign(offset) * w
    turn = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    for x in (-0.31 * car.shape.length, 0.31 * car.shape.length):
        for radius, colour in ((_WHEEL, _TYRE), (_WHEEL * 0.55, _HUB)):
            ring = np.stack([x + radius * np.cos(turn), np.full(10, side), _WHEEL + radius * np.sin(turn)], axis=1)
            places = pose.places(ring)
            seen = light.colour(colour, 0.3, float(places[0, 0]), float(places[0, 2]))
            canvas.polygon(hull(camera.project(places)), seen)


def draw_from(names: dict[str, float], rng: np.random.Generator) -> str:
    """A name by its probability."""
    shares = np.cumsum(list(names.values()))
    return list(names)[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))]


def paint_of(name: str, rng: np.random.Generator) -> tuple[float, float, float]:
    """A paint, a little lighter or darker."""
    shade: Float[np.ndarray, 3] = np.array(PAINTS[name]) * rng.uniform(0.9, 1.08)
    r, g, b = np.clip(shade, 0, 1).tolist()
    return r, g, b
