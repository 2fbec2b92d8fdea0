"""Did anything outside the hole change? What a lossy file costs, in numbers."""

import math
from dataclasses import dataclass

import numpy as np

from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.video import VideoReader
from inpaintdiff.errors import VideoReadError


@dataclass(frozen=True)
class Difference:
    """Two videos compared outside a hole; a value is one colour of one pixel.

    Attributes:
        values: how many were compared.
        changed: how many differ.
        largest: the largest difference, 0 to 255.
        psnr: in dB over all values that were compared; infinite where none changed.
    """

    values: int
    changed: int
    largest: int
    psnr: float


def difference(original: VideoReader, result: VideoReader, holes: HoleTrack | None = None) -> Difference:
    """Compare two videos frame by frame; two frames are in memory at a time.

    Args:
        original, result: of one size and length.
        holes: what is left out; None compares everything.

    Raises:
        VideoReadError: they differ in size or length, or cannot be read.
    """
    a, b = original.info, result.info
    if (a.frames, a.width, a.height) != (b.frames, b.width, b.height):
        raise VideoReadError(
            f"{b.path} has {b.frames} frames of {b.width} x {b.height}, {a.path} has {a.frames} of {a.width} x {a.height}; "
            "they cannot be compared."
        )
    values = changed = largest = squares = 0
    for i, (x, y) in enumerate(zip(original.iter(), result.iter(), strict=True)):
        apart = np.abs(x.astype(np.int16) - y)
        if holes is not None:
            apart = apart[~holes.read([i])[0]]
        values += apart.size
        changed += int(np.count_nonzero(apart))
        largest = max(largest, int(apart.max(initial=0)))
        squares += int(np.square(apart, dtype=np.int64).sum())
    psnr = 10 * math.log10(255**2 * values / squares) if squares else math.inf
    return Difference(values, changed, largest, psnr)
