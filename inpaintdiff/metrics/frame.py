"""PSNR and SSIM per frame over a region of the picture: protocol `v1`.

Frames are float32 in [-1, 1] and are compared on a scale of 0 to 1, in float64, at their own size; nothing is rounded, clipped or
dilated. A score is one number a frame, NaN where the region has no pixel in that frame; `video_mean` makes one number a video.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from inpaintdiff.metrics.ssim import GAUSSIAN_11, Window, similarity

# What an exact frame counts for in means. The error of rounding to 8 bits alone is at 58.9 dB.
PSNR_CAP = 100.0
_SEAM = 4


def full_region(hole: Bool[Tensor, "t 1 h w"]) -> Bool[Tensor, "t 1 h w"]:
    """The whole picture of every frame that has a hole. Frames without one are given, and would only dilute the score."""
    return hole.flatten(1).any(dim=1).view(-1, 1, 1, 1).expand_as(hole)


def picture_region(hole: Bool[Tensor, "t 1 h w"]) -> Bool[Tensor, "t 1 h w"]:
    """The whole picture of every frame, whether it has a hole or not: what the field's older protocols measure."""
    return torch.ones_like(hole)


def hole_region(hole: Bool[Tensor, "t 1 h w"]) -> Bool[Tensor, "t 1 h w"]:
    """The pixels that were painted."""
    return hole


def outside_region(hole: Bool[Tensor, "t 1 h w"]) -> Bool[Tensor, "t 1 h w"]:
    """The known pixels of every frame that has a hole. A composite is exact there."""
    return full_region(hole) & ~hole


def seam_region(hole: Bool[Tensor, "t 1 h w"], width: int = _SEAM) -> Bool[Tensor, "t 1 h w"]:
    """Pixels on either side of the hole's border, at most `width` of them deep (horizontally, vertically or diagonally)."""

    def grown(x: Bool[Tensor, "t 1 h w"]) -> Bool[Tensor, "t 1 h w"]:
        rows = F.max_pool2d(x.float(), (2 * width + 1, 1), stride=1, padding=(width, 0))
        return F.max_pool2d(rows, (1, 2 * width + 1), stride=1, padding=(0, width)) > 0.5

    return grown(hole) & grown(~hole)


REGIONS: dict[str, Callable[[Bool[Tensor, "t 1 h w"]], Bool[Tensor, "t 1 h w"]]] = {
    "full": full_region,
    "picture": picture_region,
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
    return psnr_over(prediction, truth, {"here": region})["here"]


def psnr_over(
    prediction: Float[Tensor, "t c h w"],
    truth: Float[Tensor, "t c h w"],
    regions: Mapping[str, Bool[Tensor, "t 1 h w"]],
) -> dict[str, Float[Tensor, " t"]]:
    """`psnr` over several regions, for the cost of one; the float64 errors of one frame at a time are in memory."""
    found: dict[str, list[Tensor]] = {name: [] for name in regions}
    for i, (p, q) in enumerate(zip(prediction, truth, strict=True)):
        squares = (p.double() - q.double()).square().mean(dim=0) / 4  # h w
        for name, region in regions.items():
            found[name].append(squares[region[i, 0]].mean())
    return {name: -10 * torch.log10(torch.stack(values)) for name, values in found.items()}


def ssim(
    prediction: Float[Tensor, "t c h w"],
    truth: Float[Tensor, "t c h w"],
    region: Bool[Tensor, "t 1 h w"],
    window: Window = GAUSSIAN_11,
) -> Float[Tensor, " t"]:
    """Structural similarity: the mean of `ssim_map` over the region's pixels.

    Pixels nearer to the picture's edge than the window's radius do not count, as in the original and in scikit-image; in a
    frame whose region lies wholly within that border they do.

    Args:
        prediction, truth: in [-1, 1]; finite everywhere, as a window at the region's border looks outside it.
        region: where to measure; see `REGIONS`.
        window: the variant.

    Returns:
        For every frame, float64, at most 1; NaN where the region is empty.
    """
    return ssim_over(prediction, truth, {"here": region}, window)["here"]


def ssim_over(
    prediction: Float[Tensor, "t c h w"],
    truth: Float[Tensor, "t c h w"],
    regions: Mapping[str, Bool[Tensor, "t 1 h w"]],
    window: Window = GAUSSIAN_11,
) -> dict[str, Float[Tensor, " t"]]:
    """`ssim` over several regions, for the cost of one; the map of one frame at a time is in memory."""
    found: dict[str, list[Tensor]] = {name: [] for name in regions}
    for i, (p, q) in enumerate(zip(prediction, truth, strict=True)):
        similar = similarity(p, q, window)
        for name, region in regions.items():
            found[name].append(_mean_similarity(similar, region[i, 0], window.radius))
    return {name: torch.stack(values) for name, values in found.items()}


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
    regions = {name: REGIONS[name](hole) for name in ("hole", "full")}
    similar, noise = ssim_over(prediction, truth, regions), psnr_over(prediction, truth, regions)
    scores = {}
    for name in regions:
        scores[f"psnr_{name}"] = video_mean(noise[name], PSNR_CAP)
        scores[f"ssim_{name}"] = video_mean(similar[name])
    return scores


def sample_scores(
    samples: Float[Tensor, "s t c h w"], truth: Float[Tensor, "t c h w"], hole: Bool[Tensor, "t 1 h w"]
) -> dict[str, Float[Tensor, ""]]:
    """`frame_scores` of several answers, averaged over them: what one answer scores on average, not what their mean would."""
    each = [frame_scores(s, truth, hole) for s in samples]
    return {name: torch.stack([scores[name] for scores in each]).mean() for name in each[0]}


def _mean_similarity(similar: Float[Tensor, "h w"], region: Bool[Tensor, "h w"], border: int) -> Float[Tensor, ""]:
    """See `ssim`."""
    inner = torch.zeros_like(region)
    inner[border:-border, border:-border] = region[border:-border, border:-border]
    return similar[inner if inner.any() else region].mean()
