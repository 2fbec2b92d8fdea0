"""`Progress`: which frames are complete while a plan is being made, with neighbour searches at C speed."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from inpaintdiff.schemes.stage import Stage


def one_window(incomplete: Sequence[bool], window: int) -> Stage | None:
    """The one stage of a video that a window holds as a whole, which is exact under every scheme; None for longer ones."""
    if len(incomplete) > window or not any(incomplete):
        return None
    roles: tuple[list[int], list[int]] = ([], [])
    for i, hole in enumerate(incomplete):
        roles[0 if hole else 1].append(i)
    return Stage(tuple(roles[0]), (), tuple(roles[1]))


class Progress:
    """A growing set of complete frames.

    One byte a frame: `bytearray.find` walks 100,000 frames in microseconds, so that a plan costs O(frames), not O(frames^2).

    Args:
        incomplete: `incomplete[i]` is true where frame i has a hole.

    Attributes:
        undone: frames that have a hole at the start, in time order.
        given: frames without a hole at the start, in time order.
        any_done: is any frame complete by now?
    """

    def __init__(self, incomplete: Sequence[bool]) -> None:
        self._done = bytearray(0 if hole else 1 for hole in incomplete)
        self.undone = [i for i, d in enumerate(self._done) if not d]
        self.given = [i for i, d in enumerate(self._done) if d]
        self.any_done = len(self.undone) < len(self._done)

    def __len__(self) -> int:
        return len(self._done)

    def __contains__(self, frame: int) -> bool:
        return bool(self._done[frame])

    def paint(self, frames: Sequence[int]) -> None:
        """Frames of X become complete."""
        for i in frames:
            self._done[i] = 1
        self.any_done = True

    def after(self, frame: int, count: int) -> list[int]:
        """The first `count` complete frames after `frame`, in time order."""
        return self.between(frame, len(self._done), count)

    def between(self, low: int, high: int, count: int) -> list[int]:
        """The first `count` complete frames i with low < i < high, in time order."""
        found: list[int] = []
        while len(found) < count and (low := self._done.find(1, low + 1, high)) >= 0:
            found.append(low)
        return found

    def before(self, frame: int, count: int, low: int = -1) -> list[int]:
        """The last `count` complete frames i with low < i < frame, nearest first."""
        found: list[int] = []
        while len(found) < count and (frame := self._done.rfind(1, low + 1, frame)) >= 0:
            found.append(frame)
        return found

    def past(self, latent: Sequence[int], count: int) -> list[int]:
        """The `count` nearest complete frames before X, nearest first.

        Where complete frames lie between frames of X, those count as before the latent frame that follows them; a
        frame's distance is that to the next latent frame. For X without gaps this is simply "before its first frame".
        """
        found: list[tuple[int, int]] = []
        low = -1
        for x in latent:
            if x > low + 1:
                found += [(x - i, -i) for i in self.before(x, count, low)]
            low = x
        return [-i for _, i in sorted(found)[:count]]

    def nearest_given(self, latent: Sequence[int], count: int, but: Sequence[int] = ()) -> list[int]:
        """The `count` frames nearest to X, on either side, that had no hole at the start and are not in `but`."""
        want = count + len(but)
        distance: dict[int, int] = {}
        for low, high in pairwise([-1, *latent, len(self)]):
            first, last = bisect_left(self.given, low + 1), bisect_left(self.given, high)
            ends = {*self.given[first : min(last, first + want)], *self.given[max(first, last - want) : last]}
            for i in ends.difference(but):
                left = i - low if low >= 0 else len(self)
                right = high - i if high < len(self) else len(self)
                distance[i] = min(left, right)
        return sorted(distance, key=lambda i: (distance[i], i))[:count]
