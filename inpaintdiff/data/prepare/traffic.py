"""Traffic seen by a camera that stands still: whether it does, and which region traffic crosses."""

from collections.abc import Sequence
from itertools import combinations

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

# The camera is judged on grey pictures of this side, in blocks, by so many moments of the clip.
VIEW_SIDE = 128
_BLOCKS, _MOMENTS, _APART = 8, 10, 2
# Mean squared gradient of a block that has something to hold on to.
_TEXTURE = 30.0
# Correlation of a block's gradients at two moments that says that it shows the same; at which of the pairs of moments: traffic may
# stand between at most of them, but not at all.
_SAME, _FREE = 0.6, 0.8
# Share of the blocks that must stay the same, in the whole picture and in each of its halves that has some, and the median of what
# they reach. Measured on clips of 48 frames: fixed cameras over dense traffic from 0.67, 0.55 and 0.81 on; moving ones up to 0.66,
# 0.27 and 0.86 (a bonnet fills a third of that picture), or 0.64, 0.48 and 0.77.
_STAYS, _STAYS_IN_HALVES, _MEDIAN = 0.65, 0.5, 0.75
_FEW_BLOCKS = 4

# Grey levels from the median of a clip that say that something is there.
_DIFFERENT = 18
# Side of the hole, and of the rim round it that stays known, as shares of the picture's; and how busy the hole must be.
_SIDES, _RIM = (0.3, 0.36, 0.42), 0.08
_CROSSED = 0.01

Grey = UInt8[np.ndarray, "h w"]


def view(frame: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "side side"]:
    """The picture by which the camera is judged."""
    return cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (VIEW_SIDE, VIEW_SIDE), interpolation=cv2.INTER_AREA)


def stands_still(views: Sequence[Grey]) -> bool:
    """Whether the camera did not move: most blocks with texture look the same, at the same place, at different moments.

    Args:
        views: grey pictures of a clip, all of one size.
    """
    at = np.unique(np.rint(np.linspace(0, len(views) - 1, _MOMENTS)).astype(int))
    gradients = np.stack([_block_gradients(views[i]) for i in at])
    energy = (gradients**2).sum(axis=-1)
    textured = (energy > _TEXTURE * gradients.shape[-1] / 2).mean(axis=0) > 0.5
    if not textured.any():
        return False
    pairs = [(i, j) for i, j in combinations(range(len(at)), 2) if j - i >= min(_APART, len(at) - 1)]
    likeness = np.stack(
        [(gradients[i] * gradients[j]).sum(axis=-1) / np.maximum(np.maximum(energy[i], energy[j]), 1) for i, j in pairs]
    )
    best = np.quantile(likeness, _FREE, axis=0)
    stays = best > _SAME
    rows, columns = np.divmod(np.arange(_BLOCKS**2), _BLOCKS)
    sides = (rows < _BLOCKS // 2, rows >= _BLOCKS // 2, columns < _BLOCKS // 2, columns >= _BLOCKS // 2)
    halves = [stays[side & textured].mean() for side in sides if (side & textured).sum() >= _FEW_BLOCKS]
    return bool(
        stays[textured].mean() >= _STAYS
        and min(halves, default=1.0) >= _STAYS_IN_HALVES
        and np.median(best[textured]) >= _MEDIAN
    )


def crossed_region(frames: UInt8[np.ndarray, "t h w 3"]) -> Bool[np.ndarray, "h w"] | None:
    """A rectangle that traffic crosses, hidden for the whole clip; None where nothing moves.

    Args:
        frames: a clip of a camera that stands still.

    Returns:
        The hole, True is hidden.
    """
    busy = _busy(frames)
    height, width = busy.shape
    y, x = (max(1, round(_RIM * side)) for side in (height, width))
    sums = cv2.integral(busy)
    best: tuple[float, int, int, int, int] | None = None
    for share in _SIDES:
        h, w = round(share * height), round(share * width)
        inside = (sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]) / (h * w)
        # a hole at the border is entered unseen: what comes in could not be told
        inside = inside[y:-y, x:-x]
        top, left = divmod(int(inside.argmax()), inside.shape[1])
        # the larger hole hides more of a path, if it is as busy
        score = float(inside[top, left]) * share
        if best is None or score > best[0]:
            best = (score, top + y, left + x, h, w)
    assert best is not None
    score, top, left, h, w = best
    hole = np.zeros((height, width), dtype=bool)
    hole[top : top + h, left : left + w] = True
    return hole if float(busy[hole].mean()) >= _CROSSED else None


def _busy(frames: UInt8[np.ndarray, "t h w 3"]) -> Float[np.ndarray, "h w"]:
    """Share of the frames in which something other than the place itself is at a pixel; what always moves (leaves) counts little."""
    place = np.median(frames[:: max(1, len(frames) // 64)], axis=0).astype(np.int16)
    share = np.zeros(frames.shape[1:3])
    for frame in frames:
        there = np.abs(frame.astype(np.int16) - place).max(axis=-1) > _DIFFERENT
        # single pixels are noise
        share += cv2.morphologyEx(there.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), dtype=np.uint8))
    share /= len(frames)
    return share * (1 - share)


def _block_gradients(grey: Grey) -> Float[np.ndarray, "blocks n"]:
    picture = grey.astype(np.float32)
    k = min(picture.shape) // _BLOCKS
    both = np.stack([np.gradient(picture, axis=0), np.gradient(picture, axis=1)], axis=-1)
    both = both[: k * _BLOCKS, : k * _BLOCKS].reshape(_BLOCKS, k, _BLOCKS, k, 2)
    return both.transpose(0, 2, 1, 3, 4).reshape(_BLOCKS**2, -1)
