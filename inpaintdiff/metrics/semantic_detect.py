"""Vehicles in a video from above, as what differs from the known place in the shape of a vehicle: a matched filter, no learning.

Every pixel's evidence (0 the place or a shadow on it, 1 something else) is compared with rectangles of a vehicle's size in many
directions: high within and low around. A smear, a flat patch or noise has as much evidence around a rectangle as within it, and is
no vehicle.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from inpaintdiff.metrics.semantic_world import World

Array = np.ndarray

_DIRECTIONS = 16  # of half a turn
# on a scale of 0 to 1: h264 at usual quality moves a pixel by less than the first, and any vehicle stands out by more than the second
_FAINT, _PLAIN = 10 / 255, 28 / 255
_NEAR, _EDGE = 2, 0.4  # pixels round about, and the share of the plainest of them that is plain enough
# A shadow multiplies all channels by nearly the same factor. The darkest vehicles go below the first on asphalt.
_DARKEST_SHADOW, _TINT, _BLACK = 0.60, 0.10, 8 / 255
# evidence within minus evidence around: light grey vehicles with windows as grey as asphalt have 0.3, others 0.6 and more
_THRESHOLD = 0.3
_FAVOUR = 1.1  # of a long rectangle: a short one fits into every long vehicle, at more than one place
_OWN = 0.35  # of a rectangle has to be evidence that no stronger one explains
_COVERED = 0.3  # a rectangle whose area is covered by stronger ones to a greater share is one of them seen again
# pixels between a rectangle and what counts as around it, and how wide that is
_GAP, _RING = 0.25, 1.5


@dataclass(frozen=True, eq=False)
class Sightings:
    """The n vehicles seen in one frame.

    Attributes:
        place: x and y of the middle, pixels from the upper left corner of the picture.
        colour: mean of its pixels, in [0, 1].
        area: pixels that stand out from the place.
        on_road: share of its rectangle that lies on the road, one pixel beside it included.
        strength: evidence within its rectangle minus evidence around it; 1 for a plain and sharp vehicle.
    """

    place: Float[Array, "n 2"]
    colour: Float[Array, "n c"]
    area: Float[Array, " n"]
    on_road: Float[Array, " n"]
    strength: Float[Array, " n"]

    def __len__(self) -> int:
        return len(self.place)


def evidence(video: Float[Tensor, "t c h w"], background: Float[Tensor, "c h w"]) -> Float[Tensor, "t h w"]:
    """How far each pixel is neither the place nor a shadow on it, from 0 to 1.

    Args:
        video, background: in [-1, 1].
    """
    shown, place = (video.float() + 1) / 2, (background.float() + 1) / 2
    difference = (shown - place).abs().amax(dim=1)
    ratio = (shown + _BLACK) / (place + _BLACK)
    low, high = ratio.amin(dim=1), ratio.amax(dim=1)
    shadow = (high - low < _TINT) & (high < 1) & (low > _DARKEST_SHADOW)
    difference = difference.masked_fill(shadow, 0.0)
    # the edge of a vehicle is where it stands out nearly half as much as in its middle: compressed colours run over it
    brightest = F.max_pool2d(difference[:, None], 2 * _NEAR + 1, stride=1, padding=_NEAR)[:, 0]
    return ((difference - _FAINT) / ((_EDGE * brightest).clamp(min=_PLAIN) - _FAINT)).clamp(0, 1)


def detect_vehicles(video: Float[Tensor, "t c h w"], world: World) -> tuple[Sightings, ...]:
    """Find the vehicles of every frame, each by itself.

    Args:
        video: in [-1, 1], of the size of the world's background.
        world: the place, and the size of its vehicles.

    Raises:
        ValueError: video and world differ in size or channels.
    """
    if video.shape[1:] != world.background.shape:
        raise ValueError(
            f"a video of shape {tuple(video.shape)} does not show a place of {tuple(world.background.shape)}"
        )
    world_on_cpu = world.background.cpu()
    video = video.detach().cpu()
    marked = evidence(video, world_on_cpu)
    bank = _templates(world.length, world.width)
    strength, which = F.conv2d(marked[:, None], bank.filters[:, None], padding=bank.reach).max(dim=1)
    peak = (strength == F.max_pool2d(strength, 3, stride=1, padding=1)) & (strength > _THRESHOLD)
    near_road = F.max_pool2d(world.road.cpu()[None].float(), 3, stride=1, padding=1)[0].numpy() > 0
    frames = zip(((video + 1) / 2).numpy(), marked.numpy(), strength.numpy(), which.numpy(), peak.numpy(), strict=True)
    return tuple(_of_frame(*frame, near_road, bank) for frame in frames)


@dataclass(frozen=True, eq=False)
class _Templates:
    """Rectangles of a vehicle's size in all directions, on squares of 2 `reach` + 1 pixels."""

    filters: Float[Tensor, "k n n"]  # mean within minus mean around
    inside: Float[Array, "k n n"]  # share of each pixel that the rectangle covers
    nearby: Float[Array, "k n n"]  # of a rectangle one pixel larger on all sides
    reach: int


