"""`Stage` and `SamplingScheme`: a plan for painting a long video through a window of K frames.

Pure index arithmetic on Python ints; this room knows neither torch nor pictures (arXiv 2405.00251, section 4).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

from inpaintdiff.errors import PlanError


@dataclass(frozen=True)
class Stage:
    """One joint call of the sampler. Sorted, disjoint tuples of frame positions.

    Attributes:
        latent: X, frames whose unknown pixels are painted now and kept.
        lookahead: Z, incomplete frames painted beside X only so that their known pixels count; thrown away afterwards.
        observed: Y, complete frames (never had a hole, or already painted).

    Raises:
        PlanError: a role is unsorted or repeats a frame, roles overlap, or `latent` is empty.
    """

    latent: tuple[int, ...]
    lookahead: tuple[int, ...] = ()
    observed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.latent:
            raise PlanError("a stage must paint at least one frame, got no latent frame")
        for role in ("latent", "lookahead", "observed"):
            ixs = getattr(self, role)
            if any(a >= b for a, b in pairwise(ixs)):
                raise PlanError(f"{role} frames must be sorted and distinct, got {ixs}")
        if len(set(self.frames)) != len(self.latent) + len(self.lookahead) + len(self.observed):
            raise PlanError(f"the roles of a stage must be disjoint, got {self}")

    @property
    def frames(self) -> tuple[int, ...]:
        """All frames of the window, in time order."""
        return tuple(sorted((*self.latent, *self.lookahead, *self.observed)))


@dataclass(frozen=True)
class SamplingScheme(ABC):
    """A rule that cuts the painting of a video into stages: a pure function of which frames are incomplete.

    Re-iterable, hashable, without state. A user's own scheme subclasses this and implements `stages`.

    Attributes:
        window: K, the most frames a stage may hold.
        step: L, how many frames a stage paints (at most).
    """

    window: int = 16
    step: int = 8

    def __post_init__(self) -> None:
        if self.window < 1:
            raise PlanError(f"window must be at least 1, got {self.window}")
        if self.step < 1:
            raise PlanError(f"step must be at least 1, got {self.step}")

    @classmethod
    def option_types(cls) -> dict[str, Any]:
        """What can be chosen beyond window and step: names and declared types."""
        return {f.name: f.type for f in fields(cls) if f.name not in ("window", "step")}

    def options(self) -> dict[str, Any]:
        """What was chosen beyond window and step, defaults included."""
        return {name: getattr(self, name) for name in self.option_types()}

    @abstractmethod
    def stages(self, incomplete: Sequence[bool]) -> Iterator[Stage]:
        """Yield the stages for a video whose frame i has a hole iff `incomplete[i]`, in the order of painting."""


def check_plan(stages: Iterable[Stage], incomplete: Sequence[bool], window: int) -> Iterator[Stage]:
    """Pass stages on, one by one, after proving that each may be run.

    Raises:
        PlanError: over budget, out of range, a complete frame painted, a frame painted twice, an observed frame that is not
            yet complete, a look-ahead frame that is complete already, or (at the end) an incomplete frame never painted.
    """
    n = len(incomplete)
    done = {i for i in range(n) if not incomplete[i]}
    for k, stage in enumerate(stages):
        if not all(0 <= i < n for i in stage.frames):
            raise PlanError(f"stage {k}: frames {stage.frames} reach outside the video's {n} frames")
        if len(stage.frames) > window:
            raise PlanError(f"stage {k}: {len(stage.frames)} frames exceed the window of {window}")
        if again := sorted(set(stage.latent) & done):
            raise PlanError(f"stage {k}: latent frames {again} are complete already")
        if early := sorted(set(stage.observed) - done):
            raise PlanError(f"stage {k}: observed frames {early} are not complete yet")
        if late := sorted(set(stage.lookahead) & done):
            raise PlanError(f"stage {k}: lookahead frames {late} are complete already; they belong to observed")
        yield stage
        done.update(stage.latent)
    if left := sorted(set(range(n)) - done):
        raise PlanError(f"the plan ends with {len(left)} frames unpainted: {left[:8]}")
