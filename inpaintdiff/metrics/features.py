"""Features of frames and videos, for `frechet`. The networks are the caller's, with weights that it has loaded."""

from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.errors import SettingError
from inpaintdiff.metrics.i3d import I3D
from inpaintdiff.metrics.inception import INCEPTION_SIZE, FIDInception

# DeepMind's FVD: 224 pixels; two slices of Mixed_5c are pooled at once, which takes 9 frames
_FVD_SIZE, _FVD_FRAMES = 224, 9


@torch.inference_mode()
def fid_features(
    network: FIDInception,
    frames: Float[Tensor, "t 3 h w"],
    batch: int = 8,
    resize: Literal["tensorflow", "pytorch"] = "tensorflow",
) -> Float[Tensor, "t 2048"]:
    """Inception features of every frame, for FID over frames.

    Args:
        network: with weights.
        frames: in [-1, 1]; not rounded to 8 bits, which for frames that were 8-bit makes no difference.
        batch: frames at a time.
        resize: "tensorflow" is FID's own; "pytorch" is that of pytorch-fid, which other numbers come from.
    """
    prepare = _as_pytorch_fid if resize == "pytorch" else torch.nn.Identity()
    return torch.cat([network(prepare(part)) for part in frames.split(batch)])


@torch.inference_mode()
def vfid_feature(network: I3D, frames: Float[Tensor, "t 3 h w"]) -> Float[Tensor, " 1024"]:
    """One vector a video, for VFID: the field's recipe (frames on a scale of 0 to 1, native size, mean of `Mixed_5c`).

    In evaluation mode, as the network is loaded. The field's own code leaves it in training mode, where batch statistics make
    another number: see `vfid_feature_train_mode`.

    Args:
        network: with weights.
        frames: in [-1, 1].
    """
    return network(_video(frames / 2 + 0.5))[0]


@torch.inference_mode()
def vfid_feature_train_mode(network: I3D, frames: Float[Tensor, "t 3 h w"]) -> Float[Tensor, " 1024"]:
    """As `vfid_feature`, with the trait of E2FGVI's and ProPainter's code: normalised by the statistics of the video itself.

    Only for comparison with published tables. The network comes back as it was.
    """
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm3d)]
    before = [(m, m.training, m.track_running_stats) for m in norms]
    try:
        for m in norms:
            m.training, m.track_running_stats = True, False
        return network(_video(frames / 2 + 0.5))[0]
    finally:
        for m, training, track in before:
            m.training, m.track_running_stats = training, track


@torch.inference_mode()
def fvd_feature(network: I3D, frames: Float[Tensor, "t 3 h w"]) -> Float[Tensor, " 400"]:
    """One vector a video, for FVD (Unterthiner et al. 2018, arXiv 1812.01717): logits of the video at 224 x 224, [-1, 1].

    Args:
        network: with weights.
        frames: in [-1, 1], at least 9.

    Raises:
        SettingError: fewer frames.
    """
    if len(frames) < _FVD_FRAMES:
        raise SettingError(f"the feature of FVD needs at least {_FVD_FRAMES} frames, got {len(frames)}")
    large = F.interpolate(frames, size=(_FVD_SIZE, _FVD_SIZE), mode="bilinear", align_corners=False)
    return network.class_scores(_video(large))[0]


def _as_pytorch_fid(frames: Float[Tensor, "t 3 h w"]) -> Float[Tensor, "t 3 299 299"]:
    """Pictures that the network neither resizes nor shifts: what reaches its first layer is in [-1, 1] exactly."""
    large = F.interpolate(frames, size=(INCEPTION_SIZE, INCEPTION_SIZE), mode="bilinear", align_corners=False)
    return (large * 128 + 0.5) / 127.5


def _video(frames: Float[Tensor, "t 3 h w"]) -> Float[Tensor, "1 3 t h w"]:
    return rearrange(frames, "t c h w -> 1 c t h w")
