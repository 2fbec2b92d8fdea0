"""PVCS, a perceptual distance between videos (Szeto and Corso, DEVIL, arXiv 2105.05332): I3D features in short windows."""

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.metrics.i3d import I3D
from inpaintdiff.metrics.remembered import Remembered

_WINDOW = 10
_LAYERS = ("Conv3d_2c_3x3", "Mixed_3c", "Mixed_4f", "Mixed_5c")
# what may be kept of one truth: six windows of 854 x 480 pixels
_MOST_BYTES = 2**30


class WindowMaps:
    """Features of one video in its windows. Those of the first windows are kept, for the next painter's video; others are made again.

    Args:
        network: with weights.
        most_bytes: how much is kept.
    """

    def __init__(self, network: I3D, most_bytes: int = _MOST_BYTES) -> None:
        self._network = network
        self._room = most_bytes
        self._kept: dict[int, list[Tensor]] = {}

    @staticmethod
    def shared(network: I3D) -> Remembered["WindowMaps"]:
        """Of the truth that several painters' videos are compared with, one truth after the other."""
        return Remembered(partial(_none_yet, network))

    @torch.inference_mode()
    def at(self, video: Float[Tensor, "t 3 h w"], start: int) -> list[Tensor]:
        """Maps of four layers [1 c t h w], of unit length along channels, of 10 frames; the last frame stands for those that lack.

        Args:
            video: in [-1, 1], the same at every call; it is not kept.
            start: the first frame.
        """
        if start in self._kept:
            return self._kept[start]
        maps = _maps(self._network, video, start)
        size = sum(m.nelement() * m.element_size() for m in maps)
        if size <= self._room:
            self._room -= size
            self._kept[start] = maps
        return maps


@torch.inference_mode()
def pvcs(
    network: I3D,
    prediction: Float[Tensor, "t 3 h w"],
    truth: Float[Tensor, "t 3 h w"],
    stride: int = 1,
    true_maps: WindowMaps | None = None,
) -> Float[Tensor, " n"]:
    """Distance in every window of 10 frames: squared, of features of unit length at four layers, mean over positions, summed.

    Frames are given to the network on a scale of 0 to 1. A shorter video is continued with its last frame.

    Args:
        network: with weights.
        prediction, truth: in [-1, 1].
        stride: frames from window to window. The last window ends with the video, whatever the stride.
        true_maps: of the truth, where several videos are compared with it.
    """
    last = max(0, len(truth) - _WINDOW)
    starts = sorted({*range(0, last + 1, stride), last})
    true_maps = true_maps or WindowMaps(network, most_bytes=0)
    each = []
    for start in starts:
        pairs = zip(_maps(network, prediction, start), true_maps.at(truth, start), strict=True)
        each.append(torch.stack([(p - t).square().sum(dim=1).mean() for p, t in pairs]).sum())
    return torch.stack(each)


def _none_yet(network: I3D, truth: Tensor) -> WindowMaps:
    return WindowMaps(network)


def _maps(network: I3D, video: Float[Tensor, "t 3 h w"], start: int) -> list[Tensor]:
    at = torch.arange(start, start + _WINDOW, device=video.device).clamp(max=len(video) - 1)
    maps = network.endpoints((video[at] / 2 + 0.5).transpose(0, 1)[None])
    return [_unit(maps[layer]) for layer in _LAYERS]


def _unit(x: Float[Tensor, "1 c t h w"]) -> Float[Tensor, "1 c t h w"]:
    """Length 1 along channels; the small number is the published one."""
    return x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
