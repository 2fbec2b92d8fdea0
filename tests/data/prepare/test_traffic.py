"""A camera that stands still and one that does not; a hole where traffic is."""

from pathlib import Path

import numpy as np
import pytest
from films import crossing, drive

from inpaintdiff.data.prepare.traffic import crossed_region, stands_still, view


def views(film: np.ndarray) -> list[np.ndarray]:
    return [view(f) for f in film]


def test_a_still_camera_is_told_from_a_moving_one() -> None:
    assert stands_still(views(crossing(40)))
    assert not stands_still(views(drive(40)))


def test_noise_and_changing_light_do_not_move_a_camera() -> None:
    rng = np.random.default_rng(0)
    film = crossing(40) * np.linspace(0.9, 1.1, 40)[:, None, None, None] + rng.normal(0, 4, size=(40, 96, 128, 3))
    assert stands_still(views(film.clip(0, 255).astype(np.uint8)))


def test_a_slow_pan_is_a_motion() -> None:
    assert not stands_still(views(drive(48, step=1)))


def test_one_colour_proves_nothing() -> None:
    assert not stands_still([np.full((128, 128), 90, np.uint8)] * 16)


@pytest.mark.parametrize("row", [16, 40, 70])
def test_the_hole_lies_where_cars_cross_and_not_at_the_border(row: int) -> None:
    hole = crossed_region(crossing(60, row=row))
    assert hole is not None
    rows, columns = (np.flatnonzero(hole.any(axis=k)) for k in (1, 0))
    assert rows[0] <= row
    assert rows[-1] >= row + 11
    assert rows[0] > 0
    assert rows[-1] < 95
    assert columns[0] > 0
    assert columns[-1] < 127
    assert 0.05 < hole.mean() < 0.2
    assert hole.sum() == len(rows) * len(columns), "a rectangle"


def test_no_traffic_no_hole() -> None:
    film = np.repeat(crossing(1, row=40), 30, axis=0)
    assert crossed_region(film) is None


@pytest.mark.assets
def test_real_cameras(assets: Path) -> None:
    """Fixed cameras over dense traffic pass, a dash-cam with a bonnet in a third of its picture does not."""
    from fractions import Fraction

    from inpaintdiff.data.prepare.frames import centre_crop, iter_sampled, sampled_at
    from inpaintdiff.data.video import open_video

    def first(name: str) -> list[np.ndarray]:
        reader = open_video(assets / "clips" / f"{name}.mp4")
        crop = centre_crop(reader.info, 64, 64)
        at = sampled_at(reader.info, Fraction(10))[:48]
        return [view(f[crop.top : crop.bottom, crop.left : crop.right]) for f in iter_sampled(reader, at)]

    assert stands_still(first("traffic_cam/intersection_night_overlay"))
    assert not stands_still(first("driving/us_freeway_dashcam"))
