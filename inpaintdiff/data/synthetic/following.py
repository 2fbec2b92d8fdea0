"""How drivers keep their distance: the intelligent-driver model (Treiber, Hennecke and Helbing 2000, arXiv cond-mat/0002177)."""

import numpy as np

STEP = 0.125  # seconds: simulated time, and time between frames
BRAKING, HARDEST = 2.2, 7.0  # m/s^2: comfortable, and the most that tyres give


def pull_towards(
    v: float, pace: float, pull: float, headway: float, gap: float, speed: float, standing: float = 1.5
) -> float:
    """Acceleration of a driver behind something, m/s^2; not limited to what tyres give.

    Args:
        v: own speed, m/s.
        pace: speed on a free road, m/s.
        pull: acceleration from rest on a free road, m/s^2.
        headway: seconds kept to the one in front.
        gap: metres to it.
        speed: of it, m/s.
        standing: metres kept at rest.
    """
    wanted = standing + max(0.0, v * headway + v * (v - speed) / (2 * np.sqrt(pull * BRAKING)))
    return float(pull * (1 - (v / pace) ** 4 - (wanted / max(gap, 0.05)) ** 2))
