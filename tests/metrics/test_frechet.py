"""Distances of feature sets: closed forms, scipy's matrix root, torchmetrics, and bias."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from inpaintdiff.errors import SettingError
from inpaintdiff.metrics.frechet import frechet_distance, kernel_distance


def with_moments(mean: Tensor, cov: Tensor, n: int = 50, seed: int = 0) -> Tensor:
    """Features whose sample mean and covariance are exactly these."""
    x = torch.randn(n, len(mean), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = x - x.mean(dim=0)
    own = torch.linalg.cholesky(torch.cov(x.T))
    return mean + torch.linalg.solve_triangular(own, x.T, upper=False).T @ torch.linalg.cholesky(cov).T


def test_two_dimensions_in_closed_form():
    """tr (AB)^(1/2) of 2 x 2 matrices is (tr AB + 2 (det AB)^(1/2))^(1/2)."""
    a, b = torch.tensor([[2.0, 0.5], [0.5, 1.0]]).double(), torch.tensor([[1.0, -0.3], [-0.3, 3.0]]).double()
    mean = torch.tensor([1.0, -2.0]).double()
    root = ((a @ b).trace() + 2 * torch.linalg.det(a @ b).sqrt()).sqrt()
    expected = float(5 + a.trace() + b.trace() - 2 * root)
    got = frechet_distance(with_moments(mean, a), with_moments(torch.zeros(2).double(), b, seed=1))
    assert got == pytest.approx(expected, abs=1e-9)
    # the covariances commute: the plain difference of roots
    flat = frechet_distance(
        with_moments(mean, torch.diag(torch.tensor([4.0, 9.0])).double()),
        with_moments(mean, torch.diag(torch.tensor([1.0, 1.0])).double(), seed=1),
    )
    assert flat == pytest.approx(1 + 4, abs=1e-9)


@pytest.mark.parametrize(("n", "m", "d"), [(40, 30, 6), (5, 7, 12), (30, 4, 8)])
def test_fewer_and_more_samples_than_dimensions(n, m, d):
    g = torch.Generator().manual_seed(n)
    x, y = torch.randn(n, d, generator=g), torch.rand(m, d, generator=g) * 2
    a, b = (np.cov(v.double().numpy().T) for v in (x, y))
    # a little on the diagonal, without which scipy's root of a singular matrix is not to be trusted
    root = sqrtm((a + 1e-10 * np.eye(d)) @ (b + 1e-10 * np.eye(d)))
    apart = ((x.double().mean(0) - y.double().mean(0)) ** 2).sum().item()
    expected = apart + np.trace(a) + np.trace(b) - 2 * np.trace(root).real
    assert frechet_distance(x, y) == pytest.approx(expected, abs=1e-4)


class Flat(nn.Module):
    """An extractor whose features are the pixels: 3 x 2 x 2."""

    num_features = 12

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).float() / 255


def test_torchmetrics_agrees():
    g = torch.Generator().manual_seed(0)
    x, y = (torch.randint(0, hi, (64, 3, 2, 2), generator=g, dtype=torch.uint8) for hi in (256, 180))
    metric = FrechetInceptionDistance(feature=Flat())
    metric.update(x, real=True)
    metric.update(y, real=False)
    assert frechet_distance(Flat()(x), Flat()(y)) == pytest.approx(metric.compute().item(), abs=1e-5)


@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(1, 6))
@settings(max_examples=20)
def test_what_distances_obey(seed, n, d):
    g = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, d, generator=g).double(), torch.randn(n + 1, d, generator=g).double()
    turn = torch.linalg.qr(torch.randn(d, d, generator=g).double()).Q
    for distance in (frechet_distance, kernel_distance):
        assert distance(x, y) == pytest.approx(distance(y, x), abs=1e-8)
        assert distance(x @ turn, y @ turn) == pytest.approx(distance(x, y), abs=1e-8)
        assert distance(x[torch.randperm(n, generator=g)], y) == pytest.approx(distance(x, y), abs=1e-8)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(x, x + 2) == pytest.approx(4 * d, abs=1e-8)
    assert frechet_distance(x, y) > -1e-8


def test_the_kernel_distance_has_no_bias_and_frechet_has():
    g = torch.Generator().manual_seed(0)
    same = [(torch.randn(16, 8, generator=g), torch.randn(16, 8, generator=g)) for _ in range(300)]
    kernel = torch.tensor([kernel_distance(a, b) for a, b in same])
    frechet = torch.tensor([frechet_distance(a, b) for a, b in same])
    assert abs(kernel.mean()) < 3 * kernel.std() / 300**0.5
    assert frechet.mean() > 20 * frechet.std() / 300**0.5
    # the mean over all pairs, diagonal included, would be biased too
    assert kernel_distance(same[0][0], same[0][0] + 3) > 5


def test_too_few():
    with pytest.raises(SettingError, match="at least 2 features in each, got 1 and 3"):
        frechet_distance(torch.zeros(1, 4), torch.zeros(3, 4))
    with pytest.raises(SettingError, match="at least 2"):
        kernel_distance(torch.zeros(3, 4), torch.zeros(1, 4))
