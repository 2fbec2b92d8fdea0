"""`Remembered`: what a network computed of observed frames, until no later stage observes them; in bounded memory."""

from array import array
from collections.abc import Callable, Sequence

from torch import Tensor

from inpaintdiff.schemes.stage import Stage

# Of a window of the largest preset this is a small part; what does not fit is computed again.
MOST_BYTES = 32 * 2**20


class Remembered:
    """Feature maps by sample and frame. A frame without a hole is the same in all samples.

    Args:
        stages: all of the plan.
        incomplete: for every frame, whether it has a hole.
        most_bytes: maps that were used longest ago give way to others.
    """

    def __init__(self, stages: Sequence[Stage], incomplete: Sequence[bool], most_bytes: int = MOST_BYTES) -> None:
        self._incomplete = incomplete
        self._most = most_bytes
        self._last = array("q", [-1]) * len(incomplete)  # the last stage that observes a frame
        for k, stage in enumerate(stages):
            for i in stage.observed:
                self._last[i] = k
        self._maps: dict[tuple[int, int], Sequence[Tensor]] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._maps)

    def recall(self, sample: int, frame: int, make: Callable[[], Sequence[Tensor]]) -> Sequence[Tensor]:
        """The maps of a frame, made if they are not there."""
        name = (sample if self._incomplete[frame] else -1, frame)
        maps = self._maps.pop(name, None)
        if maps is None:
            maps = make()
            self.bytes += _bytes(maps)
        self._maps[name] = maps  # the end of the queue
        while self.bytes > self._most:
            self._drop(next(iter(self._maps)))
        return maps

    def finish(self, stage: int) -> None:
        """This stage is painted: what no later one observes is dropped."""
        for name in [n for n in self._maps if self._last[n[1]] <= stage]:
            self._drop(name)

    def _drop(self, name: tuple[int, int]) -> None:
        self.bytes -= _bytes(self._maps.pop(name))


def _bytes(maps: Sequence[Tensor]) -> int:
    return sum(m.nelement() * m.element_size() for m in maps)
