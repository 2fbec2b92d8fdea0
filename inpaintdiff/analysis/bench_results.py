"""Numbers of the exact bench, apart from how they are computed and drawn."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

# nats; a share of less than this says nothing
WORTH_GAINING = 0.5


@dataclass(frozen=True)
class Score:
    """One scheme on one kind of hole.

    Attributes:
        pattern: kind of hole.
        scheme: its name.
        step: L.
        stages: number of stages; the network is called that many times the solver's steps.
        kl: nats lost against painting everything jointly, mean over the variants of the pattern. 0 is exact.
    """

    pattern: str
    scheme: str
    step: int
    stages: int
    kl: float


@dataclass(frozen=True, eq=False)
class GainMap:
    """Q1 at one correlation length: nats lost by Lookahead-AR++, the same frames in the same order, without and with Z.

    The most that any use of the incomplete frames can gain is the whole loss without them.

    Attributes:
        length: frames after which the fast part of the video has decayed to 1/e.
        sizes: hidden pixels of a frame; rows.
        stays: frames after which the hole moves on by one pixel, so that a place is hidden for size x stay frames; columns.
        without, with_z: nats.
    """

    length: float
    sizes: tuple[int, ...]
    stays: tuple[int, ...]
    without: Float[ndarray, "s e"]
    with_z: Float[ndarray, "s e"]

    @property
    def gain(self) -> Float[ndarray, "s e"]:
        """Nats that Z saves; negative where its slots would have been better used for the past."""
        return self.without - self.with_z

    @property
    def share(self) -> Float[ndarray, "s e"]:
        """Gain over the best possible gain; 1 is all of it. Not a number where there was next to nothing to gain."""
        return np.where(self.without < WORTH_GAINING, np.nan, self.gain / np.maximum(self.without, 1e-12))
