"""Schemes that look at what comes after the frames being painted (arXiv 2405.00251, sections 4.3 and 5)."""

from bisect import bisect_right
from dataclasses import dataclass

from inpaintdiff.errors import PlanError
from inpaintdiff.schemes.autoregressive import ForwardScheme
from inpaintdiff.schemes.progress import Progress


def spread(count: int, among: int) -> list[int]:
    """`count` evenly spaced positions among 0 ... among-1, the last included (all of them if there are fewer)."""
    count = min(count, among)
    return [(j + 1) * among // count - 1 for j in range(count)]


@dataclass(frozen=True)
class LookaheadAR(ForwardScheme):
    """Lookahead-AR: Y = the nearest complete frames after X, and before X in the remaining slots.

    Attributes:
        near: most frames right after X; an eighth of the window by default (2 of 16, 1 of 8).
    """

    near: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._default("near")

    def _default(self, option: str) -> None:
        value = getattr(self, option)
        if value is None:
            object.__setattr__(self, option, max(1, self.window // 8))
        elif value < 0:
            raise PlanError(f"{option} must be at least 0, got {value}")

    def future_slots(self, progress: Progress, latent: list[int]) -> int:
        """How many slots frames after X may take: all but one, which stays with the past if there is any."""
        return max(0, self.window - len(latent) - len(progress.past(latent, 1)))

    def context(self, progress: Progress, latent: list[int], at: int) -> tuple[list[int], list[int]]:
        """See the base class."""
        assert self.near is not None
        future = progress.after(latent[-1], min(self.near, self.future_slots(progress, latent)))
        return [], future + progress.past(latent, self.window - len(latent) - len(future))


@dataclass(frozen=True)
class LookaheadARPlus(LookaheadAR):
    """Lookahead-AR+: also complete frames far ahead, evenly spaced over the complete frames after the near ones.

    Attributes:
        far: most far frames; an eighth of the window by default.
    """

    far: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._default("far")

    def context(self, progress: Progress, latent: list[int], at: int) -> tuple[list[int], list[int]]:
        """See the base class."""
        assert self.near is not None
        assert self.far is not None
        room = self.future_slots(progress, latent)
        near = progress.after(latent[-1], min(self.near, room))
        # after X only frames that were given are complete
        skip = bisect_right(progress.given, near[-1] if near else latent[-1])
        far = [progress.given[skip + i] for i in spread(min(self.far, room - len(near)), len(progress.given) - skip)]
        return [], near + far + progress.past(latent, self.window - len(latent) - len(near) - len(far))


@dataclass(frozen=True)
class LookaheadARPlusPlus(LookaheadARPlus):
    """Lookahead-AR++: as Lookahead-AR+, but a future frame that is incomplete goes into Z instead of being skipped.

    The `near` frames right after X, and `far` ones: the first complete frames after those if there are any, else evenly
    spaced ones of the remaining incomplete frames, the last included. Remaining slots: nearest complete frames before X.
    Where slots are short, X comes first, then one frame of the past, then complete future frames, then Z.

    Attributes:
        use_lookahead: False takes Z away and gives its slots to the past, with the same frames painted in the same
            order: what remains is the effect of looking at incomplete frames alone.
    """

    use_lookahead: bool = True

    def first(self) -> int:
        """L also at the start: Z wants the other slots."""
        return min(self.step, self.window)

    def context(self, progress: Progress, latent: list[int], at: int) -> tuple[list[int], list[int]]:
        """See the base class."""
        assert self.near is not None
        assert self.far is not None
        room = self.future_slots(progress, latent)
        last = latent[-1]
        near = list(range(last + 1, min(last + 1 + self.near, len(progress))))
        far = progress.after(last + len(near), self.far)
        future = sorted(near + far, key=lambda i: i not in progress)[:room]
        if not far:
            skip = at + sum(i not in progress for i in near)
            rest = spread(min(self.far, room - len(future)), len(progress.undone) - skip)
            future += [progress.undone[skip + i] for i in rest]
        lookahead = [i for i in future if i not in progress] if self.use_lookahead else []
        observed = [i for i in future if i in progress]
        return lookahead, observed + progress.past(latent, self.window - len(latent) - len(lookahead) - len(observed))
