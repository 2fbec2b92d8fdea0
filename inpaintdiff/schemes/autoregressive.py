"""Schemes that walk through the incomplete frames in time order: AR and AR-far-future (arXiv 2405.00251, section 5)."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inpaintdiff.schemes.progress import Progress, one_window
from inpaintdiff.schemes.stage import SamplingScheme, Stage


@dataclass(frozen=True)
class ForwardScheme(SamplingScheme):
    """Base of schemes that paint the next L incomplete frames at a time. A subclass says what a stage looks at.

    L is `step`, or `window` where that is smaller: what a stage can hold is what counts. A stage that has fewer than L
    frames left to paint looks at more frames instead. A video that fits into one window is painted in one stage.
    """

    def stages(self, incomplete: Sequence[bool]) -> Iterator[Stage]:
        """Yield the stages; each paints the next L incomplete frames, the first one K if nothing at all is complete."""
        if whole := one_window(incomplete, self.window):
            yield whole
            return
        progress = Progress(incomplete)
        at = 0
        while at < len(progress.undone):
            count = min(self.step, self.window) if progress.any_done else self.first()
            latent = progress.undone[at : at + count]
            at += len(latent)
            lookahead, observed = self.context(progress, latent, at)
            yield Stage(tuple(latent), tuple(sorted(lookahead)), tuple(sorted(observed)))
            progress.paint(latent)

    def first(self) -> int:
        """How many frames the first stage paints where no frame is complete: with nothing to look at, all that fit."""
        return self.window

    @abstractmethod
    def context(self, progress: Progress, latent: list[int], at: int) -> tuple[list[int], list[int]]:
        """Look-ahead and observed frames of a stage.

        Args:
            progress: what is complete before the stage.
            latent: X, not empty.
            at: position in `progress.undone` of the first incomplete frame after X.
        """


@dataclass(frozen=True)
class Autoregressive(ForwardScheme):
    """AR: X = the next L incomplete frames; Y = the K - L nearest complete frames before X."""

    def context(self, progress: Progress, latent: list[int], at: int) -> tuple[list[int], list[int]]:
        """See the base class."""
        return [], progress.past(latent, self.window - len(latent))


@dataclass(frozen=True)
class AutoregressiveFarFuture(ForwardScheme):
    """AR-far-future: half of Y's slots go to the first complete frames after X; what those do not fill goes to the past."""

    def context(self, progress: Progress, latent: list[int], at: int) -> tuple[list[int], list[int]]:
        """See the base class."""
        slots = self.window - len(latent)
        future = progress.after(latent[-1], slots // 2)
        return [], future + progress.past(latent, slots - len(future))
