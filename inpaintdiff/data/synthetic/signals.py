"""Traffic lights: opposite arms of a junction have green together, in turns."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Signals:
    """A fixed cycle of two phases: arms of even number, then arms of odd number.

    Attributes:
        green: seconds that a phase lasts.
        clear: seconds of red for all after each phase, in which the junction empties.
        offset: seconds into the cycle at time 0.
    """

    green: float
    clear: float
    offset: float

    def is_green(self, arm: int, seconds: float) -> bool:
        """May traffic from an arm start at that time?"""
        phase, into = divmod((seconds + self.offset) % (2 * (self.green + self.clear)), self.green + self.clear)
        return arm % 2 == int(phase) and into < self.green


def draw_signals(rng: np.random.Generator) -> Signals:
    """A cycle of drawn length, somewhere in the middle of it."""
    green = float(rng.uniform(6.0, 10.0))
    return Signals(green, 2.0, float(rng.uniform(0.0, 2 * (green + 2.0))))
