"""The traffic simulator keeps the laws that a score of semantic consistency relies on, and the same seed gives the same bytes."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from inpaintdiff.data.format import defects, read_manifest
from inpaintdiff.data.synthetic.road_map import KINDS, VIEW, draw_road_map, find_meetings
from inpaintdiff.data.synthetic.scene import simulate_scene
from inpaintdiff.data.synthetic.traffic import STEP, Traffic, Vehicle
from inpaintdiff.data.synthetic.worlds import world_clip
from inpaintdiff.data.synthetic.write import synthesize_traffic
from inpaintdiff.data.video import read_frames
from inpaintdiff.errors import DatasetError, SettingError


def corners(place: tuple[float, float, float], length: float, width: float) -> np.ndarray:
    x, y, heading = place
    c, s = np.cos(heading), np.sin(heading)
    half = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * (length / 2, width / 2)
    return half @ np.array([[c, s], [-s, c]]) + (x, y)


def overlap(a: np.ndarray, b: np.ndarray) -> bool:
    """Separating-axis test of two rectangles."""
    for p in (a, b):
        for edge in (p[1] - p[0], p[2] - p[1]):
            normal = np.array([-edge[1], edge[0]])
            if (a @ normal).max() < (b @ normal).min() or (b @ normal).max() < (a @ normal).min():
                return False
    return True


def drive(seed: int, steps: int = 260) -> tuple[list[str], Traffic]:
    """Simulate, and name every law that is broken."""
    rng = np.random.default_rng(seed)
    road = draw_road_map(rng)
    traffic, broken = Traffic(road, rng, float(rng.uniform(0.08, 0.2))), []
    before: dict[int, float] = {}
    for t, vehicles in enumerate(traffic.run(steps)):
        if traffic.entered != traffic.left + len(vehicles):
            broken.append(f"{t}: a vehicle came from nowhere or got lost")
        for a in vehicles:
            if not 0 <= a.v <= 11:
                broken.append(f"{t}: vehicle {a.number} drives at {a.v} m/s")
            if a.number in before and abs(a.v - before[a.number]) > 7.01 * STEP:
                broken.append(f"{t}: vehicle {a.number} brakes harder than tyres can")
        before = {a.number: a.v for a in vehicles}
        if t % 3 == 0:
            broken += [f"{t}: {pair} overlap" for pair in overlaps(traffic, vehicles)]
    return broken, traffic


def overlaps(traffic: Traffic, vehicles: list[Vehicle]) -> list[tuple[int, int]]:
    boxes = [corners(traffic.map.lines[a.line].place(a.s), a.length, a.width) for a in vehicles]
    middles = [b.mean(axis=0) for b in boxes]
    return [
        (vehicles[i].number, vehicles[j].number)
        for i in range(len(boxes))
        for j in range(i)
        if np.hypot(*(middles[i] - middles[j])) < 9 and overlap(boxes[i], boxes[j])
    ]


@pytest.mark.parametrize("seed", range(12))
def test_vehicles_are_conserved_keep_to_limits_and_never_overlap(seed: int) -> None:
    broken, traffic = drive(seed)
    assert not broken, broken[:3]
    assert traffic.left > 0


@pytest.mark.slow
def test_the_laws_hold_for_200_seeds() -> None:
    broken = {seed: found for seed in range(200) if (found := drive(seed)[0])}
    assert not broken, dict(list(broken.items())[:3])


def test_drivers_who_do_not_yield_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: everybody accepts every gap, and nobody lets others go first."""
    monkeypatch.setattr(Traffic, "_order", lambda self, a, b, at: "free")
    assert any("overlap" in line for seed in range(4) for line in drive(seed)[0])


@pytest.mark.slow
def test_nobody_waits_for_ever() -> None:
    for seed in range(6):
        _, traffic = drive(seed, 500)
        assert max((a.waited for a in traffic.vehicles), default=0) < 30


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_leads_from_its_arm_to_its_arm(kind: str) -> None:
    road = draw_road_map(np.random.default_rng(5), kind)
    assert {x.arms for x in road.lines} == {(a, b) for a in range(4) for b in range(4) if a != b}
    for line in road.lines:
        for point, arm in ((line.xy[0], line.arms[0]), (line.xy[-1], line.arms[1])):
            away = point - road.centre
            angle = np.arctan2(away[1], away[0]) - road.arms[arm]
            assert abs(np.sin(angle / 2)) < 0.05
            assert np.abs(point).max() > VIEW / 2
        turn = np.abs(np.diff(line.heading))
        assert turn.max() < 0.35
        assert np.all(line.speed <= 9.0)


