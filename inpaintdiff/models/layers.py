"""Building blocks of the frame-wise part of the network: frames are folded into the batch, nothing here mixes frames."""

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def zero_init(module: M) -> M:
    """Start a layer at zero, so that the block around it starts as the identity."""
    for p in module.parameters():
        nn.init.zeros_(p)
    return module


def group_norm(channels: int) -> nn.GroupNorm:
    """Up to 32 groups of at least 4 channels. With frames in the batch the statistics are per frame: no frame leaks into another."""
    groups = min(32, max(1, channels // 4))
    while channels % groups:
        groups -= 1
    return nn.GroupNorm(groups, channels)


class NoiseEmbedding(nn.Module):
    """Sinusoidal features of c_noise, then a two-layer network."""

    def __init__(self, features: int, out: int) -> None:
        super().__init__()
        # c_noise = ln(sigma)/4 spans about [-1.8, 1.3]: wavelengths from 8 (the whole range) down to 1/32
        frequencies = 2 * math.pi * torch.logspace(math.log10(1 / 8), math.log10(32), features // 2)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.net = nn.Sequential(nn.Linear(features, out), nn.SiLU(), nn.Linear(out, out))

    def forward(self, c_noise: Float[Tensor, "b t"]) -> Float[Tensor, "b t e"]:
        angle = c_noise.float().unsqueeze(-1) * self.get_buffer("frequencies")  # b t f/2
        return self.net(torch.cat([angle.cos(), angle.sin()], dim=-1))  # b t e


class ResBlock(nn.Module):
    """Norm, SiLU, convolution twice; the noise level scales and shifts between them. Second convolution starts at zero."""

    def __init__(self, in_channels: int, out_channels: int, embedding: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * out_channels)
        self.norm2 = group_norm(out_channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = zero_init(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.skip = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else nn.Identity()

    def forward(self, x: Float[Tensor, "n c h w"], emb: Float[Tensor, "n e"]) -> Float[Tensor, "n d h w"]:
        h = self.conv1(F.silu(self.norm1(x)))  # n d h w
        scale, shift = self.modulation(F.silu(emb))[:, :, None, None].chunk(2, dim=1)  # n d 1 1
        h = F.silu(torch.addcmul(shift, self.norm2(h), 1 + scale))  # n d h w
        h = self.conv2(self.dropout(h))  # n d h w
        return self.skip(x) + h


class Downsample(nn.Module):
    """Halves height and width by a strided convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        return self.conv(x)


class Upsample(nn.Module):
    """Doubles height and width: nearest neighbour, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
