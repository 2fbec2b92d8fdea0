"""Holes drawn by chance: pure functions of a random generator and a size, for training and for masks that can be made again.

Whole numbers decide everything, and what floats there are only add, multiply, divide and take square roots, which every machine rounds
alike: the same seed gives the same hole everywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isqrt, sqrt

import numpy as np
from jaxtyping import Bool

from inpaintdiff.data.hole_chance import noise, whole
from inpaintdiff.data.hole_shapes import draw

# Sixteen directions of 64 steps.
_COMPASS = (
    (64, 0), (59, 24), (45, 45), (24, 59), (0, 64), (-24, 59), (-45, 45), (-59, 24),
    (-64, 0), (-59, -24), (-45, -45), (-24, -59), (0, -64), (24, -59), (45, -45), (59, -24),
)  # fmt: skip
# So often another path is drawn for what has not moved; what never moves then is the same everywhere, or fills the picture.
_TRIES = 32

Picture = Bool[np.ndarray, "h w"]
Area = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture that is moved about, over the borders as on a ring. One picture is in memory, however long it is.

    Attributes:
        shape: the ring as a picture, True is to be painted; of the video's size, or larger and cut to it after it was moved.
        shifts: by how many rows and columns it is moved in each frame.
        height, width: of the video.
    """

    shape: Picture
    shifts: tuple[tuple[int, int], ...]
    height: int
    width: int

    def __len__(self) -> int:
        return len(self.shifts)

    def __iter__(self) -> Iterator[Picture]:
        last: tuple[int, int] | None = None
        for shift in self.shifts:
            if shift != last:
                last = shift
                shown = np.roll(self.shape, shift, axis=(0, 1))[: self.height, : self.width]
            yield shown

    @property
    def moves(self) -> bool:
        """Whether any two of its pictures differ."""
        return any(a is not b and not np.array_equal(a, b) for a, b in pairwise(self))


