"""What sampling costs before it is paid for: network calls, floating-point operations, bytes and seconds. Standard library only.

What a call costs depends on the make-up of its window: before the first temporal attention frames that are only observed were computed
once for many calls, and behind the last one they are not computed.

`inpaintdiff.analysis.unet_cost` counts a network, `inpaintdiff.analysis.calibration` measures the speed of a machine.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from inpaintdiff.schemes.stage import Stage

# Blocks of memory from this size on are given back when they are freed (glibc's largest threshold); smaller ones come from a heap,
# in which tensors that come and go leave gaps. The rest was fitted to the memory of 22 networks, windows, sizes and precisions: it
# grows by twice the most that is in the heap, by a share of the most that is in big blocks (which is seldom there at the same time), by
# a share of the weights, which kernels pack in an order of their own, and by what kernels take in any case.
_BIG_BLOCK = 32 * 2**20
_HEAP, _BIG, _PACKED, _KERNELS = 2.0, 0.7, 0.3, 30 * 2**20


class Makeup(NamedTuple):
    """What a stage's window is made of.

    Attributes:
        frames: in the window, all roles.
        unknown: of these with unknown pixels, latent or look-ahead.
    """

    frames: int
    unknown: int


@dataclass(frozen=True)
class NetworkCost:
    """Of one network call for one sample.

    Attributes:
        flops: floating-point operations of matrix products and convolutions; a multiplication and an addition are two.
        observe_flops: of what is computed once of an observed frame, and not by calls.
        bytes: the most that tensors take at a time, the parameters not among them.
        resident_bytes: what the memory of a process on a CPU grows by when it makes such calls.
        parameters: of the network.
    """

    flops: int
    observe_flops: int
    bytes: int
    resident_bytes: int
    parameters: int


@dataclass(frozen=True)
class Speed:
    """How fast a machine runs a network.

    Attributes:
        overhead: seconds that any call takes.
        rate: floating-point operations a second.
        first: seconds more that the first call of a make-up takes, in which kernels are built.
    """

    overhead: float
    rate: float
    first: float = 0.0

    def seconds(self, flops: int) -> float:
        """Of one call."""
        return self.overhead + flops / self.rate


def makeups(stages: Iterable[Stage]) -> Counter[Makeup]:
    """How many stages there are of every make-up."""
    return Counter(
        Makeup(len(s.latent) + len(s.lookahead) + len(s.observed), len(s.latent) + len(s.lookahead)) for s in stages
    )


def observations(stages: Iterable[Stage], incomplete: Sequence[bool], samples: int = 1) -> int:
    """How often a frame is observed for the first time; one without a hole is the same for all samples."""
    seen = bytearray(len(incomplete))
    for stage in stages:
        for i in stage.observed:
            seen[i] = samples if incomplete[i] else 1
    return sum(seen)


def resident(moments: Sequence[Sequence[int]], weights: int = 0) -> int:
    """What the memory of a process grows by when it works with tensors.

    Args:
        moments: sizes of the tensors that are there at the same time, bytes.
        weights: of the network, bytes; they are there already.
    """
    heap = max(sum(b for b in sizes if b < _BIG_BLOCK) for sizes in moments)
    big = max(sum(b for b in sizes if b >= _BIG_BLOCK) for sizes in moments)
    least = max(sum(sizes) for sizes in moments)
    return int(_KERNELS + _PACKED * weights + max(least, _HEAP * heap + _BIG * big))
