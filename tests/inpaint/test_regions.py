"""Cut-outs: they cover every pixel of the hole once, leak nothing from under it, and do not resample where they need not."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.regions import MOST_REGIONS, Region, choose_regions


def union(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Boxes are top, left, bottom, right."""
    hole = np.zeros((height, width), dtype=bool)
    for t, left, b, r in boxes:
        hole[t:b, left:r] = True
    return hole


def covers(region: Region) -> np.ndarray:
    seen = np.zeros_like(region.own)
    seen[region.inside()] = True
    return seen


@given(
    st.tuples(st.integers(1, 70), st.integers(1, 90)),
    st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=12),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.floats(0, 2),
    st.integers(1, 4),
)
def test_every_pixel_of_the_hole_belongs_to_one_region_that_sees_it(size, boxes, model, context, most):
    height, width = size
    hole = np.zeros(size, dtype=bool)
    for a, b, c, d in boxes:
        top, left = int(a * (height - 1)), int(b * (width - 1))
        hole[top : top + 1 + int(c * 5), left : left + 1 + int(d * 5)] = True
    regions = choose_regions(hole, *model, context, most)
    assert len(regions) <= most
    assert np.array_equal(sum(r.own.astype(int) for r in regions), hole.astype(int))
    for r in regions:
        assert (covers(r) >= r.own).all()
        rows, columns = np.flatnonzero(r.own.any(axis=1)), np.flatnonzero(r.own.any(axis=0))
        assert r.height * r.factor >= min(height, (1 + context) * (rows[-1] + 1 - rows[0]))
        assert r.width * r.factor >= min(width, (1 + context) * (columns[-1] + 1 - columns[0]))
        assert len(r.rows()) == r.height * r.factor
        assert len(r.columns()) == r.width * r.factor


def test_a_video_of_the_models_size_is_one_region_as_it_is():
    (region,) = choose_regions(union(64, 64, (0, 3, 40, 9), (60, 60, 64, 64)), 64, 64)
    assert (region.top, region.left, region.factor) == (0, 0, 1)
    frames = torch.rand(2, 3, 64, 64)
    assert region.shrink(frames) is frames
    assert region.enlarge(frames).data_ptr() == frames.data_ptr()


@pytest.mark.parametrize(
    ("box", "corner", "factor"),
    [
        ((100, 100, 140, 140), (88, 88), 1),  # 40 * 1.5 = 60 fits 64; centred
        ((100, 100, 144, 140), (58, 56), 2),  # 44 * 1.5 = 66 does not
        ((0, 560, 20, 600), (0, 536), 1),  # moved into the picture at two borders
    ],
)
def test_the_smallest_factor_that_leaves_the_context(box, corner, factor):
    (region,) = choose_regions(union(352, 600, box), 64, 64)
    assert ((region.top, region.left), region.factor) == (corner, factor)


def test_parts_far_apart_are_painted_apart_and_near_ones_together():
    far = choose_regions(union(300, 300, (10, 10, 20, 20), (250, 250, 260, 260)), 64, 64)
    assert [r.factor for r in far] == [1, 1]
    assert [(covers(a) & covers(b)).any() for a, b in [far]] == [False]
    near = choose_regions(union(300, 300, (10, 10, 20, 20), (30, 30, 40, 40)), 64, 64)
    assert len(near) == 1


def test_many_parts_become_few_regions():
    hole = np.zeros((400, 600), dtype=bool)
    hole[::40, ::40] = True
    assert len(choose_regions(hole, 8, 8)) <= MOST_REGIONS


def test_a_smaller_picture_is_padded_by_its_border():
    (region,) = choose_regions(union(10, 12, (2, 2, 4, 4)), 16, 16)
    picture = np.arange(120).reshape(1, 10, 12)
    cut = region.cut(picture)[0]
    assert cut.shape == (16, 16)
    assert np.array_equal(cut[3:13, 2:14], picture[0])
    assert (cut[:3, 2:14] == picture[0, 0]).all()
    assert (cut[3:13, 14:] == picture[0, :, -1:]).all()
    back = region.enlarge(torch.from_numpy(cut).float().expand(1, 3, 16, 16))
    assert np.array_equal(back[0, 0].numpy(), picture[0])


def test_nothing_under_the_hole_reaches_a_known_pixel_of_the_model():
    hole = union(96, 96, (30, 31, 67, 66))
    (region,) = choose_regions(hole, 32, 32)
    assert region.factor == 2
    frames = torch.rand(1, 3, 96, 96)
    poisoned = frames.masked_fill(torch.from_numpy(hole), torch.nan)
    small = region.shrink(torch.from_numpy(region.cut(poisoned[0].permute(1, 2, 0).numpy()[None])).permute(0, 3, 1, 2))
    small_hole = region.shrink_hole(torch.from_numpy(region.cut(hole[None]))[:, None])
    assert small_hole.any()
    assert torch.equal(small.isnan().any(dim=1, keepdim=True), small_hole)


def test_shrinking_is_the_mean_and_enlarging_keeps_what_is_smooth():
    region = Region(0, 0, 8, 8, 3, np.ones((24, 24), dtype=bool))
    ramp = torch.linspace(-1, 1, 24).expand(1, 3, 24, 24)
    assert torch.allclose(region.shrink(ramp)[0, 0, 0], ramp[0, 0, 0].view(8, 3).mean(dim=1))
    inner = slice(6, 18)
    assert torch.allclose(region.enlarge(region.shrink(ramp))[..., inner], ramp[..., inner], atol=1e-5)


def test_negative_context_is_refused():
    with pytest.raises(SettingError, match="context must be 0 or more"):
        choose_regions(union(8, 8, (1, 1, 2, 2)), 8, 8, -0.1)
