"""Small painted videos with their truths, and every metric over them with random networks: what one process and two must agree on."""

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from inpaintdiff.metrics.i3d import I3D
from inpaintdiff.metrics.lpips import LPIPS
from inpaintdiff.metrics.per_video import VideoLPIPS, VideoPSNR, VideoPVCS, VideoSSIM, VideoWarpError
from inpaintdiff.metrics.sets import FeatureDistance, vfid_eval, vfid_train


def painted(video: int, frames: int = 4, size: int = 40) -> tuple[Tensor, Tensor, Tensor]:
    """Prediction, truth and hole."""
    g = torch.Generator().manual_seed(video)
    coarse = torch.rand(frames, 3, 7, 7, generator=g) * 1.6 - 0.8
    truth = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(-1, 1)
    hole = torch.zeros(frames, 1, size, size, dtype=torch.bool)
    hole[:, :, 8 + video : 20, 10 : 22 + video] = True
    noise = 0.3 * torch.randn(truth.shape, generator=g)
    return torch.where(hole, truth + noise, truth).clamp(-1, 1), truth, hole


def pixel_metrics() -> MetricCollection:
    return MetricCollection(
        {
            "psnr": VideoPSNR(["hole", "full", "seam", "outside", "picture"]),
            "ssim": VideoSSIM(["hole", "full"]),
            "ewarp": VideoWarpError(),
        }
    )


def colours(frames: Tensor) -> Tensor:
    """A feature of every frame that can be computed by hand."""
    return frames.mean(dim=(2, 3))


def feature_metrics() -> MetricCollection:
    """With networks that are cheap on such videos, and a stand-in for FID's, which is not."""
    torch.manual_seed(0)
    lpips, i3d = LPIPS().eval(), I3D().eval()
    return MetricCollection(
        {
            "lpips": VideoLPIPS(lpips),
            "pvcs": VideoPVCS(i3d),
            "colours": FeatureDistance("colours", colours, 3),
            "vfid_eval": vfid_eval(i3d),
            "vfid_train": vfid_train(i3d),
        }
    )
