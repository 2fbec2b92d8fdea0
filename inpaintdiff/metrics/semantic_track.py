"""Sightings of single frames joined to tracks: Hungarian assignment to where each vehicle is expected, within a gate."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from inpaintdiff.metrics.semantic_detect import Sightings
from inpaintdiff.metrics.semantic_world import World

Array = np.ndarray

# frames that a vehicle may be missed for, after which it is gone
MISSED = 3
# fewer sightings than this are no vehicle, and so many of them have to be as strong as those of light grey vehicles, compressed, are
_CONFIRMED, _STRONG = 3, 0.5
_NOISE = 2.0  # pixels that a place may be wrong by, for one pair of frames
_COLOUR = 0.25  # of a distance in colour (0 to 1) that weighs as much as a whole gate
_LEARN = 0.4  # share of a new step in the expected velocity


@dataclass(frozen=True, eq=False)
class Track:
    """One vehicle in the frames in which it was seen.

    Attributes:
        frame: numbers, increasing, no two more than `MISSED` + 1 apart.
        place, colour, area, on_road, strength: as in `Sightings`, a row a frame.
    """

    frame: Int[Array, " n"]
    place: Float[Array, "n 2"]
    colour: Float[Array, "n c"]
    area: Float[Array, " n"]
    on_road: Float[Array, " n"]
    strength: Float[Array, " n"]

    def __len__(self) -> int:
        return len(self.frame)

    def along(self) -> tuple[Int[Array, " m"], Float[Array, "m 2"]]:
        """All frames from first to last, and the place in each; between sightings it moves evenly."""
        frame = np.arange(self.frame[0], self.frame[-1] + 1)
        return frame, np.stack([np.interp(frame, self.frame, self.place[:, k]) for k in range(2)], axis=1)

    @property
    def span(self) -> float:
        """Pixels between the two places farthest apart along x or y: 0 for what never moves."""
        return float(np.ptp(self.place, axis=0).max())


@dataclass(eq=False)
class _Open:
    """A track that may go on."""

    frames: list[int]
    rows: list[int]
    place: Float[Array, "2"]
    colour: Float[Array, " c"]
    velocity: Float[Array, "2"] = field(default_factory=lambda: np.zeros(2))

    def expected(self, frame: int) -> Float[Array, "2"]:
        return self.place + self.velocity * (frame - self.frames[-1])


def track_vehicles(sightings: Sequence[Sightings], world: World) -> tuple[Track, ...]:
    """Join the sightings of consecutive frames.

    A vehicle is looked for where its velocity leads it, within a gate: nearer ones and ones of its colour are preferred. One that is
    not seen for more than `MISSED` frames is gone. Fewer than three sightings, or only faint
    ones, make no track.

    Args:
        sightings: of every frame, in order.
        world: bounds how far a vehicle may get.
    """
    running, ended = list[_Open](), list[_Open]()
    for frame, seen in enumerate(sightings):
        ended += [a for a in running if frame - a.frames[-1] > MISSED + 1]
        running = [a for a in running if frame - a.frames[-1] <= MISSED + 1]
        free = set(range(len(seen)))
        for a, row in _assign(running, seen, frame, world):
            _follow(a, seen, row, frame)
            free.discard(row)
        running += [_Open([frame], [row], seen.place[row], seen.colour[row]) for row in sorted(free)]
    tracks = [_close(a, sightings) for a in [*ended, *running] if len(a.frames) >= _CONFIRMED]
    return tuple(k for k in tracks if np.sort(k.strength)[-_CONFIRMED:].mean() >= _STRONG)


def _assign(running: list[_Open], seen: Sightings, frame: int, world: World) -> list[tuple[_Open, int]]:
    if not running or not len(seen):
        return []
    expected = np.stack([a.expected(frame) for a in running])
    away = np.linalg.norm(expected[:, None] - seen.place[None], axis=2)
    waited = np.array([frame - a.frames[-1] for a in running])
    # the first step of a vehicle can lead anywhere at any lawful speed; later ones only as far as velocity can change
    new = np.array([len(a.frames) == 1 for a in running])
    gate = (_NOISE + np.where(new, world.speed, 0.5 * world.speed) * waited)[:, None]
    tint = np.abs(np.stack([a.colour for a in running])[:, None] - seen.colour[None]).max(axis=2)
    allowed = away <= gate
    cost = np.where(allowed, away / gate + tint / _COLOUR, 1e3)
    return [(running[i], int(j)) for i, j in zip(*linear_sum_assignment(cost), strict=True) if allowed[i, j]]


def _follow(a: _Open, seen: Sightings, row: int, frame: int) -> None:
    step = (seen.place[row] - a.place) / (frame - a.frames[-1])
    a.velocity = step if len(a.frames) == 1 else (1 - _LEARN) * a.velocity + _LEARN * step
    a.place = seen.place[row]
    a.colour = 0.7 * a.colour + 0.3 * seen.colour[row]
    a.frames.append(frame)
    a.rows.append(row)


def _close(a: _Open, sightings: Sequence[Sightings]) -> Track:
    def column(name: str) -> Array:
        return np.stack([getattr(sightings[t], name)[row] for t, row in zip(a.frames, a.rows, strict=True)])

    return Track(np.array(a.frames), *(column(n) for n in ("place", "colour", "area", "on_road", "strength")))
