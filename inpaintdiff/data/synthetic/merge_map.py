"""A road map for generalisation tests: a slip road that joins a one-way road."""

import numpy as np

from inpaintdiff.data.synthetic.paths import Point, curve, driving_line, line
from inpaintdiff.data.synthetic.road_map import FAR, RoadMap

_RUN = 13.0  # metres before and behind the place of meeting within which the slip road bends


def draw_merge_map(rng: np.random.Generator, limit: float = 9.0) -> RoadMap:
    """A merge with drawn position, directions and sizes.

    The arms are the road's beginning, the slip road's, and the way out, which nobody comes from.

    Args:
        rng: source of chance.
        limit: speed limit, m/s.
    """
    centre = rng.uniform(-2.0, 2.0, size=2)
    way = rng.uniform(0, 2 * np.pi)
    slant = rng.choice([-1.0, 1.0]) * rng.uniform(0.45, 0.7)
    lane = rng.uniform(4.0, 4.6)
    out, ramp = _unit(way), _unit(way + slant)
    begin, nose, end = centre - out * FAR, centre - ramp * _RUN, centre + out * FAR
    main = [line(begin, end)]
    slip = [
        line(centre - ramp * FAR, nose),
        curve(nose, ramp, centre + out * _RUN, out),
        line(centre + out * _RUN, end),
    ]
    arms = (way + np.pi, way + slant + np.pi, way)
    lines = (
        driving_line(main, FAR - _RUN - 1.0, (0, 2), limit),
        driving_line(slip, FAR - _RUN - 1.0, (1, 2), limit),
    )
    return RoadMap("merge", centre, arms, (True, False, False), lane, lane, 0.0, lines)


def _unit(angle: float) -> Point:
    return np.array([np.cos(angle), np.sin(angle)])
