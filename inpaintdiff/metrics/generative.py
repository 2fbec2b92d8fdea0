"""Scores of several answers to one hole: how good, how different, and do their differences tell how wrong they are?

Samples and truth are in [-1, 1] and are compared on a scale of 0 to 1, in float64, in the hole alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int
from scipy.special import chdtrc
from torch import Tensor

from inpaintdiff.metrics.frame import PSNR_CAP, psnr, video_mean

# Bins of spread, each a quarter wider than the one before; the first holds what is as good as none (half a level of 255).
_LEAST, _GROWTH, _BINS = 1 / 510, 1.25, 28


def best_and_mean(
    samples: Float[Tensor, "s t c h w"], truth: Float[Tensor, "t c h w"], hole: Bool[Tensor, "t 1 h w"]
) -> dict[str, float]:
    """PSNR in the hole of K answers, three ways.

    Args:
        samples, truth: in [-1, 1].
        hole: True where pixels were painted.

    Returns:
        `psnr_hole_mean_of_k`, what one answer scores on average; `psnr_hole_best_of_k`, the best whole answer's; and
        `psnr_hole_of_mean`, that of the answers' mean, which is no answer but the best guess by squared error. PSNR of a video is the
        mean over frames, capped as in `frame`.
    """

    def of(video: Float[Tensor, "t c h w"]) -> float:
        return float(video_mean(psnr(video, truth, hole), PSNR_CAP))

    each = [of(s) for s in samples]
    return {
        "psnr_hole_mean_of_k": sum(each) / len(each),
        "psnr_hole_best_of_k": max(each),
        "psnr_hole_of_mean": of(samples.double().mean(dim=0).to(truth)),
    }


def diversity(samples: Float[Tensor, "s t c h w"], hole: Bool[Tensor, "t 1 h w"]) -> float:
    """How different are the answers? Standard deviation over samples, root mean square over the hole; 1 is white.

    It is unbiased in the square: samples whose values have deviation d give d on average for any K. NaN for one sample or no hole.
    """
    if len(samples) < 2 or not hole.any():
        return math.nan
    return float(_values(samples, hole).var(dim=0).mean().sqrt())


@dataclass(frozen=True, eq=False)
class Calibration:
    """Does the spread of the samples tell the size of their error? Sums over pixels of the hole; two results add.

    Each sample in turn is left out, and the spread of the others says into which bin a pixel belongs. If the truth is drawn from the
    same law as the samples, then the truth and the sample that was left out are equally far from the mean of the others, on average
    and in every bin: exactly so, for any law and any number of samples from 3 on. A plain comparison of spread with error is not
    exact for few samples, as low spreads are often low by chance.

    Attributes:
        pixels: in every bin of spread, each counted once for every sample.
        expected: squared distances of the sample that was left out from the mean of the others, summed.
        observed: those of the truth.
        correlation: sum over videos of the rank correlation between the spread of a pixel and its error.
        videos: how many have one.
    """

    pixels: Float[Tensor, " b"]
    expected: Float[Tensor, " b"]
    observed: Float[Tensor, " b"]
    correlation: float
    videos: int

    def __add__(self, other: "Calibration") -> "Calibration":
        return Calibration(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def curve(self) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"], Float[Tensor, " n"]]:
        """The reliability curve: for every bin that has pixels, the expected and the observed root mean square error, and its share."""
        some = self.pixels > 0
        pixels = self.pixels[some]
        return (self.expected[some] / pixels).sqrt(), (self.observed[some] / pixels).sqrt(), pixels / pixels.sum()

    def scores(self) -> dict[str, float]:
        """NaN where there is nothing to tell.

        `calibration_error`: the mean distance of the curve from the diagonal, weighted by pixels; 1 is white. `error_over_spread`:
        observed error over expected: 1 for calibrated samples, more where they are too sure of themselves. `spread_error_rank`:
        Spearman's correlation between the spread of a pixel and its error, mean over videos.
        """
        expected, observed, share = self.curve()
        total = float(self.expected.sum())
        return {
            "calibration_error": float((share * (expected - observed).abs()).sum()) if len(share) else math.nan,
            "error_over_spread": math.sqrt(float(self.observed.sum()) / total) if total else math.nan,
            "spread_error_rank": self.correlation / self.videos if self.videos else math.nan,
        }


def calibration(
    samples: Float[Tensor, "s t c h w"], truth: Float[Tensor, "t c h w"], hole: Bool[Tensor, "t 1 h w"]
) -> Calibration:
    """Compare the spread of samples with their error, pixel by pixel; a pixel's square is the mean of its channels' squares.

    Args:
        samples: at least 3; with fewer nothing is told.
        truth: in [-1, 1].
        hole: True where pixels were painted.
    """
    zero = torch.zeros(_BINS, dtype=torch.float64)
    if len(samples) < 3 or not hole.any():
        return Calibration(zero, zero, zero, 0.0, 0)
    values, right = _values(samples, hole), _values(truth[None], hole)[0]  # s n c, n c
    k, total, squares = len(values), values.sum(dim=0), values.square().sum(dim=0)
    pixels, expected, observed = zero.clone(), zero.clone(), zero.clone()
    for left_out in values:
        mean = (total - left_out) / (k - 1)
        spread = ((squares - left_out.square()) / (k - 1) - mean.square()).clamp(min=0) * (k - 1) / (k - 2)
        at = _bin(spread.mean(dim=1).sqrt())
        pixels.index_add_(0, at, torch.ones(len(at), dtype=torch.float64))
        expected.index_add_(0, at, (left_out - mean).square().mean(dim=1))
        observed.index_add_(0, at, (right - mean).square().mean(dim=1))
    spread = values.var(dim=0).mean(dim=1)
    error = (right - total / k).square().mean(dim=1)
    told = bool(spread.min() < spread.max() and error.min() < error.max())
    rank = float(torch.corrcoef(torch.stack([_ranks(spread), _ranks(error)]))[0, 1]) if told else 0.0
    return Calibration(pixels, expected, observed, rank, int(told))


@dataclass(frozen=True, eq=False)
class ModeCoverage:
    """Which of several known answers were given, and how often.

    Attributes:
        counts: of every mode.
        between: answers that are near to none of them.
        distance: half the sum of |share - odds|: the total variation between the answers and the known odds; 0 is best, and with few
            answers it is above 0 by chance.
        chance: probability that answers drawn by the known odds depart from them as much (chi-square); below 0.01 something is wrong.
        covered: share of the modes that came up at least half as often as their odds say.
    """

    counts: Int[Tensor, " m"]
    between: int
    distance: float
    chance: float
    covered: float


def nearest_mode(
    answers: Float[Tensor, "s n"], modes: Float[Tensor, "m n"]
) -> tuple[Int[Tensor, " s"], Float[Tensor, " s"]]:
    """The number of the mode that each answer is nearest to, and the root mean square distance from it.

    Args:
        answers: values of the hole, flattened.
        modes: the values of every known answer, as all cars that could have been there.
    """
    nearest, which = (torch.cdist(answers.double(), modes.double()) / math.sqrt(answers.shape[1])).min(dim=1)
    return which, nearest


def mode_coverage(
    answers: Float[Tensor, "s n"],
    modes: Float[Tensor, "m n"],
    odds: Sequence[float] | None = None,
    radius: float = math.inf,
) -> ModeCoverage:
    """Give every answer to the nearest mode.

    Args:
        answers: values of the hole, flattened.
        modes: the values of every known answer.
        odds: probability of every mode; equal ones by default.
        radius: root mean square distance beyond which an answer belongs to no mode, as a mixture of two.
    """
    which, nearest = nearest_mode(answers, modes)
    return frequencies(
        torch.bincount(which[nearest <= radius], minlength=len(modes)), odds, int((nearest > radius).sum())
    )


def frequencies(counts: Int[Tensor, " m"], odds: Sequence[float] | None = None, between: int = 0) -> ModeCoverage:
    """Compare how often each of m kinds came up with their odds; answers of no kind count as departures.

    Raises:
        ValueError: the odds are not probabilities of m kinds.
    """
    m = len(counts)
    p = torch.full((m,), 1 / m, dtype=torch.float64) if odds is None else torch.tensor(list(odds), dtype=torch.float64)
    if p.shape != counts.shape or not (p > 0).all() or abs(float(p.sum()) - 1) > 1e-6:
        raise ValueError(
            f"odds {p.tolist()} are no probabilities of {m} kinds; expected {m} numbers above 0 that add up to 1"
        )
    n = int(counts.sum()) + between
    if n == 0:
        return ModeCoverage(counts, 0, math.nan, math.nan, math.nan)
    share = counts.double() / n
    inside = int(counts.sum())
    away = float(((counts - p * inside).square() / (p * inside)).sum()) if inside else math.nan
    chance = float(chdtrc(m - 1, away))
    distance = float((share - p).abs().sum() + between / n) / 2
    return ModeCoverage(counts, between, distance, chance, float((share >= p / 2).double().mean()))


def _values(videos: Float[Tensor, "s t c h w"], hole: Bool[Tensor, "t 1 h w"]) -> Float[Tensor, "s n c"]:
    """Pixels of the hole on a scale of 0 to 1."""
    return (videos.detach().cpu().double().movedim(2, -1)[:, hole[:, 0].cpu()] + 1) / 2


def _bin(spread: Float[Tensor, " n"]) -> Int[Tensor, " n"]:
    return (1 + torch.log(spread.clamp(min=1e-12) / _LEAST) / math.log(_GROWTH)).floor().clamp(0, _BINS - 1).long()


def _ranks(values: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """From 1; equal values share the mean of their ranks."""
    _, which, counts = values.unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts - 1) / 2).double()[which]
