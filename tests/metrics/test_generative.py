"""Several answers to one hole, where the right numbers are known: Gaussian samples of known spread, and modes of known odds."""

import math

import pytest
import torch
from scipy.stats import chisquare, spearmanr

from inpaintdiff.metrics.generative import best_and_mean, calibration, diversity, frequencies, mode_coverage


def gaussian(k: int, deviation: torch.Tensor | float, seed: int = 0, bias: float = 0.0, told: float = 1.0):
    """Samples and truth around the same mean, 64 x 64 pixels of 3 frames, the right half a hole; `told` scales the samples alone."""
    g = torch.Generator().manual_seed(seed)
    shape = (3, 3, 64, 64)
    mean = torch.rand(shape, generator=g) - 0.5
    samples = mean + told * deviation * torch.randn(k, *shape, generator=g)
    truth = mean + bias + deviation * torch.randn(shape, generator=g)
    hole = torch.zeros(3, 1, 64, 64, dtype=torch.bool)
    hole[..., 32:] = True
    return samples, truth, hole


def uneven() -> torch.Tensor:
    """Deviations from 0.02 to 0.4, a column each, on the scale of -1 to 1."""
    return torch.linspace(0.02, 0.4, 64).expand(3, 3, 64, 64)


@pytest.mark.parametrize("k", [3, 4, 16])
@pytest.mark.parametrize("deviation", ["even", "uneven"])
def test_calibrated_samples_give_the_diagonal(k, deviation):
    """Whatever the number of samples, even where all pixels are alike and low spreads are low by chance."""
    samples, truth, hole = gaussian(k, uneven() if deviation == "uneven" else 0.2)
    found = calibration(samples, truth, hole)
    expected, observed, share = found.curve()
    much = share > 0.02
    assert much.sum() >= 2
    torch.testing.assert_close(observed[much], expected[much], rtol=0.08, atol=0)
    scores = found.scores()
    assert scores["calibration_error"] < 0.003
    assert scores["error_over_spread"] == pytest.approx(1, abs=0.02)
    if deviation == "uneven":
        assert scores["spread_error_rank"] > 0.2
    else:
        assert abs(scores["spread_error_rank"]) < 0.05


def test_planted_miscalibration_is_caught():
    sure = calibration(*gaussian(8, uneven(), told=0.5)).scores()
    # the truth and the mean of 7 others: 1 + 0.25 / 7 against 0.25 (1 + 1 / 7)
    assert sure["error_over_spread"] == pytest.approx(math.sqrt((1 + 0.25 / 7) / (0.25 * 8 / 7)), rel=0.02)
    assert sure["calibration_error"] > 0.04
    timid = calibration(*gaussian(8, uneven(), told=2.0)).scores()
    assert timid["error_over_spread"] == pytest.approx(math.sqrt((1 + 4 / 7) / (4 * 8 / 7)), rel=0.02)
    assert timid["calibration_error"] > 0.04
    biased = calibration(*gaussian(8, 0.1, bias=0.3)).scores()
    assert biased["error_over_spread"] > 2.5
    # spread that is large where errors are small
    samples, truth, hole = gaussian(8, uneven())
    mean = samples.mean(dim=0)
    turned = mean + (samples - mean) / uneven() * uneven().flip(-1)
    hole[:] = True
    assert calibration(turned, truth, hole).scores()["spread_error_rank"] < -0.35


def test_calibration_adds_over_videos():
    parts = [calibration(*gaussian(4, uneven(), seed)) for seed in range(3)]
    total = parts[0] + parts[1] + parts[2]
    assert total.videos == 3
    assert total.pixels.sum() == 3 * 4 * 3 * 64 * 32
    ranks = [p.scores()["spread_error_rank"] for p in parts]
    assert total.scores()["spread_error_rank"] == pytest.approx(sum(ranks) / 3)


