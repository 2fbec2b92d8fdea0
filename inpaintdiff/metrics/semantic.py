"""Does what was painted make sense? Scores of a video from above of a place that is known (`World`), by what its vehicles do.

Vehicles are detected as differences from the known place, tracked, and held to the laws of the world: none comes from nothing or
vanishes in the hole, and in the hole each keeps to the road, to possible speeds and accelerations, to its own colour and size, and
off the others. The truth is not asked: any lawful video scores about 1, and one that only resembles the truth does not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import distance_transform_edt
from scipy.signal import savgol_filter
from torch import Tensor

from inpaintdiff.metrics.semantic_detect import Array, detect_vehicles
from inpaintdiff.metrics.semantic_track import MISSED, Track, track_vehicles
from inpaintdiff.metrics.semantic_world import World

# Tolerances of the instrument: what lawful vehicles are measured to do, at 64 pixels for 48 m and more.
_STANDING = 2.5  # pixels that the place of a standing vehicle is seen to move by
_SMOOTHED = 9  # frames over which speed and acceleration are fitted by a parabola
_SPEED_SLACK, _ACCELERATION_SLACK = 0.25, 0.12  # pixels a frame (and frame)
_JOLT = 1.0  # pixels off that parabola; no acceleration explains more
_MELTED = 0.4  # mean strength in the hole below which a vehicle is none any more
_ON_ROAD = 0.8  # share of a vehicle that has to be
_COLOUR, _SIZE = 0.20, 0.40  # greatest departure from its own median: of a channel (0 to 1), and of its area as a share
_BINS = 200

LAWS = ("on_road", "speed", "acceleration", "colour", "size", "apart")


@dataclass(frozen=True, eq=False)
class SemanticCounts:
    """What was counted in the hole of one video; the sum of two is that of both videos.

    Attributes:
        conserved: vehicles that were hidden by their full length, and neither came from nothing nor vanished.
        born, died: vehicles that came from nothing and that vanished (or melted away), in the hole or at its border.
        good: sum over the conserved ones of the share of their frames in the hole in which they were seen and kept every law.
        expected, seen: frames of all vehicles in the hole, from each one's first to its last; those in which it was seen.
        kept: frames, of those seen, in which each of `LAWS` was kept.
        strays, sightings: sightings in the hole that belong to no vehicle; all of them.
        speeds, accelerations: histograms over the frames in the hole; see `motion_distance`.
    """

    conserved: int
    born: int
    died: int
    good: float
    expected: int
    seen: int
    kept: Float[Array, "6"]
    strays: int
    sightings: int
    speeds: Float[Array, " k"]
    accelerations: Float[Array, " k"]

    def __add__(self, other: "SemanticCounts") -> "SemanticCounts":
        return SemanticCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def scores(self) -> dict[str, float]:
        """All scores, from 0 to 1, more is better; NaN where there was nothing to score.

        `semantic` is the summary: of all vehicles that have to do with the hole, the share that are conserved, each counted by the
        share of its frames in the hole in which it was seen and kept every law. NaN if there was none: such a clip says nothing.
        `conservation` is the share of conserved ones alone. `continuity`: the share of their frames in which vehicles were seen;
        `tracked`: the share of sightings that belong to a vehicle. The rest are shares of frames, by the names of `LAWS`.
        """
        ends = self.conserved + self.born + self.died
        return {
            "semantic": _share(self.good, ends),
            "conservation": _share(self.conserved, ends),
            "continuity": _share(self.seen, self.expected),
            "tracked": _share(self.sightings - self.strays, self.sightings),
            **{name: _share(float(n), self.seen) for name, n in zip(LAWS, self.kept, strict=True)},
        }


NOTHING = SemanticCounts(0, 0, 0, 0.0, 0, 0, np.zeros(len(LAWS)), 0, 0, np.zeros(_BINS), np.zeros(_BINS))


def semantic_counts(
    video: Float[Tensor, "t c h w"], hole: Bool[Tensor, "frames 1 height width"], world: World
) -> SemanticCounts:
    """Count what the vehicles of a painted video do in its hole.

    What never moves during the whole clip may be part of the place and is left out.

    Args:
        video: in [-1, 1], known pixels included: vehicles are followed into the hole and out of it.
        hole: True where pixels were painted.
        world: the place that the video shows.

    Raises:
        ValueError: video, hole and world differ in size.
    """
    if hole.shape != (video.shape[0], 1, *video.shape[2:]):
        raise ValueError(f"a hole of shape {tuple(hole.shape)} does not fit a video of shape {tuple(video.shape)}")
    sightings = detect_vehicles(video, world)
    where = _Where(hole[:, 0].cpu().numpy(), world)
    tracks = track_vehicles(sightings, world)
    rooms = [distance_to_others(k, [x for x in tracks if x is not k], len(video)) for k in tracks]
    moving = [(k, room) for k, room in zip(tracks, rooms, strict=True) if k.span > _STANDING]
    counts = sum((_of_track(k, room, where, world) for k, room in moving), NOTHING)
    inside = sum(int(where.hidden(np.full(len(s), t), s.place).sum()) for t, s in enumerate(sightings))
    joined = sum(int(where.hidden(k.frame, k.place).sum()) for k in tracks)
    return replace(counts, sightings=inside, strays=inside - joined)


def semantic_scores(video: Float[Tensor, "t c h w"], hole: Bool[Tensor, "t 1 h w"], world: World) -> dict[str, float]:
    """`SemanticCounts.scores` of one video."""
    return semantic_counts(video, hole, world).scores()


def motion_distance(counts: SemanticCounts, truth: SemanticCounts) -> dict[str, float]:
    """How unlike the truth's are the speeds and the accelerations in the hole? The largest gap between their distributions.

    A distance of Kolmogorov and Smirnov: 0 for equal distributions, 1 for ones that do not meet, NaN without vehicles. Of sums over
    many clips: those of one clip are too few for a distribution.
    """
    pairs = {"speed_ks": (counts.speeds, truth.speeds), "acceleration_ks": (counts.accelerations, truth.accelerations)}
    return {
        name: float(np.abs(np.cumsum(a) / a.sum() - np.cumsum(b) / b.sum()).max()) if a.sum() and b.sum() else math.nan
        for name, (a, b) in pairs.items()
    }


class _Where:
    """Is a place in the hole, near it, or at the edge of the picture?"""

    def __init__(self, hole: Bool[Array, "t h w"], world: World) -> None:
        self.last = len(hole) - 1
        # seen from outside a vehicle ends when half of it is hidden; out of sight it is when half of it is beyond the edge
        self.reach = world.length[1] / 2 + 1.5
        self.edge = world.length[1] / 2 + world.speed * MISSED
        # one picture is enough for a hole that stands still
        pictures = hole if (hole != hole[:1]).any() else hole[:1]
        self._depth: Float[Array, "t h w"] = np.stack([_depth(x) for x in pictures])
        # deeper than this nothing of a short vehicle is known; in a narrow hole the deeper half has to do
        self._hidden = min(world.length[0] / 2, float(self._depth.max()) / 2)

    def depth(self, frame: Int[Array, " n"], place: Float[Array, "n 2"]) -> Float[Array, " n"]:
        """Pixels from the hole's border: above 0 inside, below 0 outside."""
        t, h, w = self._depth.shape
        x, y = np.clip(place[:, 0].astype(int), 0, w - 1), np.clip(place[:, 1].astype(int), 0, h - 1)
        return self._depth[np.minimum(frame, t - 1), y, x]

    def hidden(self, frame: Int[Array, " n"], place: Float[Array, "n 2"]) -> Bool[Array, " n"]:
        """Is a vehicle there hidden by its full length?"""
        depth = self.depth(frame, place)
        return (depth > 0) & (depth >= self._hidden)

    def in_question(self, frame: int, place: Float[Array, "2"]) -> bool:
        """Is this in the hole or at its border, and not at the edge of the picture, where vehicles come and go?"""
        h, w = self._depth.shape[1:]
        inside = min(place[0], place[1], w - place[0], h - place[1]) >= self.edge
        return bool(inside and self.depth(np.array([frame]), place[None])[0] >= -self.reach)


