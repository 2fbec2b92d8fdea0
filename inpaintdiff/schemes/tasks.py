"""Which frames a training window holds, and in which role (arXiv 2205.11495, section 3.2; arXiv 2405.00251, section 4)."""

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

from inpaintdiff.errors import PlanError
from inpaintdiff.schemes import make_scheme
from inpaintdiff.schemes.stage import SamplingScheme, Stage


class TaskSampler(ABC):
    """Draws the frames of a training window.

    Attributes:
        window: K, the most frames a stage may hold; None where that is not known.
    """

    window: int | None = None

    @abstractmethod
    def sample(self, length: int, rng: random.Random) -> Stage:
        """A stage within a clip of `length` >= 1 frames. Its latent frames carry the loss."""


class FDMTasks(TaskSampler):
    """FDM's distribution over frame subsets: groups of evenly spaced frames, each wholly latent or wholly observed.

    Args:
        window: K, the most frames a stage may hold.
    """

    def __init__(self, window: int = 16) -> None:
        if window < 1:
            raise PlanError(f"window must be at least 1, got {window}")
        self.window: int = window

    def sample(self, length: int, rng: random.Random) -> Stage:
        """The first group is X; further groups join X or Y by a fair coin until one does not fit."""
        latent, observed = self._group(length, rng), set[int]()
        while (room := min(self.window, length) - len(latent) - len(observed)) > 0:
            role = latent if rng.random() < 0.5 else observed
            # frames that have a role keep it
            group = self._group(length, rng) - latent - observed
            if len(group) > room:
                break
            role |= group
        return Stage(tuple(sorted(latent)), (), tuple(sorted(observed)))

    def _group(self, length: int, rng: random.Random) -> set[int]:
        size = rng.randint(1, min(self.window, length))
        spacing = (length / (size - 0.999)) ** rng.random()  # log-uniform from 1
        start = rng.random() * (length - spacing * (size - 1))
        return {min(int(start + i * spacing), length - 1) for i in range(size)}


class SchemeTasks(TaskSampler):
    """Stages that sampling schemes really ask for: a scheme, a pattern of holes over time, and one stage of that plan.

    Args:
        schemes: names for `make_scheme`.
        window: K, the most frames a stage may hold.
        step: L, how many frames a stage paints; half the window by default.
    """

    def __init__(
        self, schemes: Sequence[str] = ("ar", "lookahead-ar++"), window: int = 16, step: int | None = None
    ) -> None:
        if not schemes:
            raise PlanError("SchemeTasks wants at least one sampling scheme, got none")
        step = max(1, window // 2) if step is None else step
        self.window = window
        self.schemes = tuple(make_scheme(name, window=window, step=step) for name in schemes)

    def sample(self, length: int, rng: random.Random) -> Stage:
        """One stage, each of the plan's being equally likely."""
        scheme = rng.choice(self.schemes)
        return rng.choice(_plan(scheme, draw_incomplete(length, rng)))


class MixtureTasks(TaskSampler):
    """Draws from one of several samplers.

    Args:
        samplers: at least one.
        weights: of the samplers, not negative, in the same order; equal by default.
    """

    def __init__(self, samplers: Sequence[TaskSampler], weights: Sequence[float | int] | None = None) -> None:
        weights = [1] * len(samplers) if weights is None else list(weights)
        if not samplers or len(weights) != len(samplers) or min(weights) < 0 or not 0 < sum(weights) < math.inf:
            raise PlanError(
                f"expected one non-negative weight for each of {len(samplers)} samplers (at least 1), got {weights}"
            )
        self.samplers, self.weights = tuple(samplers), tuple(weights)
        self.window = max((s.window for s in samplers if s.window is not None), default=None)

    def sample(self, length: int, rng: random.Random) -> Stage:
        """As the drawn sampler."""
        return rng.choices(self.samplers, self.weights)[0].sample(length, rng)


def draw_incomplete(length: int, rng: random.Random) -> tuple[bool, ...]:
    """Which frames of a clip have a hole: all, all up to a late reveal, an interval, random runs, or single frames.

    Args:
        length: frames, at least 1.
        rng: source of randomness.

    Returns:
        For every frame, has it a hole? At least one has.
    """
    kind = rng.choice(("all", "late reveal", "interval", "runs", "single"))
    if kind == "all" or length == 1:
        return (True,) * length
    if kind == "late reveal":
        shown = rng.randrange(1, length)
        return tuple(i < shown for i in range(length))
    if kind == "interval":
        first, last = sorted(rng.choices(range(length), k=2))
        return tuple(first <= i <= last for i in range(length))
    if kind == "runs":
        hole, mean_run = rng.random() < 0.5, rng.uniform(1, max(1.0, length / 3))
        holes = []
        for _ in range(length):
            holes.append(hole)
            hole ^= rng.random() < 1 / mean_run
    else:
        share = rng.uniform(0, 0.5)
        holes = [rng.random() < share for _ in range(length)]
    holes[rng.randrange(length)] = True
    return tuple(holes)


@lru_cache(maxsize=1024)
def _plan(scheme: SamplingScheme, incomplete: tuple[bool, ...]) -> tuple[Stage, ...]:
    return tuple(scheme.stages(incomplete))
