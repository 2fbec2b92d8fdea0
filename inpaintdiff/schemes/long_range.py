"""FDM's other schemes: long-range, independent, and adaptive (arXiv 2205.11495, section 4)."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inpaintdiff.errors import PlanError
from inpaintdiff.schemes.autoregressive import ForwardScheme
from inpaintdiff.schemes.progress import Progress
from inpaintdiff.schemes.stage import Stage

# Distances that an adaptive plan may compute for each slot of a stage, summed over the frames of the video: bounds the
# planning of very long videos. Up to 1,732 frames every complete frame is a candidate.
_CANDIDATE_BUDGET = 3_000_000
_MIN_CANDIDATES = 32


@dataclass(frozen=True)
class LongRange(ForwardScheme):
    """Long-range: half of Y are the nearest complete frames before X, the other half anchors that cannot drift.

    Anchors are the frames nearest to X that had no hole from the start; where these do not suffice, the first painted ones.
    """

    def context(self, progress: Progress, latent: list[int], at: int) -> tuple[list[int], list[int]]:
        """See the base class."""
        slots = self.window - len(latent)
        recent = progress.past(latent, (slots + 1) // 2)
        anchors = progress.nearest_given(latent, slots - len(recent), but=recent)
        chosen = [*recent, *anchors]
        for i in progress.undone[: min(at - len(latent), slots)]:
            if len(chosen) < slots and i not in chosen:
                chosen.append(i)
        return [], chosen


@dataclass(frozen=True)
class Independent(ForwardScheme):
    """Independent: Y = the frames nearest to X that had no hole from the start. Painted frames are never looked at.

    Stages do not depend on each other, so that errors cannot add up, and nothing makes their contents agree.
    """

    def context(self, progress: Progress, latent: list[int], at: int) -> tuple[list[int], list[int]]:
        """See the base class."""
        return [], progress.nearest_given(latent, self.window - len(latent))


@dataclass(frozen=True)
class Adaptive(ForwardScheme):
    """Adaptive: Y is as varied as possible: first the nearest complete frame before X, then always the complete frame that is
    farthest, in an embedding, from those already chosen (greedy farthest point).

    Attributes:
        embedding: a vector for every frame of the video (for instance perceptual features); by default its frame number. What
            is not hashable (lists, arrays) is copied into tuples. Any other sequence is kept as it is and read only when a
            stage is made, for frames that are complete by then: it may be filled in while the video is being painted.
    """

    embedding: Sequence[Sequence[float]] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            hash(self.embedding)
        except TypeError:
            assert self.embedding is not None
            object.__setattr__(self, "embedding", tuple(tuple(float(v) for v in vector) for vector in self.embedding))

    def stages(self, incomplete: Sequence[bool]) -> Iterator[Stage]:
        """See the base class.

        Raises:
            PlanError: at once, if the embedding is not one of this video.
        """
        if self.embedding is not None and len(self.embedding) != len(incomplete):
            raise PlanError(
                f"the embedding has {len(self.embedding)} vectors, expected one for each of {len(incomplete)} frames"
            )
        return super().stages(incomplete)

    def context(self, progress: Progress, latent: list[int], at: int) -> tuple[list[int], list[int]]:
        """See the base class."""
        candidates = self._candidates(progress, at - len(latent))
        slots = min(self.window - len(latent), len(candidates))
        if slots == 0:
            return [], []
        newest = (progress.past(latent, 1) or progress.after(latent[-1], 1))[0]
        chosen = [newest]
        vectors = {i: self._vector(i) for i in candidates if i != newest}
        gaps = dict.fromkeys(vectors, math.inf)
        while len(chosen) < slots:
            here = self._vector(chosen[-1])
            gaps = {i: min(gap, math.dist(here, vectors[i])) for i, gap in gaps.items()}
            # ties go to the later frame
            _, farthest = max((gap, i) for i, gap in gaps.items())
            chosen.append(farthest)
            del gaps[farthest]
        return [], chosen

    def _vector(self, frame: int) -> Sequence[float]:
        return (float(frame),) if self.embedding is None else self.embedding[frame]

    @staticmethod
    def _candidates(progress: Progress, painted: int) -> list[int]:
        """Complete frames, thinned evenly where there are too many to compare."""
        most = max(_MIN_CANDIDATES, _CANDIDATE_BUDGET // len(progress))
        given, n_given = progress.given, len(progress.given)
        total = n_given + painted
        picks = range(total) if total <= most else [j * total // most for j in range(most)]
        return [given[j] if j < n_given else progress.undone[j - n_given] for j in picks]
