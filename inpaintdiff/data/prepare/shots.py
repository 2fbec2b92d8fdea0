"""Where a source can be cut into clips: never over a cut, and without frozen and blank stretches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np

from inpaintdiff.data.prepare.signals import STILL, Signal

# A cut changes the picture by so many grey levels, so many times more than its neighbours do, and leaves no gradient where it was.
_CUT_CHANGE, _CUT_RATIO, _CUT_LIKENESS = 10.0, 2.0, 0.2
# Frames before and after that say how much change is usual.
_NEIGHBOURS = 4
# Below: a picture of one colour, and a dark one.
_BLANK_CONTRAST, _BLACK_LEVEL = 3.0, 40.0


class Verdict(Enum):
    """What is to be done with a frame; the values are the reasons that a report gives."""

    KEEP = "kept"
    CUT = "first frame after a cut"
    BLACK = "black"
    BLANK = "one colour"
    FROZEN = "frozen"


@dataclass(frozen=True)
class Stretch:
    """Frames `first` to `end` - 1 of the resampled source, all with one verdict (a kept stretch may begin with CUT)."""

    first: int
    end: int
    verdict: Verdict

    def __len__(self) -> int:
        return self.end - self.first


def verdicts(signals: Iterable[Signal], frozen: int) -> list[Verdict]:
    """A verdict for every frame.

    Args:
        frozen: a picture that stands still for so many frames or more is frozen; shorter pauses are kept.
    """
    all_ = list(signals)
    change = np.array([s.change for s in all_])
    found = [_alone(s) for s in all_]
    for i in range(1, len(all_)):
        around = np.concatenate([change[max(1, i - _NEIGHBOURS) : i], change[i + 1 : i + 1 + _NEIGHBOURS]])
        usual = float(np.median(around)) if len(around) else 0.0
        cut = all_[i].change > max(_CUT_CHANGE, _CUT_RATIO * usual) and all_[i].likeness < _CUT_LIKENESS
        if cut and found[i] is Verdict.KEEP:
            found[i] = Verdict.CUT
    for first, end in _runs([i > 0 and s.most < STILL for i, s in enumerate(all_)]):
        # the frame before is the one that stands still
        if end - first + 1 >= frozen:
            found[first:end] = [v if v in {Verdict.BLACK, Verdict.BLANK} else Verdict.FROZEN for v in found[first:end]]
    return found


def stretches(found: Iterable[Verdict]) -> Iterator[Stretch]:
    """Neighbouring frames of one verdict; a cut begins a new one."""
    begun, last = 0, Verdict.KEEP
    i = -1
    for i, verdict in enumerate(found):
        kind = Verdict.KEEP if verdict is Verdict.CUT else verdict
        if kind is not last or verdict is Verdict.CUT:
            if i > begun:
                yield Stretch(begun, i, last)
            begun, last = i, kind
    if i >= begun:
        yield Stretch(begun, i + 1, last)


def _alone(signal: Signal) -> Verdict:
    if signal.contrast >= _BLANK_CONTRAST:
        return Verdict.KEEP
    return Verdict.BLACK if signal.level < _BLACK_LEVEL else Verdict.BLANK


def _runs(marked: list[bool]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.array([False, *marked, False]).astype(np.int8)))
    for k in range(0, len(edges), 2):
        yield int(edges[k]), int(edges[k + 1])
