"""Holes on a row of pixels over time, for the exact bench. All return a bool array [t p], True = unknown."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool
from numpy import ndarray


def static_hole(frames: int, pixels: int, size: int | None = None) -> Bool[ndarray, "t p"]:
    """The same `size` pixels in every frame (half of them by default): a region that is hidden for the whole clip."""
    return moving_hole(frames, pixels, size, every=frames)


def moving_hole(
    frames: int, pixels: int, size: int | None = None, every: int = 6, phase: int = 0
) -> Bool[ndarray, "t p"]:
    """`size` adjoining pixels (half by default), which move on by one pixel after `every` frames and come in again at the start.

    A place stays hidden for size x every frames; `phase` frames of the first stay are over at the start. With 48 frames, 6
    pixels and the defaults this is the moving hole of the reference numbers.
    """
    size = pixels // 2 if size is None else size
    hole = np.zeros((frames, pixels), dtype=bool)
    for t in range(frames):
        hole[t, ((t + phase) // every + np.arange(size)) % pixels] = True
    return hole


def grid_hole(frames: int, pixels: int, every: int = 6, phase: int = 0) -> Bool[ndarray, "t p"]:
    """Every second pixel; odd and even ones take turns after `every` frames."""
    t, p = np.indices((frames, pixels))
    return ((t + phase) // every + p) % 2 == 0


def blob_hole(frames: int, pixels: int, seed: int = 0) -> Bool[ndarray, "t p"]:
    """A blob of drifting place and size, between a single pixel and all but one, of which every frame has a part."""
    rng = np.random.default_rng(seed)
    at, radius = rng.uniform(0, pixels - 1), rng.uniform(0.5, pixels / 3)
    hole = np.zeros((frames, pixels), dtype=bool)
    for t in range(frames):
        at = float(np.clip(at + rng.normal(0, 0.35), 0, pixels - 1))
        radius = float(np.clip(radius + rng.normal(0, 0.25), 0.5, (pixels - 2) / 2))
        hole[t] = np.abs(np.arange(pixels) - at) <= radius
    return hole


def late_reveal(frames: int, pixels: int, size: int | None = None, share: float = 0.75) -> Bool[ndarray, "t p"]:
    """A static hole of `size` pixels (two thirds by default) over the first `share` of the frames; then all is seen.

    With 48 frames and 6 pixels this is the late reveal of the reference numbers.
    """
    size = round(pixels * 2 / 3) if size is None else size
    return static_hole(frames, pixels, size) & (np.arange(frames) < round(frames * share))[:, None]


def whole_frames(frames: int, pixels: int, every: int = 12, phase: int = 0) -> Bool[ndarray, "t p"]:
    """Nothing is known but one complete frame in `every`: interpolation between key frames."""
    return np.broadcast_to(((np.arange(frames) + phase) % every != 0)[:, None], (frames, pixels)).copy()


PATTERNS: dict[str, Callable[[int, int], tuple[ndarray, ...]]] = {
    # several phases or draws: how the moves of a hole fall on the borders of stages must not decide between schemes
    "static": lambda t, p: (static_hole(t, p),),
    "moving": lambda t, p: tuple(moving_hole(t, p, phase=k) for k in range(4)),
    "grid": lambda t, p: tuple(grid_hole(t, p, phase=k) for k in range(4)),
    "blob": lambda t, p: tuple(blob_hole(t, p, seed=k) for k in (0, 1, 2)),
    "late reveal": lambda t, p: (late_reveal(t, p),),
    "whole frames": lambda t, p: tuple(whole_frames(t, p, phase=k) for k in (0, 4, 8)),
}
