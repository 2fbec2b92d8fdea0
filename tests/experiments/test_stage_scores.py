"""Scores at the stages of schemes: denoisers whose error is known."""

import math

import pytest
import torch
from torch import Tensor

from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.experiments.stage_scores import hole_patterns, level_bands, stage_scores, stages_of
from inpaintdiff.schemes import Stage, scheme_names
from inpaintdiff.types import Conditioning, VideoClip

FRAMES = 10


class Off(Denoiser):
    """The truth, and on some frames as much beside it as is asked for. Keeps what it was asked."""

    def __init__(self, truth: float, off: dict[int, float]) -> None:
        super().__init__()
        self.truth, self.off = truth, off
        self.seen: list[tuple[Tensor, Tensor, Conditioning]] = []

    def forward(self, x: Tensor, sigma: Tensor, cond: Conditioning) -> Tensor:
        self.seen.append((x, sigma, cond))
        beside = torch.tensor([self.off.get(int(i), 0.0) for i in cond.index[0]]).view(1, -1, 1, 1, 1)
        return torch.where(cond.known_mask, torch.nan, self.truth + beside).expand_as(x)


def clips(count: int) -> list[VideoClip]:
    hole = torch.zeros(FRAMES, 1, 4, 4, dtype=torch.bool)
    hole[:, :, 1:3, 1:3] = True
    return [VideoClip(torch.full((FRAMES, 3, 4, 4), 0.25), hole, torch.arange(FRAMES)) for _ in range(count)]


def test_only_what_is_unknown_of_latent_frames_counts() -> None:
    """Not-a-number at known pixels, and an error on the look-ahead frame, change nothing."""
    stages = [(Stage((2, 3), (5,), (0, 1)), (True,) * FRAMES), (Stage((7,), (), (3,)), (True,) * FRAMES)]
    found = stage_scores(Off(0.25, {2: 0.1, 3: -0.3, 5: 0.5, 7: 0.2}), clips(2), stages, [1.0, 2.0], seed=0)
    one, two = 10 * math.log10(4 / ((0.1**2 + 0.3**2) / 2)), 10 * math.log10(4 / 0.2**2)
    assert found.tolist() == pytest.approx([(one + two) / 2] * 2, rel=1e-5)
    # what lies beyond white is clamped to it, as in sampling
    beyond = stage_scores(Off(0.25, {2: 5.0, 3: 5.0, 7: 5.0}), clips(1), stages, [1.0], seed=0)
    assert beyond.tolist() == pytest.approx([10 * math.log10(4 / 0.75**2)], rel=1e-5)


def test_denoisers_are_asked_the_same() -> None:
    stages = [(Stage((k, k + 1), (), (9,)), (True,) * FRAMES) for k in range(4)]
    one, two = Off(0.25, {0: 0.1}), Off(0.0, {})
    for denoiser in (one, two):
        stage_scores(denoiser, clips(3), stages, [0.5, 1.0, 4.0], seed=3)
    for (x, sigma, cond), (other_x, other_sigma, other) in zip(one.seen, two.seen, strict=True):
        assert torch.equal(x, other_x)
        assert torch.equal(sigma, other_sigma)
        assert torch.equal(cond.known, other.known)
        assert cond.observed_frames()[0].tolist() == [False, False, True]
    # every clip meets every level, and noise differs from stage to stage
    assert all({float(s[n]) for _, s, _ in one.seen} == {0.5, 1.0, 4.0} for n in range(3))
    assert not torch.equal(one.seen[0][0] - 0.25, one.seen[1][0] - 0.25)


def test_frames_that_the_pattern_shows_are_given() -> None:
    denoiser = Off(0.25, {0: 0.1, 1: 0.1})
    shown = tuple(i < 6 for i in range(FRAMES))
    stage_scores(denoiser, clips(1), [(Stage((0, 1), (), (7, 8)), shown)], [1.0], seed=0)
    (_, _, cond) = denoiser.seen[0]
    assert cond.observed_frames()[0].tolist() == [False, False, True, True]


@pytest.mark.parametrize("scheme", scheme_names())
def test_all_stages_of_both_plans_are_asked(scheme: str) -> None:
    asked = stages_of(scheme, 24, 6)
    for pattern in hole_patterns(24):
        painted = [i for stage, own in asked if own == pattern for i in stage.latent]
        assert sorted(painted) == [i for i, hole in enumerate(pattern) if hole]


def test_levels_are_the_middles_of_equal_bands() -> None:
    levels = level_bands(0.5, 1.6, 5)
    assert levels[2] == pytest.approx(math.exp(0.5))
    share = [0.5 * (1 + math.erf((math.log(s) - 0.5) / 1.6 / math.sqrt(2))) for s in levels]
    assert share == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
