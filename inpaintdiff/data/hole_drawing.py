"""Holes drawn by chance: pure functions of a random generator and a size, for training and for masks that can be made again."""

import numpy as np
from jaxtyping import Bool

Hole = Bool[np.ndarray, "t h w"]


def random_box_hole(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    *,
    area: tuple[float, float] = (0.05, 0.35),
    moving: bool = False,
) -> Hole:
    """One box that covers a share of the picture drawn from `area`, still or on a straight line between two places."""
    share = rng.uniform(*area) * height * width
    aspect = np.exp(rng.uniform(-np.log(2), np.log(2)))
    h = int(np.clip(round(np.sqrt(share / aspect)), 1, height))
    w = int(np.clip(round(share / h), 1, width))
    h = int(np.clip(round(share / w), 1, height))
    ends = rng.uniform(size=(2, 2)) * (height - h, width - w)
    along = np.linspace(0, 1, frames)[:, None] if moving and frames > 1 else np.zeros((frames, 1))
    corners = np.rint(ends[0] + along * (ends[1] - ends[0])).astype(int)
    hole = np.zeros((frames, height, width), dtype=bool)
    for picture, (y, x) in zip(hole, corners, strict=True):
        picture[y : y + h, x : x + w] = True
    return hole


def random_blob_hole(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    *,
    area: tuple[float, float] = (0.05, 0.35),
    moving: bool = False,
) -> Hole:
    """Smooth blobs: where low-pass noise exceeds the quantile that a share drawn from `area` needs; still or drifting.

    The noise is periodic, so that what drifts out on one side comes in on the other and the share stays the same.
    """
    share = rng.uniform(*area)
    scale = rng.uniform(0.08, 0.2) * min(height, width)
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    low_pass = np.exp(-2 * (np.pi * scale) ** 2 * (fy**2 + fx**2))
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((height, width))) * low_pass, s=(height, width))
    count = max(1, round(share * height * width))
    blob = np.zeros(height * width, dtype=bool)
    blob[np.argsort(field.reshape(-1), kind="stable")[-count:]] = True
    shape = blob.reshape(height, width)
    # Up to the picture's size over the whole clip, in any direction.
    path = rng.uniform(-1, 1, size=2) * (height, width) if moving else np.zeros(2)
    along = np.linspace(0, 1, frames) if frames > 1 else np.zeros(1)
    return np.stack([np.roll(shape, tuple(np.rint(path * a).astype(int)), axis=(0, 1)) for a in along])
