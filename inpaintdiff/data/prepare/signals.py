"""What one frame tells beside the one before it, as a few numbers: enough to find cuts, frozen and blank stretches."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from inpaintdiff.data.prepare.frames import Frame

# Side of the grey picture that frames are judged by, and of its blocks.
_SIDE, _BLOCK = 48, 6
# A `most` below this is coding noise: the picture stands still.
STILL = 0.5

Grey = Float[np.ndarray, "48 48"]


@dataclass(frozen=True)
class Signal:
    """A frame, judged by a small grey picture of it. Levels go from 0 to 255.

    Attributes:
        level: mean.
        contrast: standard deviation over the picture; near 0 for black, white or any other single colour.
        change: mean difference from the frame before; 0 for the first.
        most: the same in the block where it is largest: a far car moves little of the picture.
        likeness: correlation of the gradients with those of the frame before. It is near 0 over a cut, however alike two roads are,
            and stays above it when the light changes or the camera moves.
    """

    level: float
    contrast: float
    change: float
    most: float
    likeness: float


class Signals:
    """Gives a `Signal` for every frame of a source in turn."""

    def __init__(self) -> None:
        self._before: Grey | None = None

    def __call__(self, frame: Frame) -> Signal:
        grey = small_grey(frame)
        before, self._before = (grey if self._before is None else self._before), grey
        difference = np.abs(grey - before)
        blocks = difference.reshape(_SIDE // _BLOCK, _BLOCK, _SIDE // _BLOCK, _BLOCK).mean(axis=(1, 3))
        likeness = _correlation(_gradients(grey), _gradients(before))
        return Signal(
            float(grey.mean()), float(grey.std()), float(difference.mean()), float(blocks.max()), float(likeness)
        )


def small_grey(frame: UInt8[np.ndarray, "h w 3"], side: int = _SIDE) -> Float[np.ndarray, "s s"]:
    """A square grey picture, every pixel the mean of its area."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    larger = min(grey.shape) >= side
    return cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA if larger else cv2.INTER_LINEAR).astype(
        np.float32
    )


def _gradients(grey: Grey) -> Float[np.ndarray, " n"]:
    down, right = np.diff(grey, axis=0)[:, :-1], np.diff(grey, axis=1)[:-1]
    return np.concatenate([down.ravel(), right.ravel()])


def _correlation(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """1 where both are flat, as two black frames are alike."""
    norm = float(np.sqrt(np.dot(a, a) * np.dot(b, b)))
    # half a grey level at every pixel is noise
    floor = 0.25 * len(a)
    return (float(np.dot(a, b)) + floor) / (norm + floor)
