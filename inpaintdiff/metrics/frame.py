"""PSNR and SSIM per frame over a region of the picture: protocol `v1`.

Frames are float32 in [-1, 1] and are compared on a scale of 0 to 1, in float64, at their own size; nothing is rounded, clipped or
dilated. A score is one number a frame, NaN where the region has no pixel in that frame; `video_mean` makes one number a video.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

# What an exact frame counts for in means. The error of rounding to 8 bits alone is at 58.9 dB.
PSNR_CAP = 100.0
# Wang et al. 2004, IEEE TIP 13(4): an 11 x 11 Gaussian window of 1.5 pixels, K1 = 0.01, K2 = 0.03.
_RADIUS, _SIGMA = 5, 1.5
_C1, _C2 = 0.01**2, 0.03**2
_SEAM = 4


def full_region(hole: Bool[Tensor, "t 1 h w"]) -> Bool[Tensor, "t 1 h w"]:
    """The whole picture of every frame that has a hole. Frames without one are given, and would only dilute the score."""
    return hole.flatten(1).any(dim=1).view(-1, 1, 1, 1).expand_as(hole)


def hole_region(hole: Bool[Tensor, "t 1 h w"]) -> Bool[Tensor, "t 1 h w"]:
    """The pixels that were painted."""
    return hole


def outside_region(hole: Bool[Tensor, "t 1 h w"]) -> Bool[Tensor, "t 1 h w"]:
    """The known pixels of every frame that has a hole. A composite is exact there."""
    return full_region(hole) & ~hole


def seam_region(hole: Bool[Tensor, "t 1 h w"], width: int = _SEAM) -> Bool[Tensor, "t 1 h w"]:
    """Pixels on either side of the hole's border, at most `width` of them deep (horizontally, vertically or diagonally)."""

    def grown(x: Bool[Tensor, "t 1 h w"]) -> Bool[Tensor, "t 1 h w"]:
        return F.max_pool2d(x.float(), 2 * width + 1, stride=1, padding=width) > 0.5

    return grown(hole) & grown(~hole)


REGIONS: dict[str, Callable[[Bool[Tensor, "t 1 h w"]], Bool[Tensor, "t 1 h w"]]] = {
    "full": full_region,
    "hole": hole_region,
    "seam": seam_region,
    "outside": outside_region,
}


def psnr(
    prediction: Float[Tensor, "t c h w"], truth: Float[Tensor, "t c h w"], region: Bool[Tensor, "t 1 h w"]
) -> Float[Tensor, " t"]:
    """Peak signal-to-noise ratio: -10 log10 of the mean squared error over the region's pixels and channels, data range 1.

    Args:
        prediction, truth: in [-1, 1]; values outside the region do not matter, NaN included.
        region: where to measure; see `REGIONS`.

    Returns:
        Decibels for every frame, float64: inf where the region is exact, NaN where it is empty.
    """
    error = torch.where(region, prediction.double() - truth.double(), 0.0) / 2  # t c h w
    pixels = region.flatten(1).sum(dim=1)
    return -10 * torch.log10(error.square().flatten(1).sum(dim=1) / (pixels * prediction.shape[1]))


def ssim(
    prediction: Float[Tensor, "t c h w"], truth: Float[Tensor, "t c h w"], region: Bool[Tensor, "t 1 h w"]
) -> Float[Tensor, " t"]:
    """Structural similarity: the mean of `ssim_map` over the region's pixels.

    Pixels less than 5 from the picture's edge, whose windows would reach outside, do not count, as in the original and in
    scikit-image; in a frame whose region lies wholly within that border they do.

    Args:
        prediction, truth: in [-1, 1]; finite everywhere, as a window at the region's border looks outside it.
        region: where to measure; see `REGIONS`.

    Returns:
        For every frame, float64, at most 1; NaN where the region is empty.
    """
    return _mean_similarity(ssim_map(prediction, truth), region)


