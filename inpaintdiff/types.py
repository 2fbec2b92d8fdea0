"""Nouns that travel between rooms: `VideoClip` (what a user has) and `Conditioning` (what a network is told)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# not typing.Self, which beartype knows only in classes that it decorates itself
_T = TypeVar("_T", bound="_TensorFields")


class _TensorFields:
    """Moves every tensor field of a frozen dataclass at once."""

    def to(self: _T, *args: torch.device | torch.dtype | str, non_blocking: bool = False) -> _T:
        """Move to a device, or cast the floating-point fields, as `torch.Tensor.to`. Index and masks keep their type."""

        def move(x: Tensor) -> Tensor:
            keep = tuple(a for a in args if not (isinstance(a, torch.dtype) and not x.is_floating_point()))
            return x.to(*keep, non_blocking=non_blocking) if keep else x  # type: ignore[call-overload]

        return type(self)(**{f.name: move(getattr(self, f.name)) for f in fields(self)})  # type: ignore[arg-type]

    def pin_memory(self: _T) -> _T:
        """Page-locked copies, for asynchronous transfer to a GPU."""
        return type(self)(**{f.name: getattr(self, f.name).pin_memory() for f in fields(self)})  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class VideoClip(_TensorFields):
    """Frames of a video with the hole to fill.

    Attributes:
        frames: float32 in [-1, 1], RGB. Values under the hole mean nothing and never reach a network.
        hole: True where a pixel is to be painted.
        index: true frame numbers in the source video, strictly increasing.
    """

    frames: Float[Tensor, "*b t c h w"]
    hole: Bool[Tensor, "*b t 1 h w"]
    index: Int[Tensor, "*b t"]

    def __post_init__(self) -> None:
        f, h = self.frames.shape, self.hole.shape
        if f[:-3] != h[:-3] or f[-2:] != h[-2:] or h[-3] != 1:
            raise ValueError(
                f"hole of shape {tuple(h)} does not fit frames of shape {tuple(f)}; expected {(*f[:-3], 1, *f[-2:])}"
            )
        if self.index.shape != f[:-3]:
            raise ValueError(f"index of shape {tuple(self.index.shape)} does not fit frames of shape {tuple(f)}")

    @property
    def length(self) -> int:
        """Number of frames t."""
        return int(self.frames.shape[-4])

    def select(self, ixs: Sequence[int]) -> "VideoClip":
        """The frames at positions `ixs` (positions within this clip, not true frame numbers)."""
        at = torch.as_tensor(list(ixs), dtype=torch.long, device=self.frames.device)
        return VideoClip(
            self.frames.index_select(-4, at), self.hole.index_select(-4, at), self.index.index_select(-1, at)
        )

    def incomplete(self) -> list[bool]:
        """For every frame of an unbatched clip: does any pixel have to be painted?"""
        if self.hole.ndim != 4:
            raise ValueError(f"incomplete() wants one clip [t 1 h w], got {tuple(self.hole.shape)}")
        return [bool(x) for x in self.hole.flatten(1).any(dim=1).tolist()]

    @staticmethod
    def collate(clips: Sequence["VideoClip"]) -> "VideoClip":
        """Stack clips of equal shape along a new first dimension."""
        return VideoClip(
            torch.stack([c.frames for c in clips]),
            torch.stack([c.hole for c in clips]),
            torch.stack([c.index for c in clips]),
        )


@dataclass(frozen=True, eq=False)
class Conditioning(_TensorFields):
    """What the network is told about a window. A pixel is known or being denoised: there is no third kind.

    Attributes:
        known: clean pixel values, exactly 0 where unknown.
        known_mask: True where the pixel is known. Frames that are all True are *observed*: they are clean and carry noise level 0.
        index: true frame numbers; networks see differences of these only.
    """

    known: Float[Tensor, "b t c h w"]
    known_mask: Bool[Tensor, "b t 1 h w"]
    index: Int[Tensor, "b t"]

    def observed_frames(self) -> Bool[Tensor, "b t"]:
        """True for frames without any unknown pixel."""
        return self.known_mask.flatten(2).all(dim=2)

    @staticmethod
    def cat(parts: Sequence["Conditioning"]) -> "Conditioning":
        """Concatenate along the batch."""
        return Conditioning(
            torch.cat([p.known for p in parts]),
            torch.cat([p.known_mask for p in parts]),
            torch.cat([p.index for p in parts]),
        )
