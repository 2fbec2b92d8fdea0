"""Small videos with a known truth: what moves where, and where a cut, a frozen or a black stretch is."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from inpaintdiff.data.video import write_video

Frames = UInt8[np.ndarray, "t h w 3"]


def texture(seed: int, height: int = 96, width: int = 128) -> UInt8[np.ndarray, "h w 3"]:
    """A picture with something to hold on to everywhere: blocks of 8 pixels in random colours."""
    rng = np.random.default_rng(seed)
    small = rng.integers(30, 225, size=(height // 8, width // 8, 3), dtype=np.uint8)
    return small.repeat(8, axis=0).repeat(8, axis=1)


def drive(frames: int, seed: int = 0, height: int = 96, width: int = 128, step: int = 2) -> Frames:
    """A camera that passes a wall at `step` pixels a frame."""
    wall = texture(seed, height, width + step * frames + 8)
    return np.stack([wall[:, i * step : i * step + width] for i in range(frames)])


def crossing(frames: int, seed: int = 0, height: int = 96, width: int = 128, row: int = 40) -> Frames:
    """A camera that stands still; bright cars of 12 x 20 pixels cross it from left to right at `row`, one in sight at a time."""
    film = np.repeat(texture(seed, height, width)[None] // 2, frames, axis=0)
    for t in range(frames):
        x = (t * 4) % (width + 40) - 20
        film[t, row : row + 12, max(0, x) : max(0, x + 20)] = (250, 240, 60)
    return film


def save(path: Path, film: Frames, fps: int = 10) -> Path:
    """Write it as people's cameras do: h264 with far key frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, film, fps, gop=50)
