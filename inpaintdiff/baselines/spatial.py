"""Baselines that look at one frame at a time: Telea, Navier-Stokes, and a blur."""

from abc import abstractmethod

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from inpaintdiff.baselines.base import Baseline
from inpaintdiff.types import VideoClip

# pixels around a missing one that OpenCV's methods look at; what its documentation uses
_RADIUS = 3.0


class _FrameByFrame(Baseline):
    def _fill(self, clip: VideoClip) -> Float[Tensor, "t c h w"]:
        out = clip.frames.clone()
        for i, incomplete in enumerate(clip.incomplete()):
            if incomplete and not clip.hole[i].all():
                out[i] = self._fill_picture(clip.frames[i], clip.hole[i, 0])
        return out

    @abstractmethod
    def _fill_picture(self, picture: Float[Tensor, "c h w"], hole: Bool[Tensor, "h w"]) -> Float[Tensor, "c h w"]:
        """One picture, partly known."""


class Telea(_FrameByFrame):
    """Fast marching inwards from the border (Telea 2004, J. Graphics Tools 9(1)), by OpenCV. A frame without a known pixel is grey."""

    def _fill_picture(self, picture: Float[Tensor, "c h w"], hole: Bool[Tensor, "h w"]) -> Float[Tensor, "c h w"]:
        return telea(picture, hole)


class NavierStokes(_FrameByFrame):
    """Continues lines of equal brightness as a fluid flows (Bertalmio et al., CVPR 2001), by OpenCV."""

    def _fill_picture(self, picture: Float[Tensor, "c h w"], hole: Bool[Tensor, "h w"]) -> Float[Tensor, "c h w"]:
        return navier_stokes(picture, hole)


class Blur(_FrameByFrame):
    """Diffuses the border inwards by pull-push (Gortler et al., SIGGRAPH 1996).

    The highest PSNR of all baselines where content is never seen, and plainly no picture: why PSNR alone misleads.
    """

    def _fill_picture(self, picture: Float[Tensor, "c h w"], hole: Bool[Tensor, "h w"]) -> Float[Tensor, "c h w"]:
        return pull_push(picture[None], (~hole)[None, None].to(picture.dtype))[0]


def telea(picture: Float[Tensor, "c h w"], hole: Bool[Tensor, "h w"]) -> Float[Tensor, "c h w"]:
    """A picture in [-1, 1] with its hole filled by Telea's method; its known values come back rounded to 8 bits."""
    return _opencv(picture, hole, cv2.INPAINT_TELEA)


def navier_stokes(picture: Float[Tensor, "c h w"], hole: Bool[Tensor, "h w"]) -> Float[Tensor, "c h w"]:
    """As `telea`, by the Navier-Stokes method."""
    return _opencv(picture, hole, cv2.INPAINT_NS)


def pull_push(values: Float[Tensor, "1 c h w"], weight: Float[Tensor, "1 1 h w"]) -> Float[Tensor, "1 c h w"]:
    """Pictures whose values count by weight (0 unknown, 1 known): where it is below 1, ever coarser means of the known ones fill in."""
    if bool((weight >= 1).all()) or max(values.shape[-2:]) == 1:
        return values
    # ceil_mode divides by the pixels that exist, so that a picture of odd size keeps its edge
    share = F.avg_pool2d(weight, 2, ceil_mode=True)
    mean = F.avg_pool2d(values * weight, 2, ceil_mode=True) / share.clamp(min=torch.finfo(values.dtype).tiny)
    # a coarse pixel with one known pixel of four below it is known well enough
    coarse = pull_push(mean, (4 * share).clamp(max=1))
    size = (values.shape[-2], values.shape[-1])
    smooth = F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
    return weight * values + (1 - weight) * smooth


def _opencv(picture: Float[Tensor, "c h w"], hole: Bool[Tensor, "h w"], method: int) -> Float[Tensor, "c h w"]:
    # 8 bits, since OpenCV's Telea adds a term of up to 1.4 of whatever unit the values have; a channel alone gives the same as three
    channels = picture.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8).numpy()
    where = hole.to(torch.uint8).numpy()
    filled = np.stack([cv2.inpaint(x, where, _RADIUS, method) for x in channels])
    return torch.from_numpy(filled).to(picture.dtype).div(127.5).sub(1)
