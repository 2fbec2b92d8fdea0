"""The dash-cam world: traffic keeps its laws, pictures keep those of perspective, and what is nearer hides what is farther."""

from itertools import pairwise, permutations

import numpy as np
import pytest

from inpaintdiff.data.synthetic.canvas import Canvas
from inpaintdiff.data.synthetic.car_models import MODELS, Car, draw_car
from inpaintdiff.data.synthetic.dashcam import HOLE_KINDS, Windscreen, simulate_drive
from inpaintdiff.data.synthetic.dashcam_drive import FASTEST, Drive
from inpaintdiff.data.synthetic.dashcam_road import BEHIND, LANE, REACH, View, draw_road
from inpaintdiff.data.synthetic.following import HARDEST, STEP
from inpaintdiff.data.synthetic.land import DOMAINS, dashes, strip
from inpaintdiff.data.synthetic.solids import Light, Pinhole, Pose

LIGHT = Light((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), (0.0, 1.0, 0.0), (0.7, 0.7, 0.7), 1e9)
CAMERA = Pinhole(focal=70.0, x=32.0, y=30.0, height=1.4)


def drive(seed: int, steps: int = 200) -> tuple[list[str], Drive]:
    """Simulate, and name every law that is broken."""
    rng = np.random.default_rng(seed)
    road = draw_road(rng)
    one, broken = Drive(road, rng, gap=float(rng.uniform(12, 40))), []
    before: dict[int, float] = {}
    for t, others in enumerate(one.run(steps)):
        if one.entered != one.left + len(others):
            broken.append(f"{t}: a car came from nowhere or got lost")
        everyone = [one.me, *others]
        for a in everyone:
            if not 0 <= a.v <= FASTEST:
                broken.append(f"{t}: car {a.number} drives at {a.v} m/s")
            if abs(a.v - before.get(a.number, a.v)) > HARDEST * STEP + 1e-9:
                broken.append(f"{t}: car {a.number} brakes harder than tyres can")
            if not -BEHIND <= a.s - one.me.s <= REACH:
                broken.append(f"{t}: car {a.number} is nowhere near")
        before = {a.number: a.v for a in everyone}
        for lane in range(len(road.lanes)):
            row = sorted((a for a in everyone if a.lane == lane), key=lambda a: a.s)
            broken += [
                f"{t}: {a.number} and {b.number} overlap"
                for a, b in pairwise(row)
                if b.s - a.s < (a.length + b.length) / 2
            ]
    return broken, one


@pytest.mark.parametrize("seed", range(3))
def test_cars_are_conserved_keep_to_limits_and_never_overlap(seed: int) -> None:
    broken, one = drive(seed)
    assert not broken, broken[:3]
    assert one.left > 0


@pytest.mark.slow
def test_the_laws_hold_for_200_seeds() -> None:
    broken = {seed: found for seed in range(200) if (found := drive(seed)[0])}
    assert not broken, dict(list(broken.items())[:3])