def test_rank_correlation_is_scipys_ties_included():
    samples, truth, hole = gaussian(4, uneven())
    samples, truth = (samples * 20).round() / 20, (truth * 20).round() / 20
    at = hole.expand_as(truth)[:, 0]
    spread, error = samples.var(dim=0).mean(dim=1)[at], (truth - samples.mean(dim=0)).square().mean(dim=1)[at]
    ours = calibration(samples, truth, hole).scores()["spread_error_rank"]
    assert ours == pytest.approx(spearmanr(spread.numpy(), error.numpy()).statistic, abs=2e-3)


def test_what_cannot_be_told_is_nan():
    samples, truth, hole = gaussian(4, 0.1)
    for few, where in ((samples[:2], hole), (samples, torch.zeros_like(hole))):
        assert all(math.isnan(x) for x in calibration(few, truth, where).scores().values())
    assert math.isnan(diversity(samples[:1], hole))
    same = calibration(samples[:1].expand(4, -1, -1, -1, -1), truth, hole).scores()
    assert math.isnan(same["error_over_spread"])
    assert same["calibration_error"] > 0.05  # sure, and wrong


def test_diversity_is_the_deviation_of_the_samples_for_any_number_of_them():
    for k in (2, 5):
        samples, _, hole = gaussian(k, 0.3)
        assert diversity(samples, hole) == pytest.approx(0.15, rel=0.02)
    assert diversity(samples[:1].expand(3, -1, -1, -1, -1), hole) == 0
    changed = torch.where(hole, samples, torch.rand(samples.shape))  # outside the hole nothing counts
    assert diversity(changed, hole) == diversity(samples, hole)


def test_best_and_mean_by_hand():
    truth = torch.zeros(2, 3, 8, 8)
    hole = torch.ones(2, 1, 8, 8, dtype=torch.bool)
    samples = torch.stack([truth + 0.2, truth - 0.2, truth + 0.02])  # errors of 0.1, 0.1 and 0.01 on a scale of 1
    scores = best_and_mean(samples, truth, hole)
    assert scores["psnr_hole_best_of_k"] == pytest.approx(40, abs=1e-4)
    assert scores["psnr_hole_mean_of_k"] == pytest.approx((20 + 20 + 40) / 3, abs=1e-4)
    assert scores["psnr_hole_of_mean"] == pytest.approx(-20 * math.log10(0.01 / 3), abs=1e-4)


def modes() -> torch.Tensor:
    return torch.stack([torch.full((12,), -0.6), torch.full((12,), 0.6)])


def answers(dark: int, bright: int, grey: int = 0) -> torch.Tensor:
    level = torch.tensor([-0.6] * dark + [0.6] * bright + [0.0] * grey)
    return level[:, None] + 0.1 * torch.randn(len(level), 12, generator=torch.Generator().manual_seed(0))


def test_modes_are_counted():
    fair = mode_coverage(answers(52, 48), modes(), radius=0.3)
    assert fair.counts.tolist() == [52, 48]
    assert (fair.between, fair.covered) == (0, 1)
    assert fair.distance == pytest.approx(0.02)
    assert fair.chance > 0.5
    lost = mode_coverage(answers(98, 2), modes(), radius=0.3)
    assert lost.covered == 0.5
    assert lost.chance < 1e-6
    # the mean of both, which squared error likes best, is no answer
    mixed = mode_coverage(answers(0, 0, 100), modes(), radius=0.3)
    assert (mixed.between, mixed.distance, mixed.covered) == (100, 1, 0)


def test_frequencies_against_known_odds():
    odds = (0.5, 0.3, 0.2)
    right = frequencies(torch.tensor([100, 60, 40]), odds)
    assert (right.distance, right.covered) == (pytest.approx(0), 1)
    assert right.chance == pytest.approx(1)
    wrong = frequencies(torch.tensor([40, 60, 100]), odds)
    assert wrong.distance == pytest.approx(0.3)
    assert wrong.chance == pytest.approx(chisquare([40, 60, 100], [100, 60, 40]).pvalue)
    assert math.isnan(frequencies(torch.tensor([0, 0, 0]), odds).distance)
    for unfit in ((0.5, 0.5), (0.5, 0.3, 0.3), (0.5, 0.5, 0.0)):
        with pytest.raises(ValueError, match="no probabilities"):
            frequencies(torch.tensor([1, 1, 1]), unfit)
