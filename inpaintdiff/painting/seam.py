"""Is the border of a painted hole visible? Steps across it, compared with steps between known pixels beside it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from inpaintdiff.data.holes import dilated

# Known pixels within this distance of the hole tell which steps are natural there.
_BESIDE = 8
# A border whose steps are this many times the natural ones is seen by everybody.
VISIBLE = 2.0


@dataclass
class Seam:
    """Mean steps between neighbouring pixels over the frames that were added, in grey levels (0 to 255).

    Attributes:
        across: sum and number of steps from a known pixel to one of the hole.
        beside: sum and number of steps between known pixels near the hole.
    """

    across: tuple[float, int] = (0.0, 0)
    beside: tuple[float, int] = (0.0, 0)

    def add(self, frame: UInt8[np.ndarray, "h w 3"], hole: Bool[np.ndarray, "h w"]) -> None:
        """Measure one frame; its hole is painted."""
        near = dilated(hole[None], _BESIDE)[0] & ~hole
        for axis in (0, 1):
            steps = np.abs(np.diff(frame.astype(np.int16), axis=axis)).mean(axis=-1)
            first, second = (np.delete(hole, at, axis=axis) for at in (-1, 0))
            self.across = _plus(self.across, steps[first != second])
            first, second = (np.delete(near, at, axis=axis) for at in (-1, 0))
            self.beside = _plus(self.beside, steps[first & second])

    def ratio(self) -> float | None:
        """Steps across the border over natural ones; about 1 where nothing is seen. None where either cannot be measured."""
        if self.across[1] == 0 or self.beside[0] == 0:
            return None
        return (self.across[0] / self.across[1]) / (self.beside[0] / self.beside[1])


def _plus(total: tuple[float, int], steps: np.ndarray) -> tuple[float, int]:
    return total[0] + float(steps.sum()), total[1] + steps.size