def test_drivers_who_see_nobody_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: everybody drives as on a free road."""
    monkeypatch.setattr(Drive, "_pull", lambda self, a, before: a.pull * (1 - (a.v / a.pace) ** 4))
    assert any("overlap" in line for seed in range(4) for line in drive(seed)[0])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("depth", "oncoming"), [(6.0, False), (11.3, True), (27.0, False)])
def test_image_size_is_focal_times_size_over_depth(model: str, depth: float, oncoming: bool) -> None:
    """The near end of a car that is seen along the road: exact, in the box and in the pixels."""
    shape = MODELS[model]
    ahead = depth + shape.length / 2
    car = Car(model, (0.9, 0.1, 0.1), Pose(0.0, ahead, np.pi if oncoming else 0.0))
    assert car.depth(CAMERA) == pytest.approx(depth)
    x1, _, x2, _ = car.box(CAMERA) or (0, 0, 0, 0)
    assert x2 - x1 == pytest.approx(CAMERA.focal * shape.width / depth, rel=1e-9)
    canvas = Canvas(np.zeros((64, 64, 3)))
    with canvas.object(1):
        draw_car(canvas, CAMERA, car, LIGHT)
    wide, left, right = canvas.seen[1].sum(axis=1).max(), max(x1, 0), min(x2, 64)
    assert wide == pytest.approx(right - left, abs=0.75)
    # wheels touch the ground: pixels below the horizon are focal * height of the camera / depth
    foot = Pinhole.project(CAMERA, np.array([(0.0, 0.0, depth)]))[0, 1]
    assert foot - CAMERA.y == pytest.approx(CAMERA.focal * CAMERA.height / depth)


def test_the_road_is_as_wide_as_perspective_says() -> None:
    """Of a straight road, every row of the picture has asphalt of focal * width / depth pixels."""
    rng = np.random.default_rng(3)
    road = draw_road(rng, straight=True)
    seen = Windscreen(road, DOMAINS["day"], rng, 100.0, 128)
    view = View(road, 20.0, road.lanes[road.own].offset)
    assert np.abs(view.right + road.lanes[road.own].offset).max() < 1e-9
    camera = seen.camera
    for s in (30.0, 45.0, 70.0):
        left, right = (view.pose(s, d) for d in (road.left, road.right))
        ends = camera.project(np.array([(p.right, 0.0, p.ahead) for p in (left, right)] * 2))
        assert left.ahead == pytest.approx(s - 20)
        assert ends[1, 0] - ends[0, 0] == pytest.approx(camera.focal * (road.right - road.left) / (s - 20))
    assert road.right - road.left == pytest.approx(LANE * len(road.lanes) + 0.7)


def test_a_curve_is_an_arc_of_its_length() -> None:
    """Samples of the road's middle are a metre apart, and its direction is the integral of its curvature."""
    road = draw_road(np.random.default_rng(4), straight=False)
    view = View(road, 50.0, 0.0)
    steps = np.hypot(np.diff(view.right), np.diff(view.ahead))
    assert np.abs(steps - 1).max() < 1e-4
    amplitude, length, phase = road.waves.T
    s = view.s[:, None]
    curvature = (amplitude * np.sin(2 * np.pi * s / length + phase)).sum(axis=1)
    assert np.abs(np.gradient(view.heading, 1.0)[1:-1] - curvature[1:-1]).max() < 1e-5
    here = np.abs(view.s - 50.0).argmin()
    assert (view.right[here], view.ahead[here], view.heading[here]) == pytest.approx((0, 0, 0), abs=1e-9)


def test_what_a_pixel_sees_of_lines_is_exact() -> None:
    """Averages of fine samples agree with the closed forms."""
    fine = np.linspace(-0.5, 0.5, 20001)
    for d, blur in ((0.0, 0.05), (0.11, 0.3), (0.3, 2.0)):
        inside = np.abs(d + fine * blur) < 0.09
        assert strip(np.array([d]), np.array([blur]), -0.09, 0.09)[0] == pytest.approx(inside.mean(), abs=1e-3)
    for run, long in ((4.0, 0.5), (13.7, 6.0), (-3.2, 40.0)):
        painted = (run + fine * long) % 9.0 < 3.0
        assert dashes(np.array([run]), np.array([long]))[0] == pytest.approx(painted.mean(), abs=1e-3)