def random_box_hole(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    *,
    area: Area = (0.05, 0.35),
    moving: bool = False,
) -> Drawn:
    """One box that covers a share of the picture drawn from `area`, still or on a straight line between two places."""
    count = _count(rng, area, height * width)
    # from twice as wide as high to twice as high as wide, where the picture allows it
    lowest, highest = -(-count // width), height
    low = min(max(isqrt(count // 2), lowest), highest)
    h = whole(rng, low, min(max(isqrt(2 * count), low), highest))
    w = min(max(_nearest(count, h), 1), width)
    return _placed(rng, np.ones((h, w), dtype=bool), frames, height, width, moving)


def random_blob_hole(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    *,
    area: Area = (0.05, 0.35),
    moving: bool = False,
) -> Drawn:
    """Smooth blobs: the highest pixels of low-pass noise, as many as a share drawn from `area` needs; still or drifting.

    The noise is periodic, so that what drifts out on one side comes in on the other and the share stays the same.
    """
    count = _count(rng, area, height * width)
    side = min(height, width)
    size = max(1, whole(rng, 16 * side, 40 * side) // 100)  # of the box below; three of them are nearly a Gaussian
    field = noise(rng, height, width) << 8
    for axis in (0, 1):
        for _ in range(3):
            field = _box_blurred(field, axis, min(size, field.shape[axis]))
    shape = np.zeros(height * width, dtype=bool)
    shape[np.argsort(field.reshape(-1), kind="stable")[-count:]] = True
    return _drifting(rng, shape.reshape(height, width), frames, height, width, (height, width), moving)


def random_grid_hole(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    *,
    area: Area = (0.05, 0.35),
    moving: bool = False,
) -> Drawn:
    """Equal boxes in even rows and columns, 2 to 6 of them along the shorter side; still or drifting by a few boxes.

    Their share of the picture comes as near to one drawn from `area` as whole pixels allow.
    """
    count = _count(rng, area, height * width)
    side = min(height, width)
    pitch = max(2, side // whole(rng, 2, 6))
    # Where a picture is lower than a row, the row begins at its top, so that there is always a box.
    starts = [whole(rng, 0, min(pitch, side) - 1) for _ in range(2)]
    size = height, width
    rows, columns = ((np.arange(n) + start) % pitch for n, start in zip(size, starts, strict=True))
    # Boxes a pixel wider than they are high give twice as many shares to choose from.
    sizes = [(s, s + extra) for s in range(1, pitch) for extra in (0, 1) if s + extra < pitch]
    counts = [int(np.count_nonzero(rows < h) * np.count_nonzero(columns < w)) for h, w in sizes]
    h, w = min(zip(sizes, counts, strict=True), key=lambda found: abs(found[1] - count))[0]
    # On a ring of whole rows and columns, or two boxes would meet where it closes.
    rows, columns = ((np.arange(-(-n // pitch) * pitch) + start) % pitch for n, start in zip(size, starts, strict=True))
    shape = (rows < h)[:, None] & (columns < w)
    return _drifting(rng, shape, frames, height, width, (3 * pitch, 3 * pitch), moving)


def random_brush_hole(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    *,
    area: Area = (0.05, 0.35),
    moving: bool = False,
) -> Drawn:
    """Strokes of a round brush that wander about, until a share of the picture drawn from `area` is covered; still or drifting."""
    count = _count(rng, area, height * width)
    side = min(height, width)
    shape = np.zeros((height, width), dtype=bool)
    covered = 0
    while covered < count:
        radius = whole(rng, max(1, side // 40), max(2, side // 12))
        stride = max(1, radius // 2)
        y, x, heading = whole(rng, 0, height - 1) * 64, whole(rng, 0, width - 1) * 64, whole(rng, 0, 15)
        for _ in range(whole(rng, 8, 32)):
            covered += _dab(shape, y // 64, x // 64, radius, count - covered)
            heading = (heading + whole(rng, -1, 1)) % 16
            dy, dx = _COMPASS[heading]
            y, x = (y + stride * dy) % (height * 64), (x + stride * dx) % (width * 64)
    return _drifting(rng, shape, frames, height, width, (height, width), moving)


def random_region_hole(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    *,
    area: Area = (0.05, 0.35),
    moving: bool = False,
) -> Drawn:
    """One uneven patch with corners, about a share of the picture drawn from `area`; still or on a straight line between two places.

    Such a region hides a junction or a crossing for a whole clip, so that what happens in it must be invented.
    """
    count = _count(rng, area, height * width)
    # The distance of 16 corners from the middle, each evened out by its neighbours.
    far = [whole(rng, 35, 100) for _ in _COMPASS]
    reach = [far[k - 1] + 2 * far[k] + far[(k + 1) % 16] for k in range(16)]
    ys, xs = (np.array([r * step[k] for r, step in zip(reach, _COMPASS, strict=True)]) for k in (0, 1))
    doubled = abs(int(np.sum(xs * np.roll(ys, -1) - ys * np.roll(xs, -1))))
    high, wide = int(np.ptp(ys)), int(np.ptp(xs))
    # As wide against its height as the picture is, unless it would not fit.
    times = sqrt(2 * count / doubled)
    down = min(times * sqrt(height / width), height / high)
    across = min(2 * count / doubled / down, width / wide)
    down = min(2 * count / doubled / across, height / high)
    corners = np.stack([(xs - xs.min()) * across, (ys - ys.min()) * down], axis=1)
    patch = draw([corners], min(height, int(high * down) + 1), min(width, int(wide * across) + 1))
    patch[len(patch) // 2, patch.shape[1] // 2] = True  # the smallest would else fall between the pixels' centres
    return _placed(rng, patch, frames, height, width, moving)


def random_border_hole(
    rng: np.random.Generator,
    frames: int,
    height: int,
    width: int,
    *,
    area: Area = (0.05, 0.35),
    moving: bool = False,
) -> Drawn:
    """All but a rectangle of the picture's shape, for painting beyond the borders of what was seen; the rectangle is still or pans.

    What is missing is a share of the picture drawn from `area`, as near as whole pixels allow.
    """
    known = height * width - _count(rng, area, height * width)
    h = min(max(isqrt(known * height // width), 1), height)
    w = min(max(_nearest(known, h), 1), width)
    if h * w == height * width:
        w, h = (w - 1, h) if w > 1 else (w, max(1, h - 1))
    known_part = _placed(rng, np.ones((h, w), dtype=bool), frames, height, width, moving)
    return replace(known_part, shape=~known_part.shape)


def random_shift(rng: np.random.Generator, union: Picture) -> tuple[int, int]:
    """Rows and columns by which what is marked can be moved without going over the border, drawn evenly; (0, 0) if nothing is."""
    ends = [np.flatnonzero(union.any(axis=axis)) for axis in (1, 0)]
    if not len(ends[0]):
        return 0, 0
    dy, dx = (whole(rng, -int(e[0]), n - 1 - int(e[-1])) for e, n in zip(ends, union.shape, strict=True))
    return dy, dx


def _count(rng: np.random.Generator, area: Area, pixels: int) -> int:
    """A number of pixels, evenly from the least to the largest share of them; at least 1."""
    low, high = (min(max(1, round(share * pixels)), pixels) for share in area)
    return whole(rng, low, high)


def _nearest(a: int, b: int) -> int:
    """a / b, rounded; halves go up."""
    return (2 * a + b) // (2 * b)


def _box_blurred(field: np.ndarray, axis: int, size: int) -> np.ndarray:
    """The mean of so many neighbours along an axis, on a ring, rounded down."""
    ring = np.concatenate([field, field.take(range(size), axis)], axis)
    sums = np.cumsum(ring, axis=axis)
    n = field.shape[axis]
    return (sums.take(range(size, size + n), axis) - sums.take(range(n), axis)) // size


def _dab(shape: Picture, y: int, x: int, radius: int, most: int) -> int:
    """Add a disc, over the borders as on a ring, but at most so many new pixels, those of its upper rows first; how many it were."""
    height, width = shape.shape
    away = np.arange(-radius, radius + 1)
    dy, dx = np.nonzero(away[:, None] ** 2 + away**2 <= radius**2)
    places = np.unique((y + away[dy]) % height * width + (x + away[dx]) % width)
    flat = shape.reshape(-1)
    fresh = places[~flat[places]][:most]
    flat[fresh] = True
    return len(fresh)


def _drifting(
    rng: np.random.Generator, shape: Picture, frames: int, height: int, width: int, reach: tuple[int, int], moving: bool
) -> Drawn:
    """Still, or on an even path of up to so many rows and columns; what leaves on one side comes in on the other."""
    drawn = Drawn(shape, ((0, 0),) * frames, height, width)
    for _ in range(_TRIES if moving and frames > 1 else 0):
        end = whole(rng, -reach[0], reach[0]), whole(rng, -reach[1], reach[1])
        drawn = replace(drawn, shifts=_path((0, 0), end, frames))
        if drawn.moves:
            break
    return drawn


def _placed(rng: np.random.Generator, small: Picture, frames: int, height: int, width: int, moving: bool) -> Drawn:
    """A small picture somewhere in a large one, still or on a straight line from one place to another."""
    h, w = small.shape
    shape = np.zeros((height, width), dtype=bool)
    shape[:h, :w] = small
    start, end = ((whole(rng, 0, height - h), whole(rng, 0, width - w)) for _ in range(2))
    for _ in range(_TRIES):
        if start != end:
            break
        end = whole(rng, 0, height - h), whole(rng, 0, width - w)
    return Drawn(shape, _path(start, end if moving else start, frames), height, width)


def _path(start: tuple[int, int], end: tuple[int, int], frames: int) -> tuple[tuple[int, int], ...]:
    """From one place to another in even steps, each rounded to whole pixels."""
    steps = max(1, frames - 1)
    return tuple(
        (start[0] + _nearest(i * (end[0] - start[0]), steps), start[1] + _nearest(i * (end[1] - start[1]), steps))
        for i in range(frames)
    )
