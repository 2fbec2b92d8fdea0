"""Cut-outs: a video of any size is painted through squares of a model's size round its holes; known pixels are never resampled back.

One pixel of the model is always a whole square of pixels of the video. So means are exact, a square that touches a hole is
unknown altogether, and nothing from under a hole can reach the network; where the factor is 1 nothing is resampled at all.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from torch import Tensor

from inpaintdiff.errors import SettingError

# More cut-outs than this are merged although it makes them coarser: each costs as many network calls as a video of its own.
MOST_REGIONS = 8
# Parts of a hole are looked for at this resolution of the model, and coarser where there are more of them than can be compared.
_BLOCKS = 4
_MOST_PARTS = 64


@dataclass(frozen=True)
class Region:
    """A rectangle of the picture, the same in all frames, that a model paints at its own size.

    Attributes:
        top, left: of its corner in the picture, pixels; negative where the picture is smaller than the region, whose border
            pixels are then repeated.
        height, width: of the model's frames, pixels.
        factor: pixels of the video along one pixel of the model.
        own: [picture height, picture width], the pixels of the union of all holes that this region answers for.
    """

    top: int
    left: int
    height: int
    width: int
    factor: int
    own: Bool[np.ndarray, "ph pw"] = field(compare=False, repr=False)

    def rows(self) -> Int[np.ndarray, " n"]:
        """Row of the picture for every row of the cut-out."""
        return np.arange(self.top, self.top + self.height * self.factor).clip(0, self.own.shape[0] - 1)

    def columns(self) -> Int[np.ndarray, " n"]:
        """Column of the picture for every column of the cut-out."""
        return np.arange(self.left, self.left + self.width * self.factor).clip(0, self.own.shape[1] - 1)

    def inside(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that the cut-out covers."""
        height, width = self.own.shape
        return (
            slice(max(0, self.top), min(height, self.top + self.height * self.factor)),
            slice(max(0, self.left), min(width, self.left + self.width * self.factor)),
        )

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """The cut-out of pictures [t h w ...], still with the video's pixels."""
        return picture[:, self.rows()[:, None], self.columns()]

    def shrink(self, frames: Float[Tensor, "t c H W"]) -> Float[Tensor, "t c h w"]:
        """A cut-out at the model's size: every pixel is the mean of its square."""
        return frames if self.factor == 1 else F.avg_pool2d(frames, self.factor)

    def shrink_hole(self, hole: Bool[Tensor, "t 1 H W"]) -> Bool[Tensor, "t 1 h w"]:
        """The hole at the model's size: every pixel that a pixel of the hole touches."""
        return hole if self.factor == 1 else F.max_pool2d(hole.float(), self.factor) > 0

    def enlarge(self, frames: Float[Tensor, "t c h w"]) -> Float[Tensor, "t c H W"]:
        """The inverse of `shrink` as far as there is one (bicubic), restricted to the picture: as large as `inside()`."""
        whole = frames
        if self.factor > 1:
            size = (self.height * self.factor, self.width * self.factor)
            # With antialias torch takes the kernel that keeps straight ramps straight (a = -0.5 instead of -0.75).
            whole = F.interpolate(frames, size, mode="bicubic", align_corners=False, antialias=True).clamp(-1, 1)
        rows, columns = self.inside()
        return whole[
            ..., rows.start - self.top : rows.stop - self.top, columns.start - self.left : columns.stop - self.left
        ]


def choose_regions(
    union: Bool[np.ndarray, "h w"], height: int, width: int, context: float = 0.5, most: int = MOST_REGIONS
) -> list[Region]:
    """The cut-outs through which a video is painted; together they cover every pixel of the hole, each pixel once.

    Parts of the hole that lie apart get cut-outs of their own where a common one would be coarser than each alone.

    Args:
        union: pixels that are hole in any frame, so that no cut-out has to move.
        height, width: of the model's frames.
        context: a cut-out is at least 1 + context times as high and as wide as its part of the hole, as far as the picture goes.
        most: so many cut-outs at most.

    Returns:
        In the order of their parts from top to bottom; none where there is no hole.

    Raises:
        SettingError: `context` is negative.
    """
    if not context >= 0:
        raise SettingError(f"context must be 0 or more (in sizes of the hole), got {context}")
    labels, count = _parts(union, max(1, min(height, width) // _BLOCKS))
    boxes = [_Part.of(found, [k + 1]) for k, found in enumerate(ndimage.find_objects(labels)[:count])]

    def factor(part: _Part) -> int:
        high = min(union.shape[0], (part.bottom - part.top) * (1 + context))
        wide = min(union.shape[1], (part.right - part.left) * (1 + context))
        return max(1, math.ceil(high / height), math.ceil(wide / width))

    parts = _merged(boxes, factor, most)
    return [
        _region(p, factor(p), height, width, np.isin(labels, p.labels))
        for p in sorted(parts, key=lambda p: min(p.labels))
    ]


@dataclass(frozen=True)
class _Part:
    """Some connected pieces of the hole, and the box round them."""

    top: int
    bottom: int
    left: int
    right: int
    labels: tuple[int, ...]

    @staticmethod
    def of(found: tuple[slice, slice], labels: Sequence[int]) -> "_Part":
        return _Part(found[0].start, found[0].stop, found[1].start, found[1].stop, tuple(labels))

    def __or__(self, other: "_Part") -> "_Part":
        return _Part(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
            (*self.labels, *other.labels),
        )


def _parts(union: Bool[np.ndarray, "h w"], block: int) -> tuple[Int[np.ndarray, "h w"], int]:
    """Number of the piece that each pixel of the hole belongs to, 0 elsewhere; what is closer than a block counts as connected."""
    h, w = union.shape
    while True:
        padded = np.pad(union, ((0, -h % block), (0, -w % block)))
        coarse = padded.reshape(padded.shape[0] // block, block, -1, block).any(axis=(1, 3))
        pieces, count = ndimage.label(coarse, structure=np.ones((3, 3)))
        if count <= _MOST_PARTS:
            return pieces.repeat(block, axis=0).repeat(block, axis=1)[:h, :w] * union, count
        block *= 2


def _merged(parts: list[_Part], factor: Callable[[_Part], int], most: int) -> list[_Part]:
    """Join pairs as long as the joint cut-out is no coarser than the coarser of the two, and as long as there are too many."""
    parts = list(parts)
    while len(parts) > 1:
        cost, a, b = min(
            (factor(p | q) / max(factor(p), factor(q)), i, j)
            for i, p in enumerate(parts)
            for j, q in enumerate(parts[i + 1 :], i + 1)
        )
        if cost > 1 and len(parts) <= most:
            break
        joint = parts[a] | parts[b]
        parts = [p for k, p in enumerate(parts) if k not in (a, b)] + [joint]
    return parts


def _region(part: _Part, factor: int, height: int, width: int, own: Bool[np.ndarray, "h w"]) -> Region:
    top = _corner(part.top, part.bottom, height * factor, own.shape[0])
    left = _corner(part.left, part.right, width * factor, own.shape[1])
    return Region(top, left, height, width, factor, own)


def _corner(first: int, last: int, length: int, available: int) -> int:
    """Where a cut-out begins: centred on its part, moved into the picture, centred on the picture if that is smaller."""
    if length >= available:
        return (available - length) // 2
    return min(max(0, (first + last - length) // 2), available - length)
