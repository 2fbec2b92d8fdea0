"""A simple tracker: boxes of neighbouring frames are paired so that they overlap most; a vehicle keeps its pace while it is not seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from inpaintdiff.data.prepare.boxes import Seen
from inpaintdiff.data.prepare.detector import Detection, overlap

# Least overlap of a box with where its vehicle was expected; a new vehicle must be this sure; frames that it may be unseen.
_OVERLAP, _SURE, _PATIENCE = 0.25, 0.45, 4
# How much of a newly measured pace is believed.
_TRUST = 0.5


@dataclass
class _Vehicle:
    number: int
    kind: str
    box: Float[np.ndarray, " 4"]
    pace: Float[np.ndarray, " 4"]
    unseen: int = 0

    @property
    def expected(self) -> Float[np.ndarray, " 4"]:
        return self.box + self.pace * (self.unseen + 1)


class Tracker:
    """Gives numbers to the vehicles of one frame after the other."""

    def __init__(self) -> None:
        self._vehicles: list[_Vehicle] = []
        self._next = 1

    def __call__(self, time: float, found: Sequence[Detection]) -> list[Seen]:
        """The vehicles that are seen in this frame.

        Args:
            time: of the frame, seconds; frames are evenly spaced.
            found: what a detector says of it.
        """
        boxes = [np.array([d.x1, d.y1, d.x2, d.y2]) for d in found]
        shape = len(self._vehicles), len(boxes)
        gain = np.array([[overlap(v.expected, b) for b in boxes] for v in self._vehicles]).reshape(shape)
        pairs = [(int(i), int(j)) for i, j in zip(*linear_sum_assignment(-gain), strict=True) if gain[i, j] > _OVERLAP]
        seen: list[Seen] = []
        for i, j in pairs:
            v = self._vehicles[i]
            v.pace = (1 - _TRUST) * v.pace + _TRUST * (boxes[j] - v.box) / (v.unseen + 1)
            v.box, v.unseen = boxes[j], 0
            seen.append(_seen(time, v))
        paired = {i for i, _ in pairs}
        for i, v in enumerate(self._vehicles):
            v.unseen += i not in paired
        self._vehicles = [v for v in self._vehicles if v.unseen <= _PATIENCE]
        for j in sorted(set(range(len(boxes))) - {j for _, j in pairs}):
            if found[j].score >= _SURE:
                v = _Vehicle(self._next, found[j].kind, boxes[j], np.zeros(4))
                self._next += 1
                self._vehicles.append(v)
                seen.append(_seen(time, v))
        return seen


def _seen(time: float, v: _Vehicle) -> Seen:
    x1, y1, x2, y2 = (float(x) for x in v.box)
    return Seen(time, v.number, x1, y1, x2, y2, v.kind)
