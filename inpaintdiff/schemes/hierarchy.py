"""Coarse-to-fine schemes: Hierarchy-n (arXiv 2205.11495, section 4) and Multires-AR-r (arXiv 2405.00251, section 5)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inpaintdiff.errors import PlanError
from inpaintdiff.schemes.progress import Progress, one_window
from inpaintdiff.schemes.stage import SamplingScheme, Stage


@dataclass(frozen=True)
class CoarseToFine(SamplingScheme):
    """Base: passes over the incomplete frames, each on a grid of smaller stride, down to 1. Strides count incomplete frames.

    Every stage interpolates: Y = all complete frames between the first and the last of X, then half of the remaining slots
    after X and half before it, nearest first. X is cut short where fewer than two slots would remain for both sides.

    Attributes:
        levels: number of passes, at least 2.
    """

    levels: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.levels < 2:
            raise PlanError(f"levels must be at least 2, got {self.levels}; a single pass is the scheme 'ar'")

    @property
    def paints(self) -> int:
        """L, or K where that is smaller."""
        return min(self.step, self.window)

    def strides(self, count: int) -> list[int]:
        """int((N / (L - 1)) ** ((n - k) / (n - 1))) for passes k = 1 ... n, with N = `count` incomplete frames."""
        base = count / max(1, self.paints - 1)
        powers = [(self.levels - k) / (self.levels - 1) for k in range(1, self.levels + 1)]
        # 64 ** (1 / 3) is a little under 4
        return [max(1, int(base**power + 1e-9)) for power in powers]

    def sweep(self, progress: Progress, stride: int) -> Iterator[Stage]:
        """One pass: paint what is left of every `stride`-th incomplete frame, L at a time, in time order."""
        left = [i for i in progress.undone[::stride] if i not in progress]
        at = 0
        while at < len(left):
            stage = self.interpolate(progress, left[at : at + (self.paints if progress.any_done else self.window)])
            at += len(stage.latent)
            yield stage
            progress.paint(stage.latent)

    def interpolate(self, progress: Progress, wanted: Sequence[int]) -> Stage:
        """The stage for as many of the `wanted` frames, from the first on, as leave two slots for both sides."""
        sides = 2 if progress.any_done else 0
        latent, inside = [wanted[0]], list[int]()
        for frame in wanted[1:]:
            room = self.window - len(latent) - 1 - len(inside) - sides
            between = progress.between(latent[-1], frame, room + 1) if room >= 0 else []
            if room < len(between):
                break
            latent.append(frame)
            inside += between
        return Stage(tuple(latent), (), tuple(sorted(inside + self.around(progress, latent, len(inside)))))

    def around(self, progress: Progress, latent: Sequence[int], taken: int) -> list[int]:
        """Complete frames outside of X's span, for the slots that X and `taken` frames leave."""
        slots = self.window - len(latent) - taken
        after, before = progress.after(latent[-1], slots), progress.before(latent[0], slots)
        n_after = max(min(len(after), slots // 2), slots - len(before))
        return after[:n_after] + before[: slots - min(len(after), n_after)]


@dataclass(frozen=True)
class Hierarchy(CoarseToFine):
    """Hierarchy-n: L frames evenly spaced over all incomplete ones at once (K if nothing is complete), then finer passes."""

    def stages(self, incomplete: Sequence[bool]) -> Iterator[Stage]:
        """Yield the stages, coarse to fine."""
        if whole := one_window(incomplete, self.window):
            yield whole
            return
        progress = Progress(incomplete)
        if not progress.undone:
            return
        stage = self.skeleton(progress)
        yield stage
        progress.paint(stage.latent)
        for stride in self.strides(len(progress.undone))[1:]:
            yield from self.sweep(progress, stride)

    def skeleton(self, progress: Progress) -> Stage:
        """Level 1. Where more complete frames lie between those of X than slots remain, the nearest to X are observed."""
        last = len(progress.undone) - 1
        count = min(last + 1, self.paints if progress.any_done else self.window)
        at = [last // 2] if count == 1 else [j * last // (count - 1) for j in range(count)]
        latent = [progress.undone[i] for i in at]
        slots = self.window - count
        inside = progress.between(latent[0], latent[-1], slots + 1)
        if len(inside) > slots:
            return Stage(tuple(latent), (), tuple(sorted(progress.nearest_given(latent, slots))))
        return Stage(tuple(latent), (), tuple(sorted(inside + self.around(progress, latent, len(inside)))))


@dataclass(frozen=True)
class MultiresAR(CoarseToFine):
    """Multires-AR-r: every pass runs through time on its grid, from the coarsest to the finest."""

    def stages(self, incomplete: Sequence[bool]) -> Iterator[Stage]:
        """Yield the stages, coarse to fine."""
        if whole := one_window(incomplete, self.window):
            yield whole
            return
        progress = Progress(incomplete)
        for stride in self.strides(len(progress.undone)):
            yield from self.sweep(progress, stride)