@lru_cache(maxsize=8)
def _templates(length: tuple[float, float], width: tuple[float, float]) -> _Templates:
    # a short and a long one, a quarter of the range from its ends
    sizes = [
        (a + share * (b - a), c + share * (d - c)) for share in (0.25, 0.8) for (a, b), (c, d) in ((length, width),)
    ]
    reach = int(np.ceil(np.hypot(*sizes[-1]) / 2 + _GAP + _RING))
    filters, inside, nearby = [], [], []
    for long, wide in sizes:
        for angle in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
            distance = _distance(reach, angle, long, wide)
            within, around = _cover(distance), _cover(distance - _GAP - _RING) - _cover(distance - _GAP)
            favour = _FAVOUR if long == sizes[-1][0] else 1.0
            filters.append(favour * (within / within.sum() - around / around.sum()))
            inside.append(within)
            nearby.append(_cover(distance - 1))
    kernels = torch.from_numpy(np.stack(filters).astype(np.float32))
    return _Templates(kernels, np.stack(inside), np.stack(nearby), reach)


def _distance(reach: int, angle: float, length: float, width: float) -> Float[Array, "n n"]:
    """Signed distance of every pixel's middle from a rectangle in the middle of the square."""
    at = np.arange(-reach, reach + 1)
    x, y = at[None], at[:, None]
    u = np.abs(x * np.cos(angle) + y * np.sin(angle)) - length / 2
    v = np.abs(y * np.cos(angle) - x * np.sin(angle)) - width / 2
    return np.hypot(np.maximum(u, 0), np.maximum(v, 0)) + np.minimum(np.maximum(u, v), 0)


def _cover(distance: Float[Array, "n n"]) -> Float[Array, "n n"]:
    return np.clip(0.5 - distance, 0, 1)


def _of_frame(
    picture: Float[Array, "c h w"],
    marked: Float[Array, "h w"],
    strength: Float[Array, "h w"],
    which: Array,
    peak: Bool[Array, "h w"],
    near_road: Bool[Array, "h w"],
    bank: _Templates,
) -> Sightings:
    ys, xs = np.nonzero(peak)
    r = bank.reach
    taken = np.zeros((marked.shape[0] + 2 * r, marked.shape[1] + 2 * r))
    explained = np.zeros_like(taken)
    rows = list[tuple[Any, ...]]()
    padded, road = np.pad(marked, r), np.pad(near_road, r, mode="edge")
    colours = np.pad(picture, ((0, 0), (r, r), (r, r)))
    at = np.arange(-r, r + 1)
    for i in np.argsort(-strength[ys, xs], kind="stable"):
        y, x = int(ys[i]), int(xs[i])
        k = int(which[y, x])
        window = np.s_[y : y + 2 * r + 1, x : x + 2 * r + 1]
        inside = bank.inside[k]
        if (taken[window] * inside).sum() > _COVERED * inside.sum():
            continue
        # pixels of a stronger neighbour are not its own, and what those beside it leave over has to make a vehicle
        if (padded[window] * inside * (1 - explained[window])).sum() < _OWN * inside.sum():
            continue
        weight = padded[window] * bank.nearby[k] * (1 - taken[window])
        area = weight.sum()
        taken[window] = np.maximum(taken[window], inside)
        explained[window] = np.maximum(explained[window], bank.nearby[k])
        middle = np.array([x + 0.5 + (weight * at).sum() / area, y + 0.5 + (weight * at[:, None]).sum() / area])
        body = padded[window] * inside
        colour = (colours[:, *window] * body).sum(axis=(1, 2)) / body.sum()
        on_road = (road[window] * inside).sum() / inside.sum()
        rows.append((middle, colour, area, on_road, strength[y, x]))
    n, shapes = len(rows), ((2,), (picture.shape[0],), (), (), ())
    return Sightings(*(np.array([row[j] for row in rows]).reshape(n, *shape) for j, shape in enumerate(shapes)))
