"""LPIPS: a learned perceptual distance between pictures (Zhang et al., CVPR 2018, arXiv 1801.03924), version 0.1 on AlexNet."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inpaintdiff.errors import SettingError
from inpaintdiff.metrics.weights import load_weights

_SMALLEST = 35
_WIDTHS = (64, 192, 384, 256, 256)


class LPIPS(nn.Module):
    """The network; the names of its tensors are those of the published files.

    Weights are random until `load_weights`; use `LPIPS.load`.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        for i, width in enumerate(_WIDTHS):
            head = nn.Module()
            head.model = nn.Sequential(nn.Dropout(), nn.Conv2d(width, 1, 1, bias=False))
            self.add_module(f"lin{i}", head)
        # mean and spread of ImageNet's colours on a scale of [-1, 1], as published
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1), persistent=False)

    @staticmethod
    def load(path: Path | str) -> "LPIPS":
        """The network with the weights of a file.

        Raises:
            CheckpointError: no such file, or other weights.
        """
        network = LPIPS()
        load_weights(network, path)
        return network

    def forward(self, prediction: Float[Tensor, "t 3 h w"], truth: Float[Tensor, "t 3 h w"]) -> Float[Tensor, " t"]:
        """Distance of every frame, 0 for equal ones.

        Args:
            prediction, truth: in [-1, 1], at least 35 pixels each way.

        Raises:
            SettingError: smaller frames.
        """
        if min(prediction.shape[-2:]) < _SMALLEST:
            raise SettingError(f"LPIPS needs frames of at least {_SMALLEST} pixels, got {tuple(prediction.shape[-2:])}")
        x, y = (v.sub(self.shift).div(self.scale) for v in (prediction, truth))
        total = torch.zeros(len(prediction), device=prediction.device)
        level = 0
        for layer in self.features:
            x, y = layer(x), layer(y)  # t c h w
            if isinstance(layer, nn.ReLU):
                apart = (_unit(x) - _unit(y)).square()
                head = self.get_submodule(f"lin{level}.model.1")
                total = total + head(apart).mean(dim=(1, 2, 3))
                level += 1
        return total


def _unit(x: Float[Tensor, "t c h w"]) -> Float[Tensor, "t c h w"]:
    """Length 1 along channels; the small number is the published one."""
    return x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)


def lpips(
    network: LPIPS, prediction: Float[Tensor, "t 3 h w"], truth: Float[Tensor, "t 3 h w"], batch: int = 16
) -> Float[Tensor, " t"]:
    """LPIPS of every frame of a video, `batch` frames at a time."""
    with torch.inference_mode():
        parts = zip(prediction.split(batch), truth.split(batch), strict=True)
        return torch.cat([network(p, q) for p, q in parts])