def hidden(seed: int, farthest_last: bool = False) -> list[str]:
    """Of every pair of cars of which one is wholly nearer, where the nearer one is opaque, does the farther one show?"""
    rng = np.random.default_rng(seed)
    road = draw_road(rng)
    one = Drive(road, rng, gap=12.0)
    seen = Windscreen(road, DOMAINS["day"], rng, 400.0, 64)
    # cars alone, before nothing
    seen.things, seen.hood = [], 0.0
    seen.backdrop.draw = lambda view, light: np.zeros((64, 64, 3))  # type: ignore[method-assign]
    for _ in one.run(60):
        pass
    view, cars = seen.cars(one.me, [a for a in one.others if a.s - one.me.s < 45])
    alone = {n: seen.photograph(view, {n: c}, rng) for n, c in cars.items()}
    depths = {n: seen.camera.to_camera(c.corners())[:, 2] for n, c in cars.items()}
    wrong = []
    for near, far in permutations([n for n in cars if n in alone[n].seen], 2):
        covered = (alone[near].seen[near] > 1 - 1e-9) & (alone[far].seen[far] > 0.5)
        if not 1 < depths[near].max() < depths[far].min() or not covered.any():
            continue
        pair = seen.photograph(view, {near: cars[near], far: cars[far]}, rng)
        if farthest_last:
            seen._car(pair, far, cars[far], seen.backdrop.sky.light(view.turned))
        if not np.array_equal(pair.finish()[covered], alone[near].finish()[covered]):
            wrong.append(f"{far} shines through {near}")
        if not farthest_last and pair.seen[far][covered].max() > 1e-9:
            wrong.append(f"{far} counts as seen behind {near}")
    return wrong


def test_nearer_cars_hide_farther_ones() -> None:
    assert hidden(1) == []


@pytest.mark.slow
def test_nearer_cars_hide_farther_ones_for_200_seeds() -> None:
    assert {seed: found for seed in range(200) if (found := hidden(seed))} == {}


def test_painting_in_the_wrong_order_is_caught() -> None:
    """The planted fault: the farther car is painted last."""
    assert any("shines through" in line for line in hidden(1, farthest_last=True))


def test_a_drive_is_its_seed_and_its_domain() -> None:
    a, b = simulate_drive(3, 2, 32), simulate_drive(3, 2, 32)
    assert np.array_equal(a.frames, b.frames)
    assert np.array_equal(a.hole, b.hole)
    assert (a.tracks, a.labels) == (b.tracks, b.labels)
    light = [simulate_drive(3, 1, 32, d).frames.mean() for d in ("night", "dusk", "day")]
    assert light == sorted(light)


def test_size_and_length_change_nothing_else() -> None:
    small, large, long = simulate_drive(6, 3, 32), simulate_drive(6, 3, 64), simulate_drive(6, 5, 32)
    assert np.array_equal(long.frames[:3], small.frames)
    halved = large.frames.reshape(3, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(halved - small.frames).mean() < 6
    number = [(p.frame, p.vehicle, p.depth) for p in small.tracks if p.depth < 40]
    assert number == [(p.frame, p.vehicle, p.depth) for p in large.tracks if p.depth < 40]


def test_boxes_are_where_the_cars_are() -> None:
    """A box is the smallest one round the pixels of its car, within one pixel."""
    scene = simulate_drive(2, 2, 64, "day")
    assert scene.tracks
    assert all(0 <= p.visible <= 1 for p in scene.tracks)
    for p in scene.tracks:
        inside = 0 <= p.x1 < p.x2 <= 64 and 0 <= p.y1 < p.y2 <= 64
        assert inside, p
    car = Car("van", (0.9, 0.8, 0.1), Pose(1.0, 14.0, 0.4))
    canvas = Canvas(np.zeros((64, 64, 3)))
    with canvas.object(5):
        draw_car(canvas, CAMERA, car, LIGHT)
    assert np.abs(np.array(canvas.extent[5]) - np.array(car.box(CAMERA))).max() < 1.0


def test_domains_and_kinds_of_hole_all_occur() -> None:
    drives = [simulate_drive(s, 2, 16) for s in (1, 2, 4, 5)]
    assert {d.labels["hole"] for d in drives} == set(HOLE_KINDS)
    assert {d.labels["domain"] for d in drives} == set(DOMAINS)
    assert all(0 < d.hole.mean() < 0.6 for d in drives)
