"""The check of the seam sees an offset of the hole and does not see a hole that fits."""

import numpy as np
import pytest

from inpaintdiff.painting.seam import Seam


def ramp() -> tuple[np.ndarray, np.ndarray]:
    """Steps of 2 along x and of 4 along y, and a box in it."""
    y, x = np.mgrid[0:40, 0:50]
    hole = np.zeros((40, 50), dtype=bool)
    hole[12:20, 15:35] = True
    return (2 * x + 3 * y)[..., None].repeat(3, axis=-1).astype(np.uint8), hole


def test_a_hole_that_fits_has_the_steps_of_its_surroundings():
    frame, hole = ramp()
    seam = Seam()
    seam.add(frame, hole)
    n = 2 * (8 + 20)  # pairs across the border
    assert seam.across == (2 * (8 * 2 + 20 * 3), n)
    assert seam.ratio() == pytest.approx((8 * 2 + 20 * 3) / 28 / 2.5, rel=0.05)


def test_an_offset_shows():
    frame, hole = ramp()
    frame[hole] = 255
    seam = Seam()
    seam.add(frame, hole)
    assert seam.ratio() > 20


def test_nothing_to_compare_with():
    flat = np.zeros((8, 8, 3), dtype=np.uint8)
    seam = Seam()
    assert seam.ratio() is None
    seam.add(flat, np.eye(8, dtype=bool))
    assert seam.ratio() is None
