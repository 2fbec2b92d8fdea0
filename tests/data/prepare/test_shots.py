"""Cuts, frozen, black and blank stretches, on films that were made with them at known places."""

import numpy as np
import pytest
from films import crossing, drive
from hypothesis import given, settings
from hypothesis import strategies as st

from inpaintdiff.data.prepare.shots import Stretch, Verdict, stretches, verdicts
from inpaintdiff.data.prepare.signals import Signals

KEEP, CUT, BLACK, BLANK, FROZEN = Verdict.KEEP, Verdict.CUT, Verdict.BLACK, Verdict.BLANK, Verdict.FROZEN


def judged(film: np.ndarray, frozen: int = 5) -> list[Verdict]:
    judge = Signals()
    return verdicts([judge(f) for f in film], frozen)


def test_one_shot_is_kept_whole() -> None:
    assert judged(drive(30)) == [KEEP] * 30
    assert judged(crossing(40)) == [KEEP] * 40


@pytest.mark.parametrize("at", [1, 7, 28, 29])
def test_a_cut_is_found_where_it_is(at: int) -> None:
    film = np.concatenate([drive(at, seed=1), drive(30 - at, seed=2)])
    assert [i for i, v in enumerate(judged(film)) if v is CUT] == [at]


def test_light_that_changes_at_once_is_no_cut() -> None:
    film = drive(30).astype(np.float64)
    film[15:] *= 0.6
    assert CUT not in judged(film.astype(np.uint8))


def test_noise_and_fast_motion_are_no_cuts() -> None:
    noise = np.random.default_rng(0).normal(0, 6, size=(30, 96, 128, 3))
    assert CUT not in judged((drive(30) + noise).clip(0, 255).astype(np.uint8))
    assert CUT not in judged(drive(30, step=6))


def test_a_picture_that_stands_still_is_frozen_from_its_second_frame_on() -> None:
    film = drive(23)[[*range(11), *[10] * 7, *range(11, 23)]]
    assert judged(film) == [KEEP] * 11 + [FROZEN] * 7 + [KEEP] * 12


def test_a_short_pause_is_kept() -> None:
    film = drive(27)[[*range(11), *[10] * 3, *range(11, 27)]]
    assert judged(film) == [KEEP] * 30


def test_a_far_car_keeps_a_still_camera_from_being_frozen() -> None:
    film = np.repeat(drive(1), 30, axis=0)
    for t in range(30):
        film[t, 40:44, 4 * t : 4 * t + 6] = 255
    assert FROZEN not in judged(film)


@pytest.mark.parametrize(
    ("colour", "verdict"), [((0, 0, 0), BLACK), ((18, 16, 16), BLACK), ((40, 40, 220), BLANK), ((255, 255, 255), BLANK)]
)
def test_one_colour_is_left_out(colour: tuple[int, int, int], verdict: Verdict) -> None:
    film = drive(30)
    noise = np.random.default_rng(0).integers(-2, 3, size=film[10:20].shape)
    film[10:20] = (np.array(colour) + noise).clip(0, 255)
    found = judged(film)
    assert found[10:20] == [verdict] * 10
    assert set(found[:10]) == {KEEP}
    assert set(found[21:]) == {KEEP}


def test_stretches_begin_anew_at_a_cut() -> None:
    found = list(stretches([KEEP, KEEP, CUT, KEEP, FROZEN, BLACK, BLACK, KEEP]))
    assert found == [
        Stretch(0, 2, KEEP), Stretch(2, 4, KEEP), Stretch(4, 5, FROZEN), Stretch(5, 7, BLACK), Stretch(7, 8, KEEP)
    ]  # fmt: skip


@settings(max_examples=50)
@given(st.lists(st.sampled_from(list(Verdict)), max_size=40))
def test_stretches_are_a_partition(found: list[Verdict]) -> None:
    parts = list(stretches(found))
    assert [i for p in parts for i in range(p.first, p.end)] == list(range(len(found)))
    for part in parts:
        inside = found[part.first : part.end]
        assert CUT not in inside[1:], "a stretch crosses a cut"
        assert {KEEP if v is CUT else v for v in inside} == {part.verdict}
