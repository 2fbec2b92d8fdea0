"""Holes drawn by chance: pure functions of a random generator and a size, for training and for masks that can be made again."""

import numpy as np
from jaxtyping import Bool

# Sixteen directions of 64 steps: whole numbers, so that strokes are the same on every machine.
_COMPASS = (
    (64, 0), (59, 24), (45, 45), (24, 59), (0, 64), (-24, 59), (-45, 45), (-59, 24),
    (-64, 0), (-59, -24), (-45, -45), (-24, -59), (0, -64), (24, -59), (45, -45), (59, -24),
)  # fmt: skip

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
    return _travelling_box(ends, frames, height, width, h, w, moving)


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
    return _drifting(shape, frames, path)


def random_grid_hole(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    *,
    area: tuple[float, float] = (0.05, 0.35),
    moving: bool = False,
) -> Hole:
    """Equal boxes in even rows and columns, 2 to 6 of them along the shorter side; still or drifting by a few boxes.

    Their share of the picture comes as near to one drawn from `area` as whole pixels allow.
    """
    share = rng.uniform(*area)
    pitch = max(2, min(height, width) // int(rng.integers(2, 7)))
    start_y, start_x = (int(v) for v in rng.integers(0, pitch, size=2))
    rows, columns = ((np.arange(n) + start) % pitch for n, start in ((height, start_y), (width, start_x)))
    # Boxes a pixel wider than they are high give twice as many shares to choose from.
    sizes = [(s, s + extra) for s in range(1, pitch) for extra in (0, 1) if s + extra < pitch]
    shares = [np.count_nonzero(rows < h) * np.count_nonzero(columns < w) / (height * width) for h, w in sizes]
    h, w = min(zip(sizes, shares, strict=True), key=lambda found: abs(found[1] - share))[0] if sizes else (1, 1)
    shape = (rows < h)[:, None] & (columns < w)
    return _drifting(shape, frames, rng.uniform(-3, 3, size=2) * pitch if moving else np.zeros(2))


def random_brush_hole(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    *,
    area: tuple[float, float] = (0.05, 0.35),
    moving: bool = False,
) -> Hole:
    """Strokes of a round brush that wander about, until a share of the picture drawn from `area` is covered; still or drifting.

    Only whole numbers decide where the brush goes.
    """
    count = max(1, round(rng.uniform(*area) * height * width))
    shape = np.zeros((height, width), dtype=bool)
    while True:
        radius = int(rng.integers(max(1, min(height, width) // 40), max(2, min(height, width) // 12) + 1))
        y, x = int(rng.integers(height)) * 64, int(rng.integers(width)) * 64
        heading = int(rng.integers(16))
        for _ in range(int(rng.integers(8, 33))):
            _dab(shape, y // 64, x // 64, radius, count)
            if np.count_nonzero(shape) >= count:
                return _drifting(shape, frames, rng.uniform(-1, 1, size=2) * (height, width) if moving else np.zeros(2))
            heading = (heading + int(rng.integers(-1, 2))) % 16
            dy, dx = _COMPASS[heading]
            stride = max(1, radius // 2)
            y, x = (y + stride * dy) % (height * 64), (x + stride * dx) % (width * 64)


def random_border_hole(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    *,
    area: tuple[float, float] = (0.05, 0.35),
    moving: bool = False,
) -> Hole:
    """All but a rectangle of the picture's shape, for painting beyond the borders of what was seen; the rectangle is still or pans.

    What is missing is a share of the picture drawn from `area`, as near as whole pixels allow.
    """
    known = (1 - rng.uniform(*area)) * height * width
    h = int(np.clip(round(np.sqrt(known * height / width)), 1, height))
    w = int(np.clip(round(known / h), 1, width))
    ends = rng.uniform(size=(2, 2)) * (height - h, width - w)
    return ~_travelling_box(ends, frames, height, width, h, w, moving)


def _dab(shape: Bool[np.ndarray, "h w"], y: int, x: int, radius: int, count: int) -> None:
    """Add a disc, over the borders as on a ring, but no more pixels than make up `count`; those of its upper rows come first."""
    height, width = shape.shape
    away = np.arange(-radius, radius + 1)
    dy, dx = np.nonzero(away[:, None] ** 2 + away**2 <= radius**2)
    places = np.unique((y + away[dy]) % height * width + (x + away[dx]) % width)
    flat = shape.reshape(-1)
    fresh = places[~flat[places]]
    flat[fresh[: count - np.count_nonzero(flat)]] = True


def _drifting(shape: Bool[np.ndarray, "h w"], frames: int, path: np.ndarray) -> Hole:
    """A picture that goes along a path, evenly; what leaves on one side comes in on the other."""
    along = np.linspace(0, 1, frames) if frames > 1 else np.zeros(1)
    return np.stack([np.roll(shape, tuple(np.rint(path * a).astype(int)), axis=(0, 1)) for a in along])


def _travelling_box(ends: np.ndarray, frames: int, height: int, width: int, h: int, w: int, moving: bool) -> Hole:
    """A box whose corner goes from one place (y, x) to another, or stays at the first."""
    along = np.linspace(0, 1, frames)[:, None] if moving and frames > 1 else np.zeros((frames, 1))
    corners = np.rint(ends[0] + along * (ends[1] - ends[0])).astype(int)
    hole = np.zeros((frames, height, width), dtype=bool)
    for picture, (y, x) in zip(hole, corners, strict=True):
        picture[y : y + h, x : x + w] = True
    return hole
