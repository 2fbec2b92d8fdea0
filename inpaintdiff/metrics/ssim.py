"""Structural similarity (Wang et al. 2004, IEEE TIP 13(4)) at every pixel, for any of the windows that the field has used.

The variants differ by more than the methods that are compared with them, so that a protocol has to name its own.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_K1, _K2 = 0.01, 0.03


@dataclass(frozen=True)
class Window:
    """A variant of SSIM.

    Attributes:
        size: of the window, odd, pixels.
        sigma: of a Gaussian window, pixels; None for a uniform one.
        data_range: that the two constants are chosen for, where pictures are on a scale of 0 to 1.
        sample_covariance: divide by the number of pixels less one, as scikit-image does unless told otherwise.
    """

    size: int = 11
    sigma: float | None = 1.5
    data_range: float = 1.0
    sample_covariance: bool = False

    @property
    def radius(self) -> int:
        """Pixels that the window reaches to either side."""
        return self.size // 2


GAUSSIAN_11 = Window()


def ssim_map(
    prediction: Float[Tensor, "t c h w"], truth: Float[Tensor, "t c h w"], window: Window = GAUSSIAN_11
) -> Float[Tensor, "t c h w"]:
    """Structural similarity at every pixel and channel.

    The picture continues mirrored beyond its edge. Equals scikit-image's map, which for the default window is that of
    `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1`.

    Args:
        prediction, truth: in [-1, 1].
        window: the variant.

    Returns:
        float64 in [-1, 1]; 1 where both agree throughout the window.
    """
    return torch.stack([_of_frame(p, q, window) for p, q in zip(prediction, truth, strict=True)])


def similarity(
    prediction: Float[Tensor, "c h w"], truth: Float[Tensor, "c h w"], window: Window = GAUSSIAN_11
) -> Float[Tensor, "h w"]:
    """`ssim_map` of one frame, mean of its channels."""
    return _of_frame(prediction, truth, window).mean(dim=0)


def _of_frame(p: Float[Tensor, "c h w"], q: Float[Tensor, "c h w"], window: Window) -> Float[Tensor, "c h w"]:
    """Only where a window meets a difference, as the similarity is exactly 1 elsewhere: composites differ in the hole only."""
    out = torch.ones(p.shape, dtype=torch.float64, device=p.device)
    apart = (p != q).any(dim=0)
    if not apart.any():
        return out
    near, far = _around(apart, window.radius), _around(apart, 2 * window.radius)
    inside = tuple(slice(n.start - f.start, n.stop - f.start) for n, f in zip(near, far, strict=True))
    # plane by plane: the float64 maps of a plane stay in the cache
    for c in range(len(p)):
        x, y = ((v[c][far].double() + 1) / 2 for v in (p, q))
        out[c][near] = _of_plane(x, y, window)[inside]
    return out


def _around(marked: Tensor, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the box round what is marked, so many pixels larger, within the picture."""

    def along(dim: int) -> slice:
        at = marked.any(dim=dim).nonzero()
        return slice(max(0, int(at[0]) - margin), min(marked.shape[1 - dim], int(at[-1]) + 1 + margin))

    return along(1), along(0)


def _of_plane(x: Float[Tensor, "h w"], y: Float[Tensor, "h w"], window: Window) -> Float[Tensor, "h w"]:
    c1, c2 = (_K1 * window.data_range) ** 2, (_K2 * window.data_range) ** 2
    mean_x, mean_y, xx, yy, xy = (_smooth(v, window) for v in (x, y, x * x, y * y, x * y))
    n = window.size**2
    scale = n / (n - 1) if window.sample_covariance else 1.0
    var_x, var_y, cov = (scale * v for v in (xx - mean_x * mean_x, yy - mean_y * mean_y, xy - mean_x * mean_y))
    return ((2 * mean_x * mean_y + c1) * (2 * cov + c2)) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))


def _smooth(x: Float[Tensor, "h w"], window: Window) -> Float[Tensor, "h w"]:
    """The window over a picture that is mirrored at its edges with the edge pixel repeated."""
    r = window.radius
    for dim in (0, 1):
        n = x.shape[dim]
        at = torch.arange(-r, n + r, device=x.device) % (2 * n)
        padded = x.index_select(dim, torch.minimum(at, 2 * n - 1 - at))
        x = _uniform(padded, dim, window.size) if window.sigma is None else _gaussian(padded, dim, n, r, window.sigma)
    return x


def _gaussian(padded: Float[Tensor, "h w"], dim: int, n: int, radius: int, sigma: float) -> Float[Tensor, "y x"]:
    """As a sum of shifted pictures: torch's float64 convolution is ten times slower."""
    weights = [math.exp(-0.5 * (k / sigma) ** 2) for k in range(-radius, radius + 1)]
    out = torch.zeros_like(padded.narrow(dim, 0, n))
    for k, weight in enumerate(weights):
        out.add_(padded.narrow(dim, k, n), alpha=weight / sum(weights))
    return out


def _uniform(padded: Float[Tensor, "h w"], dim: int, size: int) -> Float[Tensor, "y x"]:
    """As a difference of running sums, whose cost does not grow with the window."""
    total = padded.cumsum(dim)
    total = torch.cat([torch.zeros_like(total.narrow(dim, 0, 1)), total], dim=dim)
    n = padded.shape[dim] - size + 1
    return (total.narrow(dim, size, n) - total.narrow(dim, 0, n)) / size
