"""The twin of BDD-Inpainting: a drive seen from behind the windscreen, from one seed, with its truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from inpaintdiff.data.hole_generators import BlobHole, GridHole
from inpaintdiff.data.synthetic.canvas import Canvas
from inpaintdiff.data.synthetic.car_models import Car, draw_car, draw_car_shadow, lamps
from inpaintdiff.data.synthetic.dashcam_drive import Drive, Driver
from inpaintdiff.data.synthetic.dashcam_road import REACH, Road, View, draw_road
from inpaintdiff.data.synthetic.dashcam_scenery import Thing, draw_thing, draw_things
from inpaintdiff.data.synthetic.dashcam_view import Backdrop
from inpaintdiff.data.synthetic.image_box import ImageBox, image_box
from inpaintdiff.data.synthetic.land import DOMAINS, Weather
from inpaintdiff.data.synthetic.solids import Light, Pinhole, Pose

_WARM_UP = 80
_HEAD, _TAIL = (1.0, 0.95, 0.8), (1.0, 0.12, 0.08)
# Shares of the holes: an object's box, a grid, blobs.
HOLE_KINDS = {"object": 0.3, "grid": 0.3, "blob": 0.4}


@dataclass(frozen=True, eq=False)
class DriveScene:
    """A simulated drive with its truth.

    Attributes:
        frames: what the camera saw.
        hole: what is hidden.
        tracks: the cars that are seen, in order of frame and depth.
        labels: domain and kind of hole.
    """

    frames: UInt8[np.ndarray, "t h w 3"]
    hole: Bool[np.ndarray, "t h w"]
    tracks: tuple[ImageBox, ...]
    labels: dict[str, str]


class Windscreen:
    """What a camera behind the windscreen sees of a drive.

    Args:
        road: driven on.
        weather: domain.
        rng: draws the look of the land and of the things beside the road.
        length: metres of road that are driven at most.
        size: height and width of pictures, pixels.
    """

    def __init__(self, road: Road, weather: Weather, rng: np.random.Generator, length: float, size: int) -> None:
        self.road, self.weather, self.size = road, weather, size
        unit = np.random.default_rng(rng.integers(2**32))
        self.camera = Pinhole(
            float(unit.uniform(0.95, 1.15)) * size,
            size / 2,
            float(unit.uniform(0.42, 0.5)) * size,
            float(unit.uniform(1.3, 1.5)),
        )
        self.hood = float(unit.uniform(0.3, 1.0)) if unit.random() < 0.4 else 0.0
        self.hood_colour = np.array([0.25, 0.27, 0.3]) * unit.uniform(0.4, 1.6)
        self.backdrop = Backdrop(road, weather, np.random.default_rng(rng.integers(2**32)), self.camera, size)
        self.things = draw_things(np.random.default_rng(rng.integers(2**32)), road, length + REACH)

    def cars(self, me: Driver, others: Sequence[Driver]) -> tuple[View, dict[int, Car]]:
        """The road as the camera sees it, and the cars by number."""
        view = View(self.road, me.s, self.road.lanes[me.lane].offset)
        cars = {}
        for a in others:
            lane = self.road.lanes[a.lane]
            pose = view.pose(a.s, lane.offset, backwards=not lane.ours)
            cars[a.number] = Car(a.model, a.colour, pose, self.weather.night > 0, a.pulling < -0.8)
        return view, cars

    def photograph(self, view: View, cars: dict[int, Car], drops: np.random.Generator) -> Canvas:
        """Paint from the farthest to the nearest."""
        light = self.backdrop.sky.light(view.turned)
        canvas = Canvas(self.backdrop.draw(view, light))
        jobs: list[tuple[float, Callable[[], None]]] = []
        for number, car in cars.items():
            if car.pose.ahead > -car.shape.length and car.pose.ahead < REACH:
                jobs.append((car.pose.ahead, lambda n=number, c=car: self._car(canvas, n, c, light)))  # type: ignore[misc]
        aside = self.size / 2 / self.camera.focal  # metres to either side that are seen, a metre ahead
        near = [x for x in self.things if view.s[0] < x.s < view.s[-1]]
        places = view.places(np.array([x.s for x in near]), np.array([x.offset for x in near])).tolist()
        for thing, (right, ahead, heading) in zip(near, places, strict=True):
            if -thing.width < ahead < REACH and abs(right) - thing.reach < aside * max(ahead + thing.reach, 0):
                pose = Pose(right, ahead, heading)
                jobs.append((ahead, lambda p=pose, t=thing: self._thing(canvas, p, t, light)))  # type: ignore[misc]
        for _, job in sorted(jobs, key=lambda x: -x[0]):
            job()
        self._finish(canvas, drops)
        return canvas

    def _thing(self, canvas: Canvas, pose: Pose, thing: Thing, light: Light) -> None:
        with canvas.object():
            draw_thing(canvas, self.camera, pose, thing, light, self.weather.night)

    def _car(self, canvas: Canvas, number: int, car: Car, light: Light) -> None:
        sun = self.weather.light.sun[0]
        draw_car_shadow(canvas, self.camera, car, 0.35 + 0.3 * min(1.0, sun))
        with canvas.object(number):
            draw_car(canvas, self.camera, car, light)
        if not car.lit:
            return
        for x, y, scale, head in lamps(car, self.camera):
            colour, reach = (_HEAD, 1.1) if head else (_TAIL, 0.55)
            strength = self.weather.night * (0.8 if head else 0.55)
            canvas.glow(x, y, max(1.2, reach * scale), colour, strength)
            if self.weather.wet or self.weather.night == 1:
                canvas.glow(x, y + 1.5 * scale, max(1.0, 0.8 * scale), colour, strength * 0.3)

    def _finish(self, canvas: Canvas, drops: np.random.Generator) -> None:
        size = self.size
        if self.hood:
            ambient = np.asarray(self.weather.light.ambient) + 0.4 * np.asarray(self.weather.light.sun)
            canvas.ellipse(
                size / 2, 1.16 * size, 0.62 * size, (0.16 + 0.06 * self.hood) * size, self.hood_colour * ambient
            )
        if self.weather.wet:
            for x, y, long in drops.uniform((0, 0, 0.03), (1, 1, 0.09), size=(12, 3)) * size:
                wide = 0.012 * size
                streak = np.array(
                    [(x, y), (x + wide, y), (x + wide - 0.25 * long, y + long), (x - 0.25 * long, y + long)]
                )
                canvas.polygon(streak, (0.85, 0.87, 0.9), 0.16)


def simulate_drive(
    seed: int, frames: int = 64, size: int = 64, domain: str | None = None, straight: bool | None = None
) -> DriveScene:
    """A drive; equal arguments give equal bytes, on every machine with the same numpy.

    Args:
        seed: of everything.
        frames: length, 8 a second.
        size: height and width, pixels. The same seed at another size shows the same drive.
        domain: of `DOMAINS`; drawn if None, day as often as all others together.
        straight: a road without curves, or not; drawn if None.
    """
    # one stream a purpose: another size or length changes none of the others
    place, look, drivers, hidden, rain = (np.random.default_rng([seed, k]) for k in range(5))
    drawn = str(place.choice(list(DOMAINS), p=[0.5, 0.18, 0.16, 0.16]))
    domain = domain or drawn
    road = draw_road(place, straight)
    drive = Drive(road, drivers, gap=float(drivers.uniform(14, 42)))
    camera = Windscreen(road, DOMAINS[domain], look, (frames + _WARM_UP) / 8 * 17.0, size)
    for _ in drive.run(_WARM_UP):
        pass
    pictures, tracks = [], list[ImageBox]()
    for t, others in enumerate(drive.run(frames)):
        view, cars = camera.cars(drive.me, others)
        canvas = camera.photograph(view, cars, np.random.default_rng(rain.integers(2**32)))
        pictures.append(canvas.finish())
        tracks += boxes(t, camera.camera, cars, canvas)
    hole, kind = _draw_hole(hidden, tracks, frames, size)
    return DriveScene(np.stack(pictures), hole, tuple(tracks), {"domain": domain, "hole": kind})


def boxes(t: int, camera: Pinhole, cars: dict[int, Car], canvas: Canvas) -> list[ImageBox]:
    """The cars of a frame that are in the picture, the nearest first."""
    found = [box for n, car in cars.items() if (box := image_box(t, n, car, camera, canvas))]
    return sorted(found, key=lambda b: (b.depth, b.vehicle))


def _draw_hole(
    rng: np.random.Generator, tracks: Sequence[ImageBox], frames: int, size: int
) -> tuple[Bool[np.ndarray, "t h w"], str]:
    """As METHOD's data set has them: grids and blobs; and the box of a car, where one is in sight for long enough."""
    kinds, shares = list(HOLE_KINDS), list(HOLE_KINDS.values())
    kind = kinds[int(rng.choice(len(kinds), p=shares))]
    nothing = np.zeros((frames, size, size), dtype=bool)
    if kind == "object":
        if (hole := _object_hole(rng, tracks, nothing)) is not None:
            return hole, kind
        kind = "blob"
    generator = (GridHole if kind == "grid" else BlobHole)(least=0.08, most=0.4)
    return generator.draw(rng, nothing), kind


