"""Road maps: a roundabout and a four-arm junction, with the driving lines through them and where those meet. Right-hand traffic."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.ndimage import find_objects, label

from inpaintdiff.data.synthetic.paths import SPACING, DrivingLine, Point, arc, curve, driving_line, line

Kind = Literal["roundabout", "junction", "merge"]
KINDS: tuple[Kind, ...] = ("roundabout", "junction")  # those that are drawn; a merge is asked for

VIEW = 48.0  # metres of the square that the camera sees, centred on (0, 0)
FAR = 44.0  # distance from the centre at which vehicles appear and disappear, out of sight
# Bodies are about 2 m wide and stick out in curves: driving lines nearer than this cannot be used side by side.
_CLEARANCE = 3.5
# Nearer than this and heading the same way, a vehicle is in front of another, whatever their lines are called.
_IN_LANE, _MERGED = 1.3, 0.7
_SAME_WAY = np.cos(np.deg2rad(50))
NOWHERE = np.inf


@dataclass(frozen=True, eq=False)
class RoadMap:
    """A place where roads meet.

    Attributes:
        kind: what it is.
        centre: of the junction, metres.
        arms: directions from the centre in which the roads lead, radians, decreasing, as vehicles circulate.
        major: for each arm, has its traffic priority?
        lane: width of a lane, metres; a road has one lane each way.
        radius: of the carriageway's outer edge for a roundabout; half the junction's width otherwise.
        island: radius of the central island; 0 for a junction.
        lines: every way through that is not a U-turn.
    """

    kind: Kind
    centre: Point
    arms: tuple[float, ...]
    major: tuple[bool, ...]
    lane: float
    radius: float
    island: float
    lines: tuple[DrivingLine, ...]


class Stretch(NamedTuple):
    """Where two driving lines are too near to each other to be used side by side, behind the stopping places of both.

    Attributes:
        begin, end: distances along one line, metres.
        other_begin, other_end: along the other.
        merges: the lines become one within the stretch; otherwise they cross.
    """

    begin: float
    end: float
    other_begin: float
    other_end: float
    merges: bool


@dataclass(frozen=True, eq=False)
class Meetings:
    """Where driving lines meet.

    Attributes:
        project: for lines r and q, distance along r of the point nearest to sample k of q; `NOWHERE` if q is not on r's way in the
            same direction there.
        stretches: for lines r and q, every stretch; those of (q, r) are the same ones in the same order.
    """

    project: Float[np.ndarray, "r q k"]
    stretches: list[list[list[Stretch]]]


def draw_road_map(rng: np.random.Generator, kind: Kind | None = None, limit: float = 9.0) -> RoadMap:
    """A map with drawn position, rotation and sizes.

    Args:
        rng: source of chance.
        kind: of `KINDS`; drawn if None.
        limit: speed limit, m/s.
    """
    kind = kind or KINDS[int(rng.integers(len(KINDS)))]
    assert kind in KINDS, "merge_map draws merges"
    centre = rng.uniform(-2.0, 2.0, size=2)
    turn = rng.uniform(-0.25, 0.25)
    arms = tuple(turn - k * np.pi / 2 + rng.uniform(-0.1, 0.1) for k in range(4))
    lane = rng.uniform(3.7, 4.1)
    if kind == "roundabout":
        island = rng.uniform(4.5, 6.0)
        radius = island + rng.uniform(5.0, 5.8)
        build = _around
        major = (False,) * 4
    else:
        island, radius = 0.0, lane + rng.uniform(2.0, 3.0)
        build = _across
        first = bool(rng.integers(2))
        major = (first, not first) * 2
    n = len(arms)
    lines = tuple(build(centre, arms, a, b, lane, radius, island, limit) for a in range(n) for b in range(n) if a != b)
    return RoadMap(kind, centre, arms, major, lane, radius, island, lines)


def _unit(angle: float) -> Point:
    return np.array([np.cos(angle), np.sin(angle)])


def _right(d: Point) -> Point:
    """To the right of a direction, with y pointing down."""
    return np.array([-d[1], d[0]])


def _lanes(centre: Point, arms: tuple[float, ...], a: int, b: int, lane: float) -> tuple[Point, Point, Point, Point]:
    """Middle of the lane into the junction from arm a and out of it by arm b, at the centre, and both directions of travel."""
    inward, outward = -_unit(arms[a]), _unit(arms[b])
    return centre + _right(inward) * lane / 2, inward, centre + _right(outward) * lane / 2, outward


def _across(
    centre: Point, arms: tuple[float, ...], a: int, b: int, lane: float, radius: float, island: float, limit: float
) -> DrivingLine:
    """Through a junction: straight up to the stopping line, a curve, straight on."""
    come, inward, leave, outward = _lanes(centre, arms, a, b, lane)
    near, off = come - inward * radius, leave + outward * radius
    far = come - inward * FAR
    middle = curve(near, inward, off, outward, 0.33 if np.dot(inward, outward) > 0.5 else 0.5)
    return driving_line([line(far, near), middle, line(off, leave + outward * FAR)], FAR - radius - 0.5, (a, b), limit)


def _around(
    centre: Point, arms: tuple[float, ...], a: int, b: int, lane: float, radius: float, island: float, limit: float
) -> DrivingLine:
    """Through a roundabout: a curve onto the ring, along it with falling angle, a curve off it."""
    come, inward, leave, outward = _lanes(centre, arms, a, b, lane)
    ring = (radius + island) / 2
    reach = radius + 1.5
    slant = 0.58  # radians between an arm and the places on the ring where its traffic joins and leaves
    first, last = arms[a] - slant, arms[b] + slant
    while last > first:
        last -= 2 * np.pi
    join, part = centre + ring * _unit(first), centre + ring * _unit(last)
    near, off = come - inward * reach, leave + outward * reach
    pieces = [
        line(come - inward * FAR, near),
        curve(near, inward, join, _ahead(first), 0.45),
        arc(centre, ring, first, last),
        curve(part, _ahead(last), off, outward, 0.45),
        line(off, leave + outward * FAR),
    ]
    return driving_line(pieces, FAR - reach, (a, b), limit)


def _ahead(angle: float) -> Point:
    """Direction of travel on the ring."""
    return np.array([np.sin(angle), -np.cos(angle)])


def find_meetings(lines: tuple[DrivingLine, ...]) -> Meetings:
    """Compare all pairs of driving lines."""
    n, longest = len(lines), max(len(x.xy) for x in lines)
    project = np.full((n, n, longest), NOWHERE)
    stretches: list[list[list[Stretch]]] = [[[] for _ in lines] for _ in lines]
    ways = [np.stack([np.cos(x.heading), np.sin(x.heading)], axis=1) for x in lines]
    squares = [(x.xy**2).sum(axis=1) for x in lines]
    beyond = [np.arange(len(x.xy)) * SPACING > x.stop for x in lines]
    for r, mine in enumerate(lines):
        for q, other in enumerate(lines[: r + 1]):
            apart = squares[r][:, None] + squares[q][None, :] - 2 * mine.xy @ other.xy.T  # squared; samples of r, of q
            same_way = ways[r] @ ways[q].T > _SAME_WAY
            _project(np.where(same_way, apart, np.inf), project[r, q])
            _project(np.where(same_way, apart, np.inf).T, project[q, r])
            if mine.arms[0] == other.arms[0]:
                continue
            near = (apart < _CLEARANCE**2) & beyond[r][:, None] & beyond[q][None, :]
            parts, count = label(near)
            for part, (rows, columns) in enumerate(find_objects(parts, count), start=1):
                merged = (same_way & (apart < _MERGED**2) & (parts == part))[rows, columns].any()
                a, b, c, d = (float(x) * SPACING for x in (rows.start, rows.stop - 1, columns.start, columns.stop - 1))
                stretches[r][q].append(Stretch(a, b, c, d, bool(merged)))
                stretches[q][r].append(Stretch(c, d, a, b, bool(merged)))
    return Meetings(project, stretches)


def _project(along: Float[np.ndarray, "n m"], into: Float[np.ndarray, " k"]) -> None:
    nearest = along.argmin(axis=0)
    on_way = along[nearest, np.arange(along.shape[1])] < _IN_LANE**2
    into[: along.shape[1]] = np.where(on_way, nearest * SPACING, NOWHERE)
