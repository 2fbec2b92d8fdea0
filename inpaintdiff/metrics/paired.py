"""How sure is a difference between two methods on the same videos? Paired bootstrap over videos.

Scores differ more between videos (8 dB) than between methods (1 dB), so that intervals of each method's own mean say nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.special import ndtr, ndtri

# below this the bootstrap covers the truth clearly less often than it says
FEW_VIDEOS = 10


@dataclass(frozen=True)
class Difference:
    """A mean difference and its interval.

    Attributes:
        mean: of one minus the other, over videos.
        low, high: ends of the interval; NaN with fewer than two videos.
        videos: how many had both scores.
    """

    mean: float
    low: float
    high: float
    videos: int

    @property
    def verdict(self) -> int:
        """1 if the interval lies above 0, -1 if below, 0 if no difference is shown."""
        return int(self.low > 0) - int(self.high < 0)


def paired_difference(
    ours: Sequence[float],
    theirs: Sequence[float],
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Difference:
    """Mean of ours - theirs over videos, with a bias-corrected and accelerated bootstrap interval (Efron 1987, JASA 82(397)).

    Videos are drawn with replacement, each with both of its scores. The same numbers always give the same interval.

    Args:
        ours, theirs: scores of the same videos in the same order. Videos with a NaN on either side are left out.
        confidence: of the interval.
        resamples: how many times the videos are drawn.
        seed: of the draws.
    """
    each = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    each = each[~np.isnan(each)]
    if len(each) == 0:
        return Difference(math.nan, math.nan, math.nan, 0)
    mean = float(each.mean())
    if len(each) == 1:
        return Difference(mean, math.nan, math.nan, 1)
    if np.ptp(each) == 0:
        return Difference(mean, mean, mean, len(each))
    draws = np.random.default_rng(seed).integers(len(each), size=(resamples, len(each)))
    means = each[draws].mean(axis=1)
    low, high = np.quantile(means, _levels(each, means, confidence))
    return Difference(mean, float(low), float(high), len(each))


def _levels(each: Float[ndarray, " n"], means: Float[ndarray, " r"], confidence: float) -> Float[ndarray, "2"]:
    """Which quantiles of the resampled means bound the interval: Efron's correction for bias and for skewness."""
    mean = each.mean()
    # draws that hit the mean itself count half; few videos make many of them, and rounding must not decide their side
    tied = np.abs(means - mean) <= 1e-9 * np.ptp(each)
    bias = ndtri((tied / 2 + (~tied & (means < mean))).mean())
    # leaving out one video moves the mean against that video's own deviation
    pull = each - mean
    acceleration = (pull**3).sum() / (6 * (pull**2).sum() ** 1.5)
    z = bias + ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    return ndtr(bias + z / (1 - acceleration * z))
