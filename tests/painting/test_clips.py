"""Clips in memory, painted by a real tiny network: at the model's size, larger, and smaller."""

import math
from pathlib import Path

import pytest
import torch

from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.painting import load_model, load_painter
from inpaintdiff.painting.clips import calls_of, paint_clip
from inpaintdiff.painting.painters import ModelPainter
from inpaintdiff.types import VideoClip
from tests.painting.small import SIZE

SAMPLING = SamplingConfig(calls=2)


@pytest.fixture(scope="module")
def painter(model: Path) -> ModelPainter:
    found = load_painter(model, SAMPLING, torch.device("cpu"))
    assert isinstance(found, ModelPainter)
    return found


def draw(height: int, width: int, box: tuple[int, int, int, int], t: int = 5) -> VideoClip:
    g = torch.Generator().manual_seed(0)
    hole = torch.zeros(t, 1, height, width, dtype=torch.bool)
    x1, y1, x2, y2 = box
    hole[1:, :, y1:y2, x1:x2] = True
    return VideoClip(torch.rand(t, 3, height, width, generator=g) * 2 - 1, hole, torch.arange(t))


def test_a_clip_of_the_models_size_is_painted_as_by_the_inpainter(painter: ModelPainter, model: Path) -> None:
    # more than two thirds of the picture: through a cut-out it would be seen at half the size
    clip = draw(SIZE, SIZE, (2, 2, 15, 15))
    got = paint_clip(painter, clip, samples=2, seed=3)
    denoiser, info = load_model(model)
    inpainter = SAMPLING.inpainter(denoiser, info.config)
    torch.testing.assert_close(got, inpainter(clip, samples=2, seed=3).frames)
    assert not torch.equal(got[0], got[1])
    assert calls_of(painter, clip) == len(inpainter.plan(clip.incomplete())) * inpainter.calls


@pytest.mark.parametrize(("height", "width"), [(40, 56), (12, 10), (SIZE, 20)])
def test_clips_of_other_sizes(painter: ModelPainter, height: int, width: int) -> None:
    clip = draw(height, width, (1, 2, 9, 8))
    dirty = VideoClip(clip.frames.masked_fill(clip.hole, math.nan), clip.hole, clip.index)
    got = paint_clip(painter, dirty, samples=2)
    assert got.shape == (2, *clip.frames.shape)
    assert got.isfinite().all()
    known = ~clip.hole.expand_as(clip.frames)
    for sample in got:
        assert torch.equal(sample[known], clip.frames[known])
        assert sample[~known].std() > 0
    assert torch.equal(got, paint_clip(painter, clip, samples=2))
    assert calls_of(painter, clip) > 0


def test_two_far_holes_are_both_painted(painter: ModelPainter) -> None:
    clip = draw(20, 90, (2, 3, 9, 9))
    clip.hole[1:, :, 10:16, 80:87] = True
    got = paint_clip(painter, clip)[0]
    assert (got[clip.hole.expand_as(got)] != clip.frames[clip.hole.expand_as(got)]).all()
    assert calls_of(painter, clip) == 2 * calls_of(painter, draw(20, 90, (2, 3, 9, 9)))
