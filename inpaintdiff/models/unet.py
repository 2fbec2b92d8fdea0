"""`VideoUNet`: 2-D convolutions on frames folded into the batch; only temporal attention mixes frames.

After FDM (arXiv 2205.11495) with per-pixel known masks (arXiv 2405.00251), a noise level per frame, normalisation per frame,
and an optional patch size at the door, so that 64 pixels with patch size 2 cost as 32.

What precedes the first temporal attention sees each frame alone; an observed frame is clean and carries noise level 0, so that this
part of it (`VideoUNet.observe`) is the same at every step and in every window, and need not be computed again.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from inpaintdiff.models.attention import SpaceTimeAttention, distance_features
from inpaintdiff.models.layers import Downsample, NoiseEmbedding, ResBlock, Upsample, group_norm, zero_init


class _Level(nn.Module):
    """A residual block, optionally followed by space-time attention."""

    def __init__(
        self, in_channels: int, out_channels: int, embedding: int, heads: int, attend: bool, dropout: float
    ) -> None:
        super().__init__()
        self.res = ResBlock(in_channels, out_channels, embedding, dropout)
        self.attention = SpaceTimeAttention(out_channels, heads, embedding) if attend else None

    def forward(
        self, x: Float[Tensor, "n c h w"], emb: Float[Tensor, "b t e"], distances: Float[Tensor, "b t t 3"]
    ) -> Float[Tensor, "n d h w"]:
        return self.attend(self.res(x, emb.flatten(0, 1)), emb, distances)  # n d h w

    def attend(
        self, x: Float[Tensor, "n d h w"], emb: Float[Tensor, "b t e"], distances: Float[Tensor, "b t t 3"]
    ) -> Float[Tensor, "n d h w"]:
        """What follows the residual block."""
        if self.attention is None:
            return x
        return self.attention(x.unflatten(0, emb.shape[:2]), emb, distances).flatten(0, 1)


class VideoUNet(nn.Module):
    """U-Net over a window of frames in any order, at any true frame numbers.

    Args:
        channels: colour channels of a frame.
        width: C, channels of the first level; level l has `width * multipliers[l]`.
        multipliers: one entry a level; each level but the first halves height and width.
        blocks: residual blocks per level on the way down (one more on the way up).
        attention_levels: levels (0 = finest) with space-time attention; the middle always has it.
        heads: attention heads; must divide the channels of every level with attention.
        patch: pixel-unshuffle factor at the door.
        dropout: within residual blocks.

    Raises:
        ValueError: an argument is out of range or does not fit another.
    """

    def __init__(
        self,
        channels: int = 3,
        width: int = 128,
        multipliers: tuple[int, ...] = (1, 2, 3, 4),
        blocks: int = 2,
        attention_levels: tuple[int, ...] = (2, 3),
        heads: int = 4,
        patch: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if width < 8 or blocks < 1 or patch < 1 or not multipliers:
            raise ValueError(
                f"expected width >= 8, blocks >= 1, patch >= 1 and a multiplier a level, got {width}, {blocks}, {patch}, {multipliers}"
            )
        if bad := [a for a in attention_levels if not 0 <= a < len(multipliers)]:
            raise ValueError(f"attention_levels {bad} do not exist: the network has levels 0 to {len(multipliers) - 1}")
        if bad := [m for m in multipliers if (width * m) % heads]:
            raise ValueError(f"{heads} heads do not divide {[width * m for m in bad]} channels")
        self.patch = patch
        self.stride = patch * 2 ** (len(multipliers) - 1)
        embedding = 4 * width
        self.noise = NoiseEmbedding(width, embedding)
        self.conv_in = nn.Conv2d((channels + 1) * patch**2, width, 3, padding=1)

        def level(a: int, b: int, attend: bool) -> _Level:
            return _Level(a, b, embedding, heads, attend, dropout)

        self.down = nn.ModuleList()
        kept, c = [width], width
        for i, m in enumerate(multipliers):
            for _ in range(blocks):
                self.down.append(level(c, width * m, i in attention_levels))
                c = width * m
                kept.append(c)
            if i + 1 < len(multipliers):
                self.down.append(Downsample(c))
                kept.append(c)
        self.middle = nn.ModuleList([level(c, c, True), level(c, c, False)])
        self.up = nn.ModuleList()
        for i, m in reversed(list(enumerate(multipliers))):
            for _ in range(blocks + 1):
                self.up.append(level(c + kept.pop(), width * m, i in attention_levels))
                c = width * m
            if i > 0:
                self.up.append(Upsample(c))
        # behind the last temporal attention a frame is computed for its own output only
        self.last_attention = max(
            (i for i, m in enumerate(self.up) if isinstance(m, _Level) and m.attention), default=-1
        )
        # what precedes this module on the way down, and its residual block, sees each frame alone
        self.first_attention = next(
            (i for i, m in enumerate(self.down) if isinstance(m, _Level) and m.attention), len(self.down)
        )
        self.norm_out = group_norm(c)
        self.conv_out = zero_init(nn.Conv2d(c, channels * patch**2, 3, padding=1))

    def forward(
        self,
        x: Float[Tensor, "b t c h w"],
        known_mask: Bool[Tensor, "b t 1 h w"],
        c_noise: Float[Tensor, "b t"],
        index: Int[Tensor, "b t"],
        observed: Sequence[Sequence[Tensor]] | None = None,
    ) -> Float[Tensor, "b t c h w"]:
        """One call.

        Args:
            x: known pixels clean, unknown ones noisy and scaled to about unit variance.
            known_mask: True where known.
            c_noise: noise condition of every frame; observed frames carry that of level 0.
            index: true frame numbers; only differences count.
            observed: of every observed frame, in the order of b and then t, what `observe` gives; it is not computed then.

        Returns:
            The raw network output, to be combined by the preconditioning. Observed frames (all True in `known_mask`) get 0:
            behind the last temporal attention nothing depends on them, so they are not computed.
        """
        b, t, channels, height, width = x.shape
        if observed is not None and bool(known_mask.all()):
            return x.new_zeros(b, t, channels, height, width)  # nothing to compute, and layers refuse no frames
        x = torch.cat([x, known_mask.to(x.dtype)], dim=2).flatten(0, 1)  # n c+1 h w
        emb = self.noise(c_noise)  # b t e
        distances = distance_features(index)  # b t t 3
        wanted = ~known_mask.flatten(2).all(dim=2).flatten()  # n
        emb_wanted = emb.flatten(0, 1)[wanted]  # m e
        if observed is None:
            kept, h = self._enter(x, emb.flatten(0, 1))
            kept[: self.late] = [k[wanted] for k in kept[: self.late]]
        else:
            kept, h = self._enter(x[wanted], emb_wanted)
            *joint, h = (
                _joined(own, [o[k] for o in observed], wanted) for k, own in enumerate([*kept[self.late :], h])
            )
            kept[self.late :] = joint
        for i, block in enumerate([*self.down[self.first_attention :], *self.middle], self.first_attention):
            if isinstance(block, _Level):
                h = block.attend(h, emb, distances) if i == self.first_attention else block(h, emb, distances)
            else:
                h = block(h)
            if i < len(self.down):
                kept.append(h)
        if self.last_attention < 0:
            h = h[wanted]
        for i, block in enumerate(self.up):
            if isinstance(block, _Level):
                h = torch.cat([h, kept.pop()], dim=1)
                h = block(h, emb, distances) if i <= self.last_attention else block.res(h, emb_wanted)
            else:
                h = block(h)
            if i == self.last_attention:
                h = h[wanted]
        h = F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.patch)  # m c h w
        out = h.new_zeros(b * t, *h.shape[1:]).index_put((wanted,), h)  # n c h w
        return rearrange(out[:, :, :height, :width], "(b t) c h w -> b t c h w", b=b, t=t)

    @property
    def late(self) -> int:
        """How many of the first feature maps that are kept for the way up are taken up behind the last temporal attention."""
        return len(self.down) + 1 - sum(isinstance(m, _Level) for m in self.up[: self.last_attention + 1])

    def observe(self, frame: Float[Tensor, "1 c h w"], c_noise: Float[Tensor, "1 1"]) -> list[Tensor]:
        """What a call needs of an observed frame: its feature maps at the first temporal attention, and those the way up takes.

        One frame at a time, because kernels differ by batch size in the last bits: so these are the same whichever frames
        have been computed before.

        Args:
            frame: clean.
            c_noise: noise condition of level 0.
        """
        x = torch.cat([frame, torch.ones_like(frame[:, :1])], dim=1)  # 1 c+1 h w
        kept, h = self._enter(x, self.noise(c_noise).flatten(0, 1))
        return [*kept[self.late :], h]

    def _enter(
        self, x: Float[Tensor, "n c1 h w"], emb: Float[Tensor, "n e"]
    ) -> tuple[list[Tensor], Float[Tensor, "n d h2 w2"]]:
        """Everything before the first temporal attention: the maps that are kept for the way up, and the last one."""
        pad_h, pad_w = -x.shape[2] % self.stride, -x.shape[3] % self.stride
        if pad_h or pad_w:
            # zeros with known = 0 would look like a hole; repeating the border keeps the picture's statistics
            x = F.pad(x, (0, pad_w, 0, pad_h), mode="replicate")
        h = self.conv_in(F.pixel_unshuffle(x, self.patch))  # n width h/p w/p
        kept = [h]
        for block in self.down[: self.first_attention]:
            h = block.res(h, emb) if isinstance(block, _Level) else block(h)
            kept.append(h)
        first = next(m for m in (*self.down[self.first_attention :], *self.middle) if isinstance(m, _Level))
        return kept, first.res(h, emb)


def _joined(
    own: Float[Tensor, "m c h w"], observed: Sequence[Float[Tensor, "1 c h w"]], wanted: Bool[Tensor, " n"]
) -> Float[Tensor, "n c h w"]:
    """Maps of all frames of a window from those of frames with unknown pixels and those of observed ones."""
    out = own.new_empty(len(wanted), *own.shape[1:])
    out[wanted] = own
    if observed:
        out[~wanted] = torch.cat(list(observed))
    return out


# Multipliers by picture size as FDM has them; attention at feature sizes 16 and 8.
PRESETS: dict[str, dict[str, object]] = {
    "tiny": {"width": 16, "multipliers": (1, 2), "blocks": 1, "attention_levels": (1,), "heads": 2, "patch": 2},
    "small-64": {"width": 32, "multipliers": (1, 2, 4), "blocks": 1, "attention_levels": (2,), "heads": 4, "patch": 2},
    "small-128": {
        "width": 32,
        "multipliers": (1, 2, 4, 4),
        "blocks": 1,
        "attention_levels": (2, 3),
        "heads": 4,
        "patch": 2,
    },
    "fdm-32": {"width": 128, "multipliers": (1, 2, 2, 2), "attention_levels": (1, 2)},
    "fdm-64": {"width": 128, "multipliers": (1, 2, 3, 4), "attention_levels": (2, 3)},
    "fdm-128": {"width": 128, "multipliers": (1, 1, 2, 3, 4), "attention_levels": (3, 4)},
    "fdm-256": {"width": 128, "multipliers": (1, 1, 2, 2, 4, 4), "attention_levels": (4, 5)},
}
