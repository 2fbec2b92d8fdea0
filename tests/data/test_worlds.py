"""Every world through the same door: equal bytes for any number of workers, and variants that keep their laws."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from inpaintdiff.cli.parser_worlds import WORLDS as NAMED
from inpaintdiff.data.format import defects, read_manifest
from inpaintdiff.data.synthetic.balls import Table, simulate_balls
from inpaintdiff.data.synthetic.merge_map import draw_merge_map
from inpaintdiff.data.synthetic.road_map import RoadMap, draw_road_map
from inpaintdiff.data.synthetic.scene import simulate_scene
from inpaintdiff.data.synthetic.signals import Signals, draw_signals
from inpaintdiff.data.synthetic.traffic import STEP, Traffic
from inpaintdiff.data.synthetic.worlds import WORLDS
from inpaintdiff.data.synthetic.write import synthesize
from inpaintdiff.data.tracks import read_tracks
from inpaintdiff.errors import SettingError


def digest(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_command_line_knows_every_world() -> None:
    assert tuple(WORLDS) == NAMED


@pytest.mark.parametrize("world", ["dashcam", "cars", "balls"])
def test_every_world_writes_a_sound_data_set(world: str, tmp_path: Path) -> None:
    manifest = synthesize(world, tmp_path / "a", {"train": 1, "test": 1}, frames=3, size=32, workers=0)
    synthesize(world, tmp_path / "b", {"train": 1, "test": 1}, frames=3, size=32, workers=0)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert list(defects(tmp_path / "a")) == []
    assert manifest == read_manifest(tmp_path / "a")
    assert manifest.name == world
    assert all(read_tracks(tmp_path / "a" / str(clip.tracks)) for clip in manifest.splits["train"])


@pytest.mark.slow
@pytest.mark.parametrize("world", ["dashcam", "cars", "balls"])
def test_the_number_of_workers_changes_nothing(world: str, tmp_path: Path) -> None:
    for name, workers in (("a", 0), ("b", 2), ("c", 3)):
        synthesize(world, tmp_path / name, {"train": 6, "val": 1}, frames=6, size=32, workers=workers)
    assert digest(tmp_path / "a") == digest(tmp_path / "b") == digest(tmp_path / "c")


def test_unknown_worlds_and_variants_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no world 'moon'; expected one of traffic, dashcam, cars, balls"):
        synthesize("moon", tmp_path / "a", {"train": 1})
    with pytest.raises(SettingError, match="traffic has no variant 'flood'; expected one of default, dense"):
        synthesize("traffic", tmp_path / "a", {"train": 1}, variant="flood")
    assert not (tmp_path / "a").exists()


def test_a_variant_is_named_in_the_manifest(tmp_path: Path) -> None:
    manifest = synthesize("dashcam", tmp_path / "a", {"train": 1}, variant="night", frames=2, size=16, workers=0)
    assert "variant night" in manifest.about
    assert manifest.splits["train"][0].labels["domain"] == "night"


def corners(place: tuple[float, float, float], length: float, width: float) -> np.ndarray:
    x, y, heading = place
    c, s = np.cos(heading), np.sin(heading)
    half = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * (length / 2, width / 2)
    return half @ np.array([[c, s], [-s, c]]) + (x, y)


def apart(a: np.ndarray, b: np.ndarray) -> bool:
    """Separating-axis test of two rectangles."""
    for p in (a, b):
        for edge in (p[1] - p[0], p[2] - p[1]):
            normal = np.array([-edge[1], edge[0]])
            if (a @ normal).max() < (b @ normal).min() or (b @ normal).max() < (a @ normal).min():
                return True
    return False


def broken(
    road: RoadMap, seed: int, density: float, bicycles: float, steps: int, signals: Signals | None = None
) -> list[str]:
    """Names of every law that traffic breaks."""
    traffic, found = Traffic(road, np.random.default_rng(seed), density, bicycles, signals), []
    before: dict[int, float] = {}
    started: set[int] = set()
    for t, vehicles in enumerate(traffic.run(steps)):
        if traffic.entered != traffic.left + len(vehicles):
            found.append(f"{t}: a vehicle came from nowhere or got lost")
        found += [f"{t}: {a.number} drives at {a.v} m/s" for a in vehicles if not 0 <= a.v <= 11]
        found += [
            f"{t}: {a.number} brakes harder than tyres can"
            for a in vehicles
            if abs(a.v - before.get(a.number, a.v)) > 7.01 * STEP
        ]
        before = {a.number: a.v for a in vehicles}
        now = {a.number for a in vehicles if a.inside}
        arms = {a.number: road.lines[a.line].arms[0] for a in vehicles}
        if signals is not None:
            found += [
                f"{t}: {n} started at a red light"
                for n in now - started
                if not signals.is_green(arms[n], (t + 1) * STEP)
            ]
        started |= now
        if t % 5 == 0:
            boxes = [corners(road.lines[a.line].place(a.s), a.length, a.width) for a in vehicles]
            found += [
                f"{t}: {vehicles[i].number} and {vehicles[j].number} overlap"
                for i in range(len(boxes))
                for j in range(i)
                if np.hypot(*(boxes[i][0] - boxes[j][0])) < 14 and not apart(boxes[i], boxes[j])
            ]
    return found


VARIANTS = {
    "dense": lambda rng, seed, steps: broken(draw_road_map(rng), seed, 0.36, 0.0, steps),
    "merge": lambda rng, seed, steps: broken(draw_merge_map(rng), seed, 0.25, 0.0, steps),
    "bicycles": lambda rng, seed, steps: broken(draw_road_map(rng), seed, 0.14, 0.45, steps),
    "signals": lambda rng, seed, steps: broken(
        draw_road_map(rng, "junction"), seed, 0.3, 0.0, steps, draw_signals(rng)
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_keep_the_laws_of_traffic(variant: str) -> None:
    assert VARIANTS[variant](np.random.default_rng(2), 2, 120) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_keep_the_laws_of_traffic_for_200_seeds(variant: str) -> None:
    found = {seed: laws for seed in range(200) if (laws := VARIANTS[variant](np.random.default_rng(seed), seed, 260))}
    assert not found, dict(list(found.items())[:3])


def test_bicycles_are_named_and_slower() -> None:
    scene = simulate_scene(3, 2, 32, variant="bicycles")
    kinds = {p.kind: p for p in scene.tracks}  # type: ignore[attr-defined]
    assert set(kinds) == {"car", "bicycle"}
    assert kinds["bicycle"].length < 0.6 * kinds["car"].length


def test_lights_change_and_hold_traffic_up() -> None:
    """Opposite arms agree, the others wait, between them all do; a light that never turns green lets nobody in."""
    lights = Signals(green=6.0, clear=2.0, offset=0.0)
    shown = [tuple(lights.is_green(arm, t) for arm in range(4)) for t in (1.0, 7.0, 9.0, 15.0, 17.0)]
    even, odd, none = (True, False, True, False), (False, True, False, True), (False,) * 4
    assert shown == [even, none, odd, none, even]
    road = draw_road_map(np.random.default_rng(0), "junction")
    never = Traffic(road, np.random.default_rng(0), 0.3, signals=Signals(green=0.0, clear=2.0, offset=0.0))
    *_, held = never.run(400)
    assert held
    assert not any(a.inside for a in held)
    assert all(a.s + a.length / 2 <= road.lines[a.line].stop + 0.05 for a in held)
    scene = simulate_scene(0, 64, 64, variant="signals")
    assert (scene.frames != scene.background).any(axis=(1, 2, 3)).all()


def test_night_is_darker_and_lit_by_lamps() -> None:
    day, night = (simulate_scene(1, 2, 64, variant=v) for v in ("default", "night"))
    assert night.frames.mean() < 0.5 * day.frames.mean()
    assert night.frames.max() > 200
    assert night.tracks == day.tracks


@pytest.mark.parametrize("seed", range(5))
def test_balls_keep_energy_and_never_overlap(seed: int) -> None:
    table = Table(np.random.default_rng(seed))
    energy = table.energy()
    for _ in table.run(64):
        assert table.energy() == pytest.approx(energy, rel=1e-9)
        gaps = np.hypot(*(table.place[:, None] - table.place[None]).transpose(2, 0, 1))
        touching = table.radius[:, None] + table.radius[None]
        assert (gaps + np.eye(len(gaps)) - touching > -1e-9)[~np.eye(len(gaps), dtype=bool)].all()
        assert (table.place - table.radius[:, None] > 0.045 - 1e-9).all()
        assert (table.place + table.radius[:, None] < 0.955 + 1e-9).all()


def test_equal_balls_exchange_their_velocities() -> None:
    """Head on: the closed form of an elastic impact; after it the way back is the way there."""
    table = Table(np.random.default_rng(0))
    table.place = np.array([[0.3, 0.5], [0.7, 0.5]])
    table.velocity = np.array([[0.4, 0.0], [-0.2, 0.0]])
    table.radius = np.array([0.05, 0.05])
    for _ in table.run(8, 0.08):  # they touch after 0.5 seconds
        pass
    assert table.velocity == pytest.approx(np.array([[-0.2, 0.0], [0.4, 0.0]]))
    assert table.place == pytest.approx(np.array([[0.5 - 0.2 * 0.14, 0.5], [0.6 + 0.4 * 0.14, 0.5]]))


def test_a_table_is_its_seed() -> None:
    a, b, long = simulate_balls(4, 3, 32), simulate_balls(4, 3, 32), simulate_balls(4, 6, 32)
    assert np.array_equal(a.frames, b.frames)
    assert np.array_equal(long.frames[:3], a.frames)
    assert a.hole.any()
