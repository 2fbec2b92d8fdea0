"""The chart of a plan as a picture: colours where they belong."""

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.analysis.plan_picture import draw_plan
from inpaintdiff.schemes import Stage, make_scheme

RED, ORANGE, BLUE, GREY = (192, 58, 43), (240, 160, 48), (59, 117, 175), (201, 204, 209)


def count(path, colour):
    """Pixels of a colour, without the legend below."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return int((pixels[: int(0.7 * len(pixels))] == colour).all(axis=2).sum())


def test_areas_are_those_of_the_roles(tmp_path):
    path = tmp_path / "plan.png"
    # seven frames by three stages: 3 latent, 6 look-ahead, 3 observed cells; complete beyond those: 3 + 2 + 1
    plan = [Stage((0,), (1, 2, 3)), Stage((1,), (2, 3), (0,)), Stage((2,), (3,), (0, 1)), Stage((3,))]
    draw_plan(plan, [True] * 4 + [False] * 3, path)
    cell = count(path, RED) / 4
    assert cell > 500
    assert count(path, ORANGE) == pytest.approx(6 * cell, rel=0.1)
    assert count(path, BLUE) == pytest.approx(3 * cell, rel=0.1)
    assert count(path, GREY) == pytest.approx((3 * 4 + 3) * cell, rel=0.1)
    assert [p.name for p in tmp_path.iterdir()] == ["plan.png"]


@pytest.mark.parametrize("frames", [0, 1, 3000])
def test_any_length(tmp_path, frames):
    path = tmp_path / "plan.png"
    incomplete = [i % 7 != 0 for i in range(frames)]
    draw_plan(make_scheme("lookahead-ar++", window=4, step=1).stages(incomplete), incomplete, path, title="long")
    assert (count(path, RED) > 0) == (frames == 3000)
    with Image.open(path) as picture:
        assert max(picture.size) < 2500
