"""Boxes of vehicles: files, the clock, the tracker, and clips that follow one vehicle; truth by construction."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inpaintdiff.data.prepare.boxes import Seen, Track, boxes_in_clip, read_boxes, tracks_on_clock
from inpaintdiff.data.prepare.cars import car_clips
from inpaintdiff.data.prepare.detector import Detection, decoded, overlap
from inpaintdiff.data.prepare.frames import Crop
from inpaintdiff.data.prepare.settings import PrepareSettings
from inpaintdiff.data.prepare.shots import Stretch, Verdict
from inpaintdiff.data.prepare.tracker import Tracker
from inpaintdiff.errors import DatasetError


def test_bdd_labels_are_five_a_second(tmp_path: Path) -> None:
    def label(i: str, category: str, x: float) -> dict:
        return {"id": i, "category": category, "box2d": {"x1": x, "y1": 10, "x2": x + 30, "y2": 40}}

    frames = [
        {"videoName": "a", "frameIndex": k, "labels": [label("7", "car", 100 + 10 * k), label("8", "pedestrian", 5)]}
        for k in range(3)
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(frames))
    seen = read_boxes(path)
    assert [(s.time, s.x1, s.kind) for s in seen] == [(0, 100, "car"), (0.2, 110, "car"), (0.4, 120, "car")]
    (track,) = tracks_on_clock(seen, Fraction(10), ticks=40)
    assert track.first == 0
    assert np.allclose(track.boxes[:, 0], [100, 105, 110, 115, 120]), "straight between labels"


def test_mot_counts_frames_of_the_source_from_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1,4,10,20,30,40,1,3,1\n3,4,14,20,30,40,1,3,1\n2,5,0,0,9,9,0,3,1\n9,4,0,0,9,9,1,3,1\n")
    seen = read_boxes(path, {0: 0.0, 1: 0.04, 2: 0.08})
    assert [(s.time, s.number, s.x1, s.y1, s.x2, s.y2) for s in seen] == [
        (0.0, 4, 10, 20, 40, 60), (0.08, 4, 14, 20, 44, 60)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", "{}"), ("a.json", "[{"), ("a.txt", "1,2,3\n"), ("a.csv", "a,b\n")]
)
def test_other_files_are_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match="holds no boxes"):
        read_boxes(tmp_path / name, {0: 0.0})


def test_a_vehicle_that_was_gone_comes_back_as_another_track() -> None:
    seen = [Seen(t, 1, 0.0, 0.0, 9.0, 9.0) for t in (0.0, 0.1, 0.2, 1.5, 1.6)]
    assert [(t.first, t.end) for t in tracks_on_clock(seen, Fraction(10), 100)] == [(0, 3), (15, 17)]


def test_boxes_go_with_the_crop() -> None:
    track = Track(3, "car", 5, np.array([[100.0, 50, 140, 70], [110, 50, 150, 70]]))
    (box,) = boxes_in_clip([track], [Crop(40, 80, 100, 180)], 5, 20, 40)
    assert (box.frame, box.vehicle, box.x1, box.y1, box.x2, box.y2, box.kind) == (0, 3, 0, 5, 20, 15, "car")
    assert boxes_in_clip([track], [Crop(0, 40, 0, 80)], 5, 20, 40) == (), "outside of the picture"


def moving(
    number: int, x: float, y: float, dx: float, frames: int, size: float = 40
) -> dict[int, list[tuple[int, Detection]]]:
    return {t: [(number, Detection(x + dx * t, y, x + dx * t + size, y + size / 2, 0.9, "car"))] for t in range(frames)}


def followed(
    *vehicles: dict[int, list[tuple[int, Detection]]], frames: int, missing: frozenset[tuple[int, int]]
) -> dict[int, set[int]]:
    """Which numbers the tracker gave to each true vehicle."""
    tracker = Tracker()
    numbers: dict[int, set[int]] = {}
    for t in range(frames):
        now = [pair for v in vehicles for pair in v.get(t, []) if (pair[0], t) not in missing]
        seen = tracker(t / 10, [d for _, d in now])
        for true, d in now:
            numbers.setdefault(true, set()).update(s.number for s in seen if (s.x1, s.y1) == (d.x1, d.y1))
    return numbers


def test_vehicles_that_pass_each_other_keep_their_numbers() -> None:
    left, right = moving(1, 0.0, 50.0, 12.0, 30), moving(2, 350.0, 62.0, -12.0, 30)
    numbers = followed(left, right, frames=30, missing=frozenset())
    assert numbers == {1: numbers[1], 2: numbers[2]}
    assert len(numbers[1]) == len(numbers[2]) == 1
    assert numbers[1] != numbers[2]


@settings(max_examples=25)
@given(st.sets(st.integers(3, 26), max_size=12))
def test_short_gaps_do_not_renumber(gaps: set[int]) -> None:
    runs = "".join("x" if t in gaps else "." for t in range(30)).split(".")
    if max(map(len, runs)) > 4:
        return
    missing = frozenset((1, t) for t in gaps)
    numbers = followed(moving(1, 0.0, 50.0, 9.0, 30), frames=30, missing=missing)
    assert numbers[1] == {1}


def test_what_the_detector_says_is_decoded() -> None:
    raw = np.zeros((84, 85))  # 64 x 64 pixels: 64 + 16 + 4 cells
    raw[64 + 5, :5] = (0.5, 0.25, np.log(2), np.log(1), 0.9)  # cell (1, 1) of stride 16
    raw[64 + 5, 5 + 2] = 0.9  # a car
    raw[64 + 6, :5] = (-0.5, 0.25, np.log(2), np.log(1), 0.8)  # the same car from the next cell
    raw[64 + 6, 5 + 2] = 0.9
    raw[0, :5] = (0.5, 0.5, 0, 0, 0.9)
    raw[0, 5] = 1.0  # a person
    (car,) = decoded(raw, 64, 64, scale=0.5)
    assert (car.x1, car.y1, car.x2, car.y2) == pytest.approx((16, 24, 80, 56))
    assert (car.score, car.kind) == (pytest.approx(0.81), "car")


def test_overlap_is_intersection_over_union() -> None:
    a = np.array([0.0, 0, 10, 10])
    assert overlap(a, np.array([5.0, 0, 15, 10])) == pytest.approx(1 / 3)
    assert overlap(a, np.array([10.0, 0, 20, 10])) == 0


WHOLE = [Stretch(0, 100, Verdict.KEEP)]
ASKED = PrepareSettings("cars", 32, 32, frames=20, least=8)


def straight(frames: int = 60, size: float = 40, dx: float = 5, first: int = 0) -> Track:
    x = 20 + dx * np.arange(frames)
    return Track(
        1, "car", first, np.stack([x, np.full(frames, 90.0), x + size, np.full(frames, 90.0 + size / 2)], axis=1)
    )


def test_the_vehicle_stays_in_the_middle_and_under_the_hole() -> None:
    clips = car_clips([straight()], WHOLE, 240, 400, ASKED)
    assert [(c.first, c.end) for c in clips] == [(0, 20), (20, 40), (40, 60)]
    for clip in clips:
        assert len({(c.height, c.width) for c in clip.crops}) == 1, "no zoom within a clip"
        hole = clip.hole(32, 32)
        for picture, crop, box in zip(hole, clip.crops, clip.track.boxes, strict=True):
            assert crop.left >= 0
            assert crop.right <= 400
            # every pixel of the clip that the box reaches into is hidden
            k = 32 / crop.height
            x1, y1, x2, y2 = (
                int(np.floor((box[0] - crop.left) * k)), int(np.floor((box[1] - crop.top) * k)),
                int(np.ceil((box[2] - crop.left) * k)), int(np.ceil((box[3] - crop.top) * k)),
            )  # fmt: skip
            assert picture[y1:y2, x1:x2].all()
            assert picture.mean() < 0.5
            if 80 < box[0] < 300:
                assert abs((box[0] + box[2]) / 2 - (crop.left + crop.right) / 2) <= 1


def test_cuts_borders_and_small_vehicles_end_clips() -> None:
    cut = [Stretch(0, 30, Verdict.KEEP), Stretch(30, 100, Verdict.KEEP)]
    assert [(c.first, c.end) for c in car_clips([straight()], cut, 240, 400, ASKED)] == [
        (0, 20),
        (20, 30),
        (30, 50),
        (50, 60),
    ]
    assert car_clips([straight(size=12)], WHOLE, 240, 400, ASKED) == [], "it would have to be enlarged"
    leaving = car_clips([straight(frames=90)], WHOLE, 240, 400, ASKED)
    assert max(c.end for c in leaving) <= 68, "the border cuts it off from 400 - 2 - 60 - 5 t < 0 on"


def test_a_vehicle_that_grows_gets_shorter_clips() -> None:
    size = 20 * 1.1 ** np.arange(30)
    track = Track(1, "car", 0, np.stack([200 - size, 200 - size / 2, 200 + size, 200 + size / 2], axis=1))
    clips = car_clips([track], WHOLE, 400, 400, ASKED)
    assert clips
    for clip in clips:
        widths = clip.track.boxes[:, 2] - clip.track.boxes[:, 0]
        assert widths.max() <= 2.5 * widths.min()


def test_at_most_three_clips_at_once() -> None:
    tracks = [Track(n, "car", 0, straight(20).boxes + np.array([0, 4 * n, n, 4 * n])) for n in range(8)]
    clips = car_clips(tracks, WHOLE, 240, 400, ASKED)
    assert [c.track.number for c in clips] == [5, 6, 7], "the largest"
