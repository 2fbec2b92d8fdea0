"""The twin of Inpainting-Cars: one car before a moving background, all of it hidden, so that its appearance must be invented.

What hides it is a box that would hide any model in that place, its shadow included: nothing outside the hole tells which model and paint
it was. Both are drawn by `MODEL_SHARES` and `PAINT_SHARES`, independently of each other and of everything that is seen; a painter that
knows the law of this world answers with these shares.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from inpaintdiff.data.synthetic.canvas import Canvas, Picture
from inpaintdiff.data.synthetic.car_models import Car, draw_car, draw_car_shadow, draw_from, paint_of
from inpaintdiff.data.synthetic.dashcam_road import LANE, Lane, Road
from inpaintdiff.data.synthetic.dashcam_scenery import draw_thing, draw_things
from inpaintdiff.data.synthetic.following import STEP
from inpaintdiff.data.synthetic.image_box import ImageBox, image_box
from inpaintdiff.data.synthetic.land import DOMAINS, MARKS, PAVING, Sky, Texture, Weather, dashes, over, strip
from inpaintdiff.data.synthetic.solids import Light, Pinhole, Pose

MODEL_SHARES = {"sedan": 0.34, "hatchback": 0.22, "suv": 0.18, "van": 0.14, "pickup": 0.12}
PAINT_SHARES = {
    "white": 0.24, "black": 0.16, "silver": 0.16, "red": 0.14, "blue": 0.12, "yellow": 0.10, "green": 0.08,
}  # fmt: skip
_NUMBER = 0
_SHADOW = (0.14, 0.1)  # metres that the shadow is shifted by


@dataclass(frozen=True, eq=False)
class CarScene:
    """A clip of one car with its truth.

    Attributes:
        frames: what the camera saw.
        hole: the box that hides the car and would hide any other, with a margin.
        tracks: the car in every frame.
        labels: model, paint and domain.
    """

    frames: UInt8[np.ndarray, "t h w 3"]
    hole: Bool[np.ndarray, "t h w"]
    tracks: tuple[ImageBox, ...]
    labels: dict[str, str]


class Chase:
    """A camera that keeps a driving car in its middle and turns round it a little.

    Args:
        rng: draws the way, the land and the light.
        weather: domain.
        size: height and width of pictures, pixels.
        frames: length of the chase.
    """

    def __init__(self, rng: np.random.Generator, weather: Weather, size: int, frames: int) -> None:
        own = [np.random.default_rng(rng.integers(2**32)) for _ in range(4)]
        way, land = own[0], own[1]
        self.size, self.weather = size, weather
        self.camera = Pinhole(
            float(way.uniform(1.05, 1.25)) * size, size / 2, float(way.uniform(0.40, 0.46)) * size,
            float(way.uniform(1.3, 2.4)), float(way.uniform(0.04, 0.1)),
        )  # fmt: skip
        self.road = Road((Lane(-LANE / 2, False), Lane(LANE / 2, True)), 1, bool(land.random() < 0.5), np.zeros((1, 3)))
        self.speed = float(way.uniform(3.0, 9.0))
        self.heading, self.turn = float(way.uniform(0, 2 * np.pi)), float(way.uniform(-0.5, 0.5))
        self.depth, self.waves = float(way.uniform(9.5, 12.5)), way.uniform(0, 2 * np.pi, size=3)
        grass = np.array([(0.33, 0.43, 0.20), (0.40, 0.44, 0.22), (0.52, 0.48, 0.30)])[int(land.integers(3))]
        self.grass, self.asphalt = (
            grass * land.uniform(0.85, 1.1),
            np.array([1.0, 1.0, 1.03]) * land.uniform(0.32, 0.42),
        )
        self.texture = Texture(land)
        self.sky = Sky(weather, own[2], self.camera, size, self.road.town)
        self._begin = 90.0
        self.things = draw_things(own[3], self.road, self._begin + self.speed * STEP * frames + 110.0)
        x, y = np.arange(size) + 0.5 - self.camera.x, np.arange(size) + 0.5 - self.camera.y
        c, s = np.cos(self.camera.tilt), np.sin(self.camera.tilt)
        down = (y / self.camera.focal) * c + s
        self._rows = np.flatnonzero(down > 0.25 / self.camera.focal)
        reach = self.camera.height / down[self._rows]
        self._ahead = (reach * (c - y[self._rows] / self.camera.focal * s))[:, None]
        self._right = x[None, :] / self.camera.focal * reach[:, None]
        self._wide = reach[:, None] / self.camera.focal
        self._step = (reach**2 / (self.camera.focal * self.camera.height))[:, None]

    def pose(self, t: int) -> Pose:
        """Of the car in frame t."""
        a, b, c = self.waves + 2 * np.pi * t / np.array([61, 47, 83])
        return Pose(
            0.5 * float(np.sin(a)), self.depth + 0.7 * float(np.sin(b)), self.heading + self.turn * float(np.sin(c))
        )

    def photograph(self, t: int, car: Car) -> Canvas:
        """One frame."""
        pose = car.pose
        light = self.sky.light(pose.heading - self.heading)
        run = self._begin + self.speed * STEP * t
        canvas = Canvas(self._backdrop(pose, run, light))
        jobs = []
        for thing in self.things:
            across = thing.offset - LANE / 2
            right, _, ahead = pose.places(np.array([(thing.s - run, across, 0.0)]))[0].tolist()
            # nothing stands before the car
            if pose.ahead + 5 < ahead < 110 and abs(right) < ahead + 14:
                jobs.append((ahead, Pose(right, ahead, pose.heading), thing))
        for _, place, thing in sorted(jobs, key=lambda job: -job[0]):
            draw_thing(canvas, self.camera, place, thing, light, self.weather.night)
        draw_car_shadow(canvas, self.camera, car, 0.6, _SHADOW)
        with canvas.object(_NUMBER):
            draw_car(canvas, self.camera, car, light)
        return canvas

    def hole(self, pose: Pose) -> Bool[np.ndarray, "h w"]:
        """The box round every model that could be there and round its shadow, a 32nd of the picture larger on all sides."""
        points = []
        for model in MODEL_SHARES:
            car = Car(model, (0.0, 0.0, 0.0), pose)
            half, w = car.shape.length / 2 + 0.1, car.shape.width / 2 + 0.12
            ring = np.array([(x, y, 0.0) for x in (-half, half) for y in (-w, w)])
            shadow = pose.places(ring) + np.array([_SHADOW[0], 0.0, _SHADOW[1]])
            points.append(self.camera.project(np.concatenate([car.corners(), shadow])))
        seen, margin = np.concatenate(points), self.size / 32
        (x1, y1), (x2, y2) = np.floor(seen.min(axis=0) - margin), np.ceil(seen.max(axis=0) + margin)
        hole = np.zeros((self.size, self.size), dtype=bool)
        hole[max(0, int(y1)) : max(0, int(y2)), max(0, int(x1)) : max(0, int(x2))] = True
        return hole

    def _backdrop(self, pose: Pose, run: float, light: Light) -> Picture:
        picture = self.sky.draw(pose.heading - self.heading)
        c, s = np.cos(pose.heading), np.sin(pose.heading)
        right, ahead = self._right - pose.right, self._ahead - pose.ahead
        along, across = run + right * s + ahead * c, LANE / 2 + right * c - ahead * s
        slide = self._right / np.maximum(self._ahead, 1e-3) * self._step  # metres to the right from one row to the next
        wide = 1.15 * np.hypot(self._wide * c, slide * c - self._step * s)
        long = 1.15 * np.hypot(self._wide * s, slide * s + self._step * c)
        ground = self.grass * (1 + 0.11 * self.texture.at(along, across, long, wide)[..., None])
        edge = 2.2 if self.road.town else 0.7
        ground = over(ground, PAVING, strip(across, wide, self.road.left - edge, self.road.right + edge))
        tarmac = self.asphalt * (1 + 0.05 * self.texture.at(along, across * 2, long, wide * 2)[..., None])
        ground = over(ground, tarmac, strip(across, wide, self.road.left, self.road.right))
        for at in (self.road.left + 0.3, self.road.right - 0.3):
            ground = over(ground, MARKS, strip(across, wide, at - 0.09, at + 0.09))
        ground = over(ground, MARKS, strip(across, wide, -0.09, 0.09) * dashes(along, long))
        lamp = light.lamp_share(self._right, self._ahead)[..., None] * np.asarray(light.lamps)
        lit = ground * (np.asarray(light.ambient) + np.asarray(light.sun) * light.towards[1] + lamp)
        haze = (1 - np.exp(-np.maximum(self._ahead, 0) / light.clear))[..., None]
        picture[self._rows] = lit + haze * (np.asarray(light.haze) - lit)
        return picture


def simulate_car(
    seed: int, frames: int = 64, size: int = 64, model: str | None = None, paint: str | None = None
) -> CarScene:
    """A car in front of a moving background; equal arguments give equal bytes, on every machine with the same numpy.

    Args:
        seed: of everything.
        frames: length, 8 a second.
        size: height and width, pixels. The same seed at another size shows the same scene.
        model: of `MODEL_SHARES`; drawn by these if None. Nothing else changes with it.
        paint: of `PAINT_SHARES`; likewise.
    """
    # one stream a purpose: what is hidden must not be told by what is seen
    seen, hidden = (np.random.default_rng([seed, k]) for k in range(2))
    domain = str(seen.choice(list(DOMAINS), p=[0.55, 0.2, 0.1, 0.15]))
    chase = Chase(seen, DOMAINS[domain], size, frames)
    drawn = draw_from(MODEL_SHARES, hidden), draw_from(PAINT_SHARES, hidden)
    model, paint = model or drawn[0], paint or drawn[1]
    colour = paint_of(paint, hidden)
    pictures, holes, tracks = [], [], list[ImageBox]()
    for t in range(frames):
        car = Car(model, colour, chase.pose(t), DOMAINS[domain].night > 0)
        canvas = chase.photograph(t, car)
        pictures.append(canvas.finish())
        holes.append(chase.hole(car.pose))
        if box := image_box(t, _NUMBER, car, chase.camera, canvas):
            tracks.append(box)
    labels = {"model": model, "paint": paint, "domain": domain}
    return CarScene(np.stack(pictures), np.stack(holes), tuple(tracks), labels)