def _depth(hole: Bool[Array, "h w"]) -> Float[Array, "h w"]:
    if hole.all() or not hole.any():
        return np.full(hole.shape, np.inf if hole.all() else -np.inf)
    return distance_transform_edt(hole) - distance_transform_edt(~hole)


def distance_to_others(track: Track, others: Sequence[Track], frames: int) -> Float[Array, " m"]:
    """Distance to the nearest other vehicle in all frames of a track: bodies overlap where it is less than the width of one."""
    paths = np.full((1 + len(others), frames, 2), np.nan)
    for path, other in zip(paths, [track, *others], strict=True):
        frame, place = other.along()
        path[frame] = place
    apart = np.linalg.norm(paths[1:] - paths[0], axis=2)[:, track.frame[0] : track.frame[-1] + 1]
    return np.where(np.isnan(apart), np.inf, apart).min(axis=0, initial=np.inf)


def _of_track(track: Track, room: Float[Array, " m"], where: _Where, world: World) -> SemanticCounts:
    """What one vehicle adds."""
    frame, place = track.along()
    seen = np.isin(frame, track.frame)
    hidden = where.hidden(frame, place)
    speed, acceleration, jolt = _motion(place)
    kept = np.stack(
        [
            track.on_road >= _ON_ROAD,
            speed[seen] <= world.speed + _SPEED_SLACK,
            (acceleration[seen] <= world.acceleration + _ACCELERATION_SLACK) & (jolt[seen] <= _JOLT),
            np.abs(track.colour - np.median(track.colour, axis=0)).max(axis=1) <= _COLOUR,
            np.abs(track.area / np.median(track.area) - 1) <= _SIZE,
            room[seen] >= world.width[0],
        ]
    )[:, hidden[seen]]
    born = int(frame[0] > MISSED and where.in_question(int(frame[0]), place[0]))
    died = int(frame[-1] < where.last - MISSED and where.in_question(int(frame[-1]), place[-1]))
    # what comes in as a vehicle and goes on as a smear has vanished
    melted = int(not born and not died and hidden[seen].any() and track.strength[hidden[seen]].mean() < _MELTED)
    died += melted
    conserved = int(hidden.any() and not born and not died)
    return SemanticCounts(
        conserved=conserved,
        born=born,
        died=died,
        good=conserved * float(kept.all(axis=0).sum()) / max(1, int(hidden.sum())),
        expected=int(hidden.sum()),
        seen=int(hidden[seen].sum()),
        kept=kept.sum(axis=1).astype(float),
        strays=0,
        sightings=0,
        speeds=_histogram(speed[hidden], world.speed),
        accelerations=_histogram(acceleration[hidden], world.acceleration),
    )


def _motion(place: Float[Array, "n 2"]) -> tuple[Float[Array, " n"], Float[Array, " n"], Float[Array, " n"]]:
    """Pixels a frame, and a frame and frame, of a parabola through the places around each frame; and pixels away from it."""
    window = min(_SMOOTHED, len(place) - (len(place) + 1) % 2)
    if window < 5:  # too short to tell an acceleration from an error of place
        return np.linalg.norm(np.gradient(place, axis=0), axis=1), np.zeros(len(place)), np.zeros(len(place))
    smooth, velocity, acceleration = (savgol_filter(place, window, 2, deriv=k, axis=0) for k in range(3))
    return tuple(np.linalg.norm(x, axis=1) for x in (velocity, acceleration, place - smooth))


def _histogram(values: Float[Array, " n"], limit: float) -> Float[Array, " k"]:
    """Up to three times the lawful limit; what is beyond is in the last bin."""
    return np.histogram(np.minimum(values, 3 * limit), bins=_BINS, range=(0, 3 * limit))[0].astype(float)


def _share(part: float | int, whole: float | int) -> float:
    return part / whole if whole else math.nan
