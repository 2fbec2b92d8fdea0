"""PVCS, a perceptual distance between videos (Szeto and Corso, DEVIL, arXiv 2105.05332): I3D features in short windows."""

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.metrics.i3d import I3D

_WINDOW = 10
_LAYERS = ("Conv3d_2c_3x3", "Mixed_3c", "Mixed_4f", "Mixed_5c")


@torch.inference_mode()
def pvcs(
    network: I3D, prediction: Float[Tensor, "t 3 h w"], truth: Float[Tensor, "t 3 h w"], stride: int = 1
) -> Float[Tensor, " n"]:
    """Distance in every window of 10 frames: squared, of features of unit length at four layers, mean over positions, summed.

    Frames are given to the network on a scale of 0 to 1. A shorter video is continued with its last frame.

    Args:
        network: with weights.
        prediction, truth: in [-1, 1].
        stride: frames from window to window. The last window ends with the video, whatever the stride.
    """
    last = max(0, len(truth) - _WINDOW)
    starts = sorted({*range(0, last + 1, stride), last})
    return torch.stack([_window(network, prediction, truth, s) for s in starts])


def _window(
    network: I3D, prediction: Float[Tensor, "t 3 h w"], truth: Float[Tensor, "t 3 h w"], start: int
) -> Float[Tensor, ""]:
    at = torch.arange(start, start + _WINDOW, device=truth.device).clamp(max=len(truth) - 1)
    maps = [network.endpoints((v[at] / 2 + 0.5).transpose(0, 1)[None]) for v in (prediction, truth)]
    apart = [(_unit(maps[0][layer]) - _unit(maps[1][layer])).square().sum(dim=1).mean() for layer in _LAYERS]
    return torch.stack(apart).sum()


def _unit(x: Float[Tensor, "1 c t h w"]) -> Float[Tensor, "1 c t h w"]:
    """Length 1 along channels; the small number is the published one."""
    return x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
