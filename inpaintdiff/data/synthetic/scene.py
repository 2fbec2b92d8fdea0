"""One simulated clip from one seed: traffic, its pictures, the hole and the true tracks."""

from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from inpaintdiff.data.synthetic.merge_map import draw_merge_map
from inpaintdiff.data.synthetic.render import Body, Camera
from inpaintdiff.data.synthetic.render_variants import MergeCamera, NightCamera, SignalCamera
from inpaintdiff.data.synthetic.road_map import VIEW, Kind, RoadMap, draw_road_map
from inpaintdiff.data.synthetic.signals import draw_signals
from inpaintdiff.data.synthetic.traffic import STEP, Traffic, Vehicle

FPS = 8  # one simulated step a frame
_WARM_UP = 200  # steps after which roads are as full as they stay


@dataclass(frozen=True)
class Variant:
    """How scenes differ from the default ones; others are for tests of generalisation.

    Attributes:
        density: arrivals per arm and second are drawn from here.
        kind: of every road map; drawn if None.
        night: by the light of the vehicles' lamps?
        bicycles: share of arrivals that are bicycles.
        signals: with traffic lights?
    """

    density: tuple[float, float] = (0.08, 0.2)
    kind: Kind | None = None
    night: bool = False
    bicycles: float = 0.0
    signals: bool = False


VARIANTS = {
    "default": Variant(),
    "dense": Variant(density=(0.28, 0.45)),
    "night": Variant(night=True),
    "merge": Variant(density=(0.15, 0.3), kind="merge"),
    "bicycles": Variant(bicycles=0.45),
    "signals": Variant(density=(0.15, 0.3), kind="junction", signals=True),
}


@dataclass(frozen=True)
class TrackPoint:
    """Where a vehicle is in a frame.

    Attributes:
        frame, vehicle: numbers.
        x, y: of its middle, pixels from the upper left corner of the picture; may lie outside of it.
        heading: radians, clockwise from the direction of x.
        length, width: pixels.
        speed: pixels a frame.
        red, green, blue: colour of its body, 0 to 255.
    """

    frame: int
    vehicle: int
    x: float
    y: float
    heading: float
    length: float
    width: float
    speed: float
    red: int
    green: int
    blue: int


@dataclass(frozen=True)
class KindTrackPoint(TrackPoint):
    """As `TrackPoint`, where there is more than one kind of vehicle.

    Attributes:
        kind: car or bicycle.
    """

    kind: str


@dataclass(frozen=True, eq=False)
class Scene:
    """A simulated clip with its truth.

    Attributes:
        frames: what the camera saw.
        hole: the region over the junction that is hidden for the whole clip.
        tracks: all vehicles in all frames, in order of frame and vehicle.
        road_map: the place.
        background: the place without vehicles.
        road: True where vehicles drive.
    """

    frames: UInt8[np.ndarray, "t h w 3"]
    hole: Bool[np.ndarray, "h w"]
    tracks: tuple[TrackPoint, ...]
    road_map: RoadMap
    background: UInt8[np.ndarray, "h w 3"]
    road: Bool[np.ndarray, "h w"]

    @property
    def labels(self) -> dict[str, str]:
        """Nothing is drawn that has a name."""
        return {}


def draw_place(seed: int, size: int = 64, kind: Kind | None = None, variant: str = "default") -> tuple[RoadMap, Camera]:
    """The place of a scene, without its traffic: map, and the camera that looks at it.

    Args:
        seed, size, kind, variant: as in `simulate_scene`.
    """
    place, ground = _streams(seed)[:2]
    kind = kind or VARIANTS[variant].kind
    if kind == "merge":
        road_map = draw_merge_map(place)
        return road_map, MergeCamera(road_map, ground, size)
    road_map = draw_road_map(place, kind)
    told = VARIANTS[variant]
    made = NightCamera if told.night else SignalCamera if told.signals else Camera
    return road_map, made(road_map, ground, size)


def _streams(seed: int) -> list[np.random.Generator]:
    """One stream a purpose (place, ground, drivers, hole): another size or length changes none of the others."""
    return [np.random.default_rng([seed, k]) for k in range(4)]


def simulate_scene(
    seed: int, frames: int = 64, size: int = 64, kind: Kind | None = None, variant: str = "default"
) -> Scene:
    """A traffic scene seen from above; equal arguments give equal bytes, on every machine with the same numpy.

    Args:
        seed: of everything.
        frames: length, at `FPS` a second.
        size: height and width, pixels. The same seed at another size shows the same scene.
        kind: of the road map; the variant's if None.
        variant: name in `VARIANTS`.
    """
    _, _, drivers, hidden = _streams(seed)
    road_map, camera = draw_place(seed, size, kind, variant)
    told = VARIANTS[variant]
    density = float(drivers.uniform(*told.density))
    # chance is asked only where there are lights: traffic without them stays what it was
    traffic = Traffic(road_map, drivers, density, told.bicycles, draw_signals(drivers) if told.signals else None)
    for _ in traffic.run(_WARM_UP):
        pass
    pictures, tracks = [], list[TrackPoint]()
    for t, vehicles in enumerate(traffic.run(frames)):
        bodies = [_body(road_map, a) for a in vehicles]
        if isinstance(camera, SignalCamera):
            camera.greens = traffic.greens()
        pictures.append(camera.photograph(bodies))
        points = [_track_point(t, a, b, camera.pixel) for a, b in zip(vehicles, bodies, strict=True)]
        if told.bicycles:
            points = [KindTrackPoint(**asdict(p), kind=a.kind) for p, a in zip(points, vehicles, strict=True)]
        tracks += points
    hole = _draw_hole(hidden, road_map, size)
    return Scene(np.stack(pictures), hole, tuple(tracks), road_map, camera.photograph([]), camera.road)


def _body(road_map: RoadMap, a: Vehicle) -> Body:
    return Body(*road_map.lines[a.line].place(a.s), a.length, a.width, a.colour)


def _track_point(t: int, a: Vehicle, b: Body, pixel: float) -> TrackPoint:
    x, y = ((v + VIEW / 2) / pixel for v in (b.x, b.y))
    red, green, blue = (round(c * 255) for c in b.colour)
    speed = a.v * STEP / pixel
    return TrackPoint(t, a.number, x, y, b.heading, b.length / pixel, b.width / pixel, speed, red, green, blue)


def _draw_hole(rng: np.random.Generator, road_map: RoadMap, size: int) -> Bool[np.ndarray, "h w"]:
    """A rectangle over the middle of the junction, 17 to 23 metres a side."""
    half = rng.uniform(8.5, 11.5, size=2)
    middle = road_map.centre + rng.uniform(-1.5, 1.5, size=2)
    low, high = (np.rint((middle + sign * half + VIEW / 2) / VIEW * size).astype(int).clip(0, size) for sign in (-1, 1))
    hole = np.zeros((size, size), dtype=bool)
    hole[low[1] : high[1], low[0] : high[0]] = True
    return hole