def ssim_map(prediction: Float[Tensor, "t c h w"], truth: Float[Tensor, "t c h w"]) -> Float[Tensor, "t c h w"]:
    """Structural similarity at every pixel and channel (Wang et al. 2004), Gaussian window of 11 pixels, data range 1.

    The picture continues mirrored beyond its edge. Equals scikit-image's map for `gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=1`.

    Args:
        prediction, truth: in [-1, 1].

    Returns:
        float64 in [-1, 1]; 1 where both agree throughout the window.
    """
    # plane by plane: the float64 maps of a whole video would take gigabytes, and those of a plane stay in the cache
    planes = zip(prediction.flatten(0, 1), truth.flatten(0, 1), strict=True)
    maps = torch.stack([_ssim_of_plane((p.double() + 1) / 2, (q.double() + 1) / 2) for p, q in planes])
    return maps.view(prediction.shape)


def video_mean(scores: Float[Tensor, " t"], cap: float | None = None) -> Float[Tensor, ""]:
    """One number a video: the mean over frames that have the region.

    Args:
        scores: of every frame, NaN where the region is empty.
        cap: larger scores count as this, inf included. Means of PSNR take `PSNR_CAP`, so that one exact frame does not drown
            all others.

    Returns:
        NaN if no frame has the region.
    """
    return (scores if cap is None else scores.clamp(max=cap)).nanmean()


def frame_scores(
    prediction: Float[Tensor, "t c h w"], truth: Float[Tensor, "t c h w"], hole: Bool[Tensor, "t 1 h w"]
) -> dict[str, Float[Tensor, ""]]:
    """`psnr_hole`, `ssim_hole`, `psnr_full` and `ssim_full` of a composited video; PSNR means are capped at `PSNR_CAP`.

    Args:
        prediction, truth: in [-1, 1], finite.
        hole: True where a pixel was painted.
    """
    similarity = ssim_map(prediction, truth)
    scores = {}
    for name in ("hole", "full"):
        region = REGIONS[name](hole)
        scores[f"psnr_{name}"] = video_mean(psnr(prediction, truth, region), PSNR_CAP)
        scores[f"ssim_{name}"] = video_mean(_mean_similarity(similarity, region))
    return scores


def sample_scores(
    samples: Float[Tensor, "s t c h w"], truth: Float[Tensor, "t c h w"], hole: Bool[Tensor, "t 1 h w"]
) -> dict[str, Float[Tensor, ""]]:
    """`frame_scores` of several answers, averaged over them: what one answer scores on average, not what their mean would."""
    each = [frame_scores(s, truth, hole) for s in samples]
    return {name: torch.stack([scores[name] for scores in each]).mean() for name in each[0]}


def _mean_similarity(similarity: Float[Tensor, "t c h w"], region: Bool[Tensor, "t 1 h w"]) -> Float[Tensor, " t"]:
    """See `ssim`."""
    inner = torch.zeros_like(region)
    inner[..., _RADIUS:-_RADIUS, _RADIUS:-_RADIUS] = region[..., _RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
    counted = torch.where(inner.flatten(1).any(dim=1).view(-1, 1, 1, 1), inner, region)
    of_pixels = similarity.mean(dim=1, keepdim=True)  # t 1 h w
    return torch.where(counted, of_pixels, 0.0).flatten(1).sum(dim=1) / counted.flatten(1).sum(dim=1)


def _ssim_of_plane(x: Float[Tensor, "h w"], y: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    mean_x, mean_y, xx, yy, xy = (_smooth(v) for v in (x, y, x * x, y * y, x * y))
    var_x, var_y, cov = xx - mean_x * mean_x, yy - mean_y * mean_y, xy - mean_x * mean_y
    return ((2 * mean_x * mean_y + _C1) * (2 * cov + _C2)) / ((mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2))


def _smooth(x: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Gaussian window over a picture that is mirrored at its edges with the edge pixel repeated.

    As a sum of shifted pictures: torch's float64 convolution is ten times slower.
    """
    window = [math.exp(-0.5 * (k / _SIGMA) ** 2) for k in range(-_RADIUS, _RADIUS + 1)]
    for dim in (0, 1):
        n = x.shape[dim]
        at = torch.arange(-_RADIUS, n + _RADIUS, device=x.device) % (2 * n)
        padded = x.index_select(dim, torch.minimum(at, 2 * n - 1 - at))
        x = torch.zeros_like(x)
        for k, weight in enumerate(window):
            x.add_(padded.narrow(dim, k, n), alpha=weight / sum(window))
    return x
