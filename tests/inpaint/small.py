"""A small clip, a small network and a short way to an `Inpainter`, for tests of its promises."""

import math

import torch

from inpaintdiff.diffusion.denoiser import Denoiser, NetworkDenoiser
from inpaintdiff.diffusion.precondition import EDMPrediction
from inpaintdiff.diffusion.sigma import KarrasGrid
from inpaintdiff.diffusion.solvers import Heun, Solver
from inpaintdiff.inpaint import Inpainter
from inpaintdiff.models.unet import VideoUNet
from inpaintdiff.schemes import SamplingScheme, make_scheme
from inpaintdiff.types import Conditioning, VideoClip


def random_network() -> NetworkDenoiser:
    """The real network with random weights throughout, so that everything in the window matters."""
    net = VideoUNet(width=8, multipliers=(1, 2), blocks=1, attention_levels=(1,), heads=2)
    g = torch.Generator().manual_seed(0)
    for p in net.parameters():
        p.data = torch.randn(p.shape, generator=g) / max(1, p[0].numel()) ** 0.5
    return NetworkDenoiser(net, EDMPrediction())


def clip(t: int = 8, seed: int = 0) -> VideoClip:
    """Frames 0 and 1 complete, the others with a moving hole that is not a number."""
    g = torch.Generator().manual_seed(seed)
    hole = torch.zeros(t, 1, 8, 8, dtype=torch.bool)
    for i in range(2, t):
        hole[i, :, 2:6, i % 4 : i % 4 + 4] = True
    frames = torch.rand(t, 3, 8, 8, generator=g) * 2 - 1
    return VideoClip(frames.masked_fill(hole, math.nan), hole, torch.arange(t) + 50)


def inpainter(
    denoiser: Denoiser, scheme: str | SamplingScheme = "ar", solver: Solver | None = None, steps: int = 4, **options
) -> Inpainter:
    plan = make_scheme(scheme, window=4, step=2) if isinstance(scheme, str) else scheme
    return Inpainter(denoiser, plan, solver or Heun(), KarrasGrid(), steps, **options)


class Counting(Denoiser):
    """Estimates grey and keeps what it was asked."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = value
        self.asked: list[tuple[torch.Tensor, Conditioning]] = []

    def forward(self, x, sigma, cond):
        self.asked.append((x, cond))
        return torch.where(cond.known_mask, cond.known, torch.full_like(x, self.value))
