"""The paired interval: against scipy's, against known coverage, and against the unpaired mistake."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from inpaintdiff.metrics.paired import paired_difference


def test_the_interval_is_scipys():
    rng = np.random.default_rng(0)
    each = rng.gamma(2.0, 1.0, size=16)
    base = rng.normal(25, 8, size=16)
    got = paired_difference(list(base + each), list(base), resamples=40_000)
    reference = stats.bootstrap((each,), np.mean, method="BCa", n_resamples=40_000, rng=np.random.default_rng(1))
    assert got.mean == pytest.approx(each.mean())
    assert got.low == pytest.approx(reference.confidence_interval.low, abs=0.02)
    assert got.high == pytest.approx(reference.confidence_interval.high, abs=0.02)
    # a plain percentile interval of these skewed differences is another one
    plain = np.quantile(each[np.random.default_rng(0).integers(16, size=(40_000, 16))].mean(axis=1), [0.025, 0.975])
    assert abs(got.high - plain[1]) > 0.04


def test_it_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    found = [paired_difference(list(x), [0.0] * 24, resamples=1000) for x in rng.normal(0.7, 1.0, size=(400, 24))]
    covered = np.mean([d.low <= 0.7 <= d.high for d in found])
    assert 0.90 < covered < 0.97


def test_pairing_is_what_decides():
    """Videos differ by 8 dB, methods by half a one: only paired scores tell them apart."""
    rng = np.random.default_rng(3)
    base = rng.normal(25, 8, size=20)
    ours, theirs = base + 0.5 + rng.normal(0, 0.3, size=20), base
    paired = paired_difference(list(ours), list(theirs))
    assert paired.verdict == 1
    assert paired_difference(list(theirs), list(ours)).verdict == -1
    shuffled = paired_difference(list(ours), list(rng.permutation(theirs)))
    assert shuffled.verdict == 0
    assert shuffled.high - shuffled.low > 10 * (paired.high - paired.low)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=30), st.floats(-3, 3))
@settings(max_examples=30)
def test_what_any_interval_obeys(each, shift):
    each = [round(x, 3) for x in each]
    zero = [0.0] * len(each)
    d, same = paired_difference(each, zero, resamples=500), paired_difference(each, zero, resamples=500)
    assert d == same
    assert min(each) - 1e-9 <= d.low <= d.high <= max(each) + 1e-9
    moved = paired_difference([x + shift for x in each], zero, resamples=500)
    assert (moved.mean, moved.low, moved.high) == pytest.approx(
        (d.mean + shift, d.low + shift, d.high + shift), abs=1e-6
    )


def test_too_few_videos():
    none = paired_difference([math.nan], [1.0])
    assert none.videos == 0
    assert math.isnan(none.mean)
    one = paired_difference([3.0, math.nan], [1.0, 1.0])
    assert (one.mean, one.videos, one.verdict) == (2.0, 1, 0)
    assert math.isnan(one.low)
    equal = paired_difference([3.0, 4.0], [1.0, 2.0])
    assert (equal.mean, equal.low, equal.high, equal.videos) == (2.0, 2.0, 2.0, 2)
