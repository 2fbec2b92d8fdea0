"""Warping error: does what was painted move as the truth does? Flow and occlusion come from the ground truth (Lai et al., ECCV 2018).

E_warp falls with anything that is smooth or still, so that it means something beside PSNR and LPIPS only.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from inpaintdiff.errors import SettingError
from inpaintdiff.metrics.raft import RAFTSmall

# DIS matches patches of 8 pixels: smaller pictures are enlarged so that a patch does not cover half of what moves in them
_SHORT_SIDE = 256
# the coarsest of four correlations, each half of the one before, at an eighth of the picture
_RAFT_SMALLEST = 64


@dataclass(frozen=True, eq=False)
class VideoFlow:
    """Where pixels go, in pixels (x, y), and whether they can be followed.

    Attributes:
        forward: from frame k to k + 1.
        backward: from frame k + 1 to k.
        name: of the method, for the name of the metric.
    """

    forward: Float[Tensor, "s 2 h w"]
    backward: Float[Tensor, "s 2 h w"]
    name: str

    @staticmethod
    def dis(frames: Float[Tensor, "t c h w"]) -> "VideoFlow":
        """By OpenCV's DIS (Kroeger et al., ECCV 2016): as good as learned flow for this purpose, and always at hand."""
        pictures = [luma(f) for f in frames]
        size = (frames.shape[-2], frames.shape[-1])
        pairs = list(pairwise(pictures))
        none = torch.zeros(0, 2, *size)
        forward = torch.stack([dis_flow(a, b, size) for a, b in pairs]) if pairs else none
        backward = torch.stack([dis_flow(b, a, size) for a, b in pairs]) if pairs else none
        return VideoFlow(forward, backward, "dis")

    @staticmethod
    @torch.inference_mode()
    def raft(network: RAFTSmall, frames: Float[Tensor, "t 3 h w"]) -> "VideoFlow":
        """By RAFT-small: some seconds a pair of frames on a CPU.

        Raises:
            SettingError: frames of less than 64 pixels.
        """
        if min(frames.shape[-2:]) < _RAFT_SMALLEST:
            raise SettingError(
                f"RAFT needs frames of at least {_RAFT_SMALLEST} pixels, got {tuple(frames.shape[-2:])}; take the flow 'dis'"
            )
        ways = [(network(a[None], b[None]), network(b[None], a[None])) for a, b in pairwise(frames)]
        none = frames.new_zeros(0, 2, *frames.shape[-2:])
        forward, backward = (torch.cat([none, *(w[k] for w in ways)]) for k in (0, 1))
        return VideoFlow(forward, backward, "raft-small")

    @cached_property
    def followed(self) -> Bool[Tensor, "s 1 h w"]:
        """True where a pixel of frame k is seen in frame k + 1.

        Not where the way there and back ends elsewhere, |Fw + Bw|^2 > 0.01 (|Fw|^2 + |Bw|^2) + 0.5, at edges of motion,
        |grad Fw|^2 > 0.01 |Fw|^2 + 0.002, and beyond the picture.
        """
        back, inside = warped(self.backward, self.forward)
        length = self.forward.square().sum(dim=1, keepdim=True)
        astray = (self.forward + back).square().sum(dim=1, keepdim=True)
        lost = astray > 0.01 * (length + back.square().sum(dim=1, keepdim=True)) + 0.5
        down = F.pad(self.forward.diff(dim=-2), (0, 0, 0, 1))
        right = F.pad(self.forward.diff(dim=-1), (0, 1))
        edge = (down.square() + right.square()).sum(dim=1, keepdim=True) > 0.01 * length + 0.002
        return inside & ~lost & ~edge


def warp_error(
    video: Float[Tensor, "t c h w"], flow: VideoFlow, hole: Bool[Tensor, "t 1 h w"] | None = None
) -> Float[Tensor, " s"]:
    """E_warp of every pair of neighbouring frames: mean squared error, on a scale of 1, of frame k + 1 fetched back to frame k.

    Args:
        video: in [-1, 1], usually painted.
        flow: of the truth.
        hole: only pixels whose way starts or ends in the hole; everywhere by default.

    Returns:
        float64; NaN where no pixel can be followed.
    """
    whole, within = warp_errors(video, flow, hole)
    return whole if hole is None else within


def warp_errors(
    video: Float[Tensor, "t c h w"], flow: VideoFlow, hole: Bool[Tensor, "t 1 h w"] | None
) -> tuple[Float[Tensor, " s"], Float[Tensor, " s"]]:
    """`warp_error` of everything and of the hole, for the cost of one; a pair of frames at a time is in memory."""
    found = torch.full((2, len(flow.forward)), torch.nan, dtype=torch.float64)
    for k, way in enumerate(flow.forward.unsqueeze(1)):
        fetched, _ = warped(video[k + 1 : k + 2], way)
        counted = flow.followed[k]  # 1 h w
        error = (video[k].double() - fetched[0].double()).square().mean(dim=0, keepdim=True) / 4
        found[0, k] = error[counted].mean()
        if hole is not None:
            # not 0: where a way ends on a whole pixel, rounding gives its neighbours a millionth
            ends, _ = warped(hole[k + 1 : k + 2].to(video.dtype), way)
            found[1, k] = error[counted & (hole[k] | (ends[0] > 1e-3))].mean()
    return found[0], found[1]


def warped(
    pictures: Float[Tensor, "s c h w"], flow: Float[Tensor, "s 2 h w"]
) -> tuple[Float[Tensor, "s c h w"], Bool[Tensor, "s 1 h w"]]:
    """`pictures` at where `flow` leads, bilinear, and whether that lies within the picture."""
    h, w = flow.shape[-2:]
    ys, xs = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    at = torch.stack([xs, ys]).to(flow) + flow  # s 2 h w
    last = torch.tensor([w - 1, h - 1], device=flow.device).view(2, 1, 1)
    inside = ((at >= 0) & (at <= last)).all(dim=1, keepdim=True)
    grid = (2 * at / last.clamp(min=1) - 1).permute(0, 2, 3, 1)
    return F.grid_sample(pictures, grid, padding_mode="border", align_corners=True), inside


def luma(picture: Float[Tensor, "c h w"]) -> np.ndarray:
    """What `dis_flow` looks at: 8-bit luma, or the mean of channels that are not RGB, enlarged if the picture is small."""
    weights = (
        torch.tensor([0.299, 0.587, 0.114]) if len(picture) == 3 else torch.full((len(picture),), 1 / len(picture))
    )
    grey = torch.einsum("c,chw->hw", weights, picture.detach().cpu()).add(1).mul(127.5).clamp(0, 255).numpy()
    scale = max(1.0, _SHORT_SIDE / min(grey.shape))
    size = (round(scale * grey.shape[1]), round(scale * grey.shape[0]))
    return cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC).clip(0, 255).round().astype(np.uint8)


def dis_flow(first: np.ndarray, second: np.ndarray, size: tuple[int, int]) -> Float[Tensor, "2 h w"]:
    """DIS flow between two pictures of `luma`, in pixels of the original size (height, width)."""
    h, w = size
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(first, second, None)
    scale = np.array([w / first.shape[1], h / first.shape[0]], dtype=np.float32)
    flow = cv2.resize(flow, (w, h), interpolation=cv2.INTER_AREA) * scale
    return torch.from_numpy(flow.reshape(h, w, 2)).permute(2, 0, 1)
