"""Factorised attention: over time at every position, then over space within every frame.

Temporal attention knows frames by the differences of their true numbers only, through small networks on queries, keys and
values (FDM, arXiv 2205.11495, section 4; Shaw et al. 2018, arXiv 1803.02155; Wu et al. 2021, arXiv 2107.14222).
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from inpaintdiff.models.layers import group_norm, zero_init

# Fused attention pays above this many tokens; below, plain products are faster.
FUSED_ABOVE = 64


def distance_features(index: Int[Tensor, "b t"]) -> Float[Tensor, "b t t 3"]:
    """log(1 + forward distance), log(1 + backward distance) and identity for every pair of frames (i, j).

    Differences are taken in integers, so that frame 100,000 of a long video is as exact as frame 0.
    """
    d = index.unsqueeze(2) - index.unsqueeze(1)  # b i j
    ahead, behind = d.clamp(min=0).float().log1p(), (-d).clamp(min=0).float().log1p()
    return torch.stack([ahead, behind, (d == 0).float()], dim=-1)  # b i j 3


class RelativePosition(nn.Module):
    """A vector per head for every pair of frames, from their distance and the noise levels of both."""

    def __init__(self, heads: int, head_channels: int, embedding: int) -> None:
        super().__init__()
        self.heads = heads
        channels = heads * head_channels
        self.distance = nn.Linear(3, channels)
        self.level_i = nn.Linear(embedding, channels)
        self.level_j = nn.Linear(embedding, channels)
        self.out = zero_init(nn.Linear(channels, channels))

    def forward(
        self, distances: Float[Tensor, "b t t 3"], emb: Float[Tensor, "b t e"]
    ) -> Float[Tensor, "b heads t t d"]:
        hidden = self.distance(distances) + self.level_i(emb).unsqueeze(2) + self.level_j(emb).unsqueeze(1)  # b i j c
        return rearrange(self.out(F.silu(hidden)), "b i j (heads d) -> b heads i j d", heads=self.heads)


class TemporalAttention(nn.Module):
    """Attention among the frames of a window, separately at every position.

    logits_ij = (q_i k_j + q_i RK_ij + k_j RQ_ij) / sqrt(d);  out_i = sum_j a_ij (v_j + RV_ij)
    """

    def __init__(self, channels: int, heads: int, embedding: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = group_norm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.relative_q, self.relative_k, self.relative_v = (
            RelativePosition(heads, channels // heads, embedding) for _ in range(3)
        )
        self.project = zero_init(nn.Linear(channels, channels))

    def forward(
        self, x: Float[Tensor, "b t c h w"], emb: Float[Tensor, "b t e"], distances: Float[Tensor, "b t t 3"]
    ) -> Float[Tensor, "b t c h w"]:
        b, height, width = x.shape[0], *x.shape[-2:]
        # contiguous: of strided tokens torch makes one small product each in bf16, with a copy of the weights
        tokens = rearrange(self.norm(x.flatten(0, 1)), "(b t) c h w -> b (h w) t c", b=b).contiguous()  # b n t c
        q, k, v = rearrange(self.qkv(tokens), "b n t (three heads d) -> three b heads n t d", three=3, heads=self.heads)
        q = q * q.shape[-1] ** -0.5
        k_scaled = k * k.shape[-1] ** -0.5
        rq, rk, rv = (r(distances, emb).to(q.dtype) for r in (self.relative_q, self.relative_k, self.relative_v))
        logits = q @ k.transpose(-1, -2)  # b heads n i j
        # the relative terms as one batched product over positions n, instead of a materialised n x i x j x d tensor
        logits = logits + rearrange(
            rearrange(q, "b g n i d -> b g i n d") @ rk.transpose(-1, -2), "b g i n j -> b g n i j"
        )
        logits = logits + rearrange(
            rearrange(k_scaled, "b g n j d -> b g j n d") @ rearrange(rq, "b g i j d -> b g j d i"),
            "b g j n i -> b g n i j",
        )
        a = logits.softmax(dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32)).to(v.dtype)  # b heads n i j
        out = a @ v  # b heads n i d
        out = out + rearrange(rearrange(a, "b g n i j -> b g i n j") @ rv, "b g i n d -> b g n i d")
        out = self.project(rearrange(out, "b g n t d -> b n t (g d)").contiguous())  # b n t c
        return x + rearrange(out, "b (h w) t c -> b t c h w", h=height, w=width)


class SpatialAttention(nn.Module):
    """Attention among the positions of a frame, separately in every frame."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = group_norm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = zero_init(nn.Linear(channels, channels))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        tokens = rearrange(self.norm(x), "n c h w -> n (h w) c").contiguous()
        q, k, v = rearrange(self.qkv(tokens), "n s (three heads d) -> three n heads s d", three=3, heads=self.heads)
        if tokens.shape[1] > FUSED_ABOVE:
            out = fused(q, k, v)  # n heads s d
        else:
            logits = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # n heads s s
            out = logits.float().softmax(dim=-1).to(v.dtype) @ v  # n heads s d
        out = self.project(rearrange(out, "n heads s d -> n s (heads d)").contiguous())
        return x + rearrange(out, "n (h w) c -> n c h w", h=x.shape[2])


def fused(
    q: Float[Tensor, "n heads s d"], k: Float[Tensor, "n heads s d"], v: Float[Tensor, "n heads s d"]
) -> Float[Tensor, "n heads s d"]:
    """Fused attention; on the CPU in float32, whose backward is up to twice as fast there as that in bfloat16."""
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v)
    with torch.autocast("cpu", enabled=False):
        return F.scaled_dot_product_attention(q.float(), k.float(), v.float()).to(v.dtype)


class SpaceTimeAttention(nn.Module):
    """Temporal attention at every position, then spatial attention within every frame."""

    def __init__(self, channels: int, heads: int, embedding: int) -> None:
        super().__init__()
        self.temporal = TemporalAttention(channels, heads, embedding)
        self.spatial = SpatialAttention(channels, heads)

    def forward(
        self, x: Float[Tensor, "b t c h w"], emb: Float[Tensor, "b t e"], distances: Float[Tensor, "b t t 3"]
    ) -> Float[Tensor, "b t c h w"]:
        x = self.temporal(x, emb, distances)  # b t c h w
        return self.spatial(x.flatten(0, 1)).unflatten(0, x.shape[:2])  # b t c h w