def test_traffic_keeps_to_the_right() -> None:
    road = draw_road_map(np.random.default_rng(1), "junction")
    for line in road.lines:
        outward = np.array([np.cos(road.arms[line.arms[0]]), np.sin(road.arms[line.arms[0]])])
        away = line.xy[0] - road.centre
        # coming in along -outward, the right-hand side has the sign of (y, -x) with y pointing down
        assert away @ np.array([outward[1], -outward[0]]) > 0


def test_meetings_are_the_same_from_both_sides() -> None:
    road = draw_road_map(np.random.default_rng(2), "roundabout")
    met = find_meetings(road.lines).stretches
    for r in range(len(road.lines)):
        for q in range(len(road.lines)):
            swapped = [(s.other_begin, s.other_end, s.begin, s.end, s.merges) for s in met[q][r]]
            assert [tuple(s) for s in met[r][q]] == swapped
    # three quarters of the ring against three quarters from the opposite arm: they meet on two separate stretches
    a = next(i for i, x in enumerate(road.lines) if x.arms == (0, 3))
    b = next(i for i, x in enumerate(road.lines) if x.arms == (2, 1))
    assert len(met[a][b]) == 2
    assert all(s.merges for s in met[a][b])


def test_a_scene_is_its_seed() -> None:
    a, b, other = (simulate_scene(seed, 6) for seed in (3, 3, 4))
    assert np.array_equal(a.frames, b.frames)
    assert a.tracks == b.tracks
    assert not np.array_equal(a.frames, other.frames)


def test_size_and_length_change_nothing_else() -> None:
    small, large, long = simulate_scene(7, 4, 64), simulate_scene(7, 4, 128), simulate_scene(7, 8, 64)
    assert np.array_equal(long.frames[:4], small.frames)
    halved = large.frames.reshape(4, 64, 2, 64, 2, 3).mean(axis=(2, 4))
    assert np.abs(halved - small.frames).mean() < 2.5
    assert [(p.vehicle, round(p.x * 2, 3)) for p in small.tracks] == [(p.vehicle, round(p.x, 3)) for p in large.tracks]


def test_the_picture_shows_the_tracks() -> None:
    """Where a vehicle of a bright colour is in full sight, the pixels of its middle are not the background's."""
    scene = simulate_scene(11, 16, 128)
    seen = 0
    for p in scene.tracks:
        if 8 < p.x < 120 and 8 < p.y < 120 and max(p.red, p.green, p.blue) - min(p.red, p.green, p.blue) > 100:
            at = int(p.y), int(p.x)
            assert np.abs(scene.frames[p.frame][at].astype(int) - scene.background[at]).max() > 40
            seen += 1
    assert seen > 10
    assert scene.hole.mean() > 0.1


def test_a_clip_for_models_is_the_scene(tmp_path: Path) -> None:
    clip = world_clip("traffic", 5, frames=3)
    assert clip.frames.shape == (3, 3, 64, 64)
    assert clip.frames.abs().max() <= 1
    assert clip.hole[0].any()
    assert bool((clip.hole == clip.hole[:1]).all())


def digest(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_a_data_set_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    counts, told = {"train": 2, "val": 1, "test": 1}, list[tuple[int, int]]()
    alone = synthesize_traffic(tmp_path / "a", counts, frames=5, workers=0, progress=lambda *n: told.append(n))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    synthesize_traffic(tmp_path / "b", counts, frames=5, workers=2)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert read_manifest(tmp_path / "a") == alone
    assert list(defects(tmp_path / "a")) == []
    entry = alone.splits["train"][1]
    scene = simulate_scene(entry.seed or 0, 5)
    decoded = read_frames(tmp_path / "a" / entry.video, range(5))
    assert np.abs(decoded.astype(int) - scene.frames).mean() < 4
    seeds = [e.seed for clips in alone.splits.values() for e in clips]
    assert len(set(seeds)) == len(seeds)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DatasetError, match="holds something else"):
        synthesize_traffic(tmp_path, {"train": 1}, frames=2, workers=0)
    synthesize_traffic(tmp_path / "new", {"train": 1}, frames=2, workers=0)
    before = digest(tmp_path / "new")
    with pytest.raises(DatasetError, match="already"):
        synthesize_traffic(tmp_path / "new", {"train": 1}, frames=2, workers=0)
    assert digest(tmp_path / "new") == before
    for wrong in ({"size": 17}, {"frames": 0}, {"seed": -1}):
        with pytest.raises(SettingError):
            synthesize_traffic(tmp_path / "no", {"train": 1}, workers=0, **wrong)
    assert not (tmp_path / "no").exists()