def _object_hole(
    rng: np.random.Generator, tracks: Sequence[ImageBox], nothing: Bool[np.ndarray, "t h w"]
) -> Bool[np.ndarray, "t h w"] | None:
    frames, size = nothing.shape[:2]
    large = (0.06 * size) ** 2
    shown: dict[int, int] = {}
    for b in tracks:
        width, height = min(b.x2, size) - max(b.x1, 0), min(b.y2, size) - max(b.y1, 0)
        if b.visible > 0.4 and large < width * height < 0.35 * size**2:
            shown[b.vehicle] = shown.get(b.vehicle, 0) + 1
    fit = sorted(n for n, count in shown.items() if count >= max(1, frames // 3))
    if not fit:
        return None
    chosen = fit[int(rng.integers(len(fit)))]
    hole = nothing.copy()
    for b in tracks:
        if b.vehicle == chosen:
            margin = 0.12 * max(b.x2 - b.x1, b.y2 - b.y1) + size / 64
            x1, y1 = (int(np.clip(np.floor(v - margin), 0, size)) for v in (b.x1, b.y1))
            x2, y2 = (int(np.clip(np.ceil(v + margin), 0, size)) for v in (b.x2, b.y2))
            hole[b.frame, y1:y2, x1:x2] = True
    return hole
