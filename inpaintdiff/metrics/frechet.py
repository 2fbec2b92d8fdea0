"""Distances between two sets of features: Frechet (FID, VFID, FVD) and an unbiased kernel distance (KID) beside it.

A Frechet distance falls as the number of samples grows, at equal quality: compare numbers of equal N only, and name N beside them.
The kernel distance has no such bias.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.errors import SettingError

# of a matrix of pairs, at once in memory
_ROWS = 1024


def frechet_distance(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> float:
    """Squared Frechet distance of Gaussians with the means and (unbiased) covariances of two sets of features.

    |mean a - mean b|^2 + tr(A) + tr(B) - 2 tr((A B)^(1/2)) (Heusel et al. 2017), in float64. With X, Y the centred features over
    sqrt(n - 1), so that A = X'X, the last trace is the sum of the singular values of X Y': no root of a matrix is taken, and sets
    smaller than their dimension cost next to nothing.

    Args:
        a, b: one feature vector a row; at least two rows each.

    Raises:
        SettingError: fewer rows.
    """
    _enough(a, b)
    x, y = (_root(v.double()) for v in (a, b))
    apart = (a.double().mean(dim=0) - b.double().mean(dim=0)).square().sum()
    return float(apart + x.square().sum() + y.square().sum() - 2 * torch.linalg.svdvals(x @ y.T).sum())


def kernel_distance(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> float:
    """Unbiased squared MMD with the kernel (x'y / d + 1)^3 (Binkowski et al., ICLR 2018, arXiv 1801.01401), in float64.

    0 in the mean for two sets of one distribution, whatever their sizes; single values may be negative.

    Args:
        a, b: one feature vector a row; at least two rows each.

    Raises:
        SettingError: fewer rows.
    """
    _enough(a, b)
    x, y = a.double(), b.double()

    def total(p: Float[Tensor, "n d"], q: Float[Tensor, "m d"]) -> Float[Tensor, ""]:
        # some rows at a time: all pairs of 45,000 frames would take 16 GB
        return torch.stack([((part @ q.T / p.shape[1] + 1) ** 3).sum() for part in p.split(_ROWS)]).sum()

    def within(p: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
        n = len(p)
        return (total(p, p) - ((p * p).sum(dim=1) / p.shape[1] + 1).pow(3).sum()) / (n * (n - 1))

    return float(within(x) + within(y) - 2 * total(x, y) / (len(x) * len(y)))


def _root(x: Float[Tensor, "n d"]) -> Float[Tensor, "k d"]:
    """A matrix R, at most d rows, with R'R the covariance of x."""
    centred = (x - x.mean(dim=0)) / (len(x) - 1) ** 0.5
    return centred if len(x) <= x.shape[1] else torch.linalg.qr(centred, mode="r").R


def _enough(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> None:
    if min(len(a), len(b)) < 2:
        raise SettingError(f"a distance of sets needs at least 2 features in each, got {len(a)} and {len(b)}")
