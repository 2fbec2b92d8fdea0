"""Conditioning, composite and canvas, each alone."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint import MemoryCanvas
from inpaintdiff.inpaint.composite import composite
from inpaintdiff.inpaint.condition import condition, unknown_pixels
from inpaintdiff.types import VideoClip


def draw(seed: int, t: int = 5, size: int = 4, c: int = 3) -> VideoClip:
    g = torch.Generator().manual_seed(seed)
    hole = torch.rand(t, 1, size, size, generator=g) < 0.4
    return VideoClip(torch.rand(t, c, size, size, generator=g) * 2 - 1, hole, torch.arange(t) * 3 + 10)


def bits(x: torch.Tensor) -> torch.Tensor:
    """For comparisons that tell -0 from 0, and in which not-a-number equals itself."""
    return x.contiguous().view(torch.int32)


@given(st.integers(0, 10_000), st.sampled_from([math.nan, math.inf, 1e30, 0.5]))
def test_nothing_under_the_hole_reaches_the_conditioning(seed, garbage):
    clip = draw(seed)
    hole, index = clip.hole[None], clip.index[None]
    cond = condition(clip.frames.masked_fill(clip.hole, garbage)[None], hole, index)
    same = condition(clip.frames[None], hole, index)
    assert torch.equal(cond.known, same.known)
    assert torch.equal(cond.known_mask, ~hole)
    assert (cond.known[hole.expand_as(cond.known)] == 0).all()
    known = ~hole.expand_as(cond.known)
    assert torch.equal(cond.known[known], clip.frames[None][known])
    assert torch.equal(cond.index, index)


@given(st.integers(0, 10_000), st.sets(st.integers(0, 4)))
def test_observed_frames_are_known_and_the_source_hole_is_left_alone(seed, observed):
    clip = draw(seed)
    before = clip.hole.clone()
    unknown = unknown_pixels(clip.hole, sorted(observed))
    for i in range(5):
        assert torch.equal(unknown[i], torch.zeros_like(before[i]) if i in observed else before[i])
    assert torch.equal(clip.hole, before)
    cond = condition(clip.frames[None], unknown[None], clip.index[None])
    assert all(cond.observed_frames()[0, i] for i in observed)


@given(st.integers(0, 10_000))
def test_a_composite_is_the_source_outside_the_hole_bit_for_bit(seed):
    clip, other = draw(seed), draw(seed + 1)
    source = clip.frames.clone()
    source[0, 0] = -0.0
    out = composite(source, other.frames, clip.hole)
    known = ~clip.hole.expand_as(out)
    assert torch.equal(bits(out)[known], bits(source)[known])
    assert torch.equal(bits(out)[~known], bits(other.frames)[~known])
    assert torch.equal(composite(source, other.frames.masked_fill(~clip.hole, math.nan), clip.hole), out)


def test_a_canvas_gives_back_what_was_pasted_and_nothing_else_changes():
    clip = draw(0)
    clip.frames[clip.hole.expand_as(clip.frames)] = math.nan
    source = clip.frames.clone()
    canvas = MemoryCanvas(clip, samples=3)
    painted = torch.randn(2, 2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    canvas.paste((1, 3), slice(1, 3), painted)
    expected = torch.where(clip.hole[[1, 3]], painted, source[[1, 3]])
    assert torch.equal(bits(canvas.window((1, 3), slice(1, 3))), bits(expected))
    assert torch.equal(bits(canvas.window((1, 3), slice(0, 1))), bits(source[[1, 3]][None]))
    assert torch.equal(bits(canvas.window((0, 2, 4), slice(0, 3))), bits(source[[0, 2, 4]].expand(3, -1, -1, -1, -1)))
    assert torch.equal(bits(clip.frames), bits(source))  # the caller's tensor is not a canvas
    out = canvas.clip()
    assert torch.equal(bits(out.frames[1:, [1, 3]]), bits(expected))
    # what is left to paint: everything of sample 0, the frames not pasted of the others
    assert torch.equal(out.hole[0], clip.hole)
    assert not out.hole[1:, [1, 3]].any()
    assert torch.equal(out.hole[1:, [0, 2, 4]], clip.hole[[0, 2, 4]].expand(2, -1, -1, -1, -1))
    assert torch.equal(out.index, clip.index.expand(3, -1))
    out.frames.zero_()
    assert torch.equal(bits(canvas.window((1, 3), slice(1, 3))), bits(expected))  # nor is the result


def test_a_canvas_wants_one_clip_and_at_least_one_sample():
    clip = draw(0)
    with pytest.raises(SettingError, match="samples must be at least 1"):
        MemoryCanvas(clip, samples=0)
    with pytest.raises(SettingError, match="one clip"):
        MemoryCanvas(VideoClip.collate([clip, clip]))
