"""Solvers of the probability-flow equation and its stochastic relatives: they see only D(x; sigma) and a grid of levels."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Denoise = Callable[[Float[Tensor, "b t c h w"], Float[Tensor, " b"]], Float[Tensor, "b t c h w"]]


@dataclass(frozen=True)
class Solver(ABC):
    """Carries noisy frames from the first level of a grid to 0. Holds no state between calls."""

    @abstractmethod
    def solve(
        self,
        denoise: Denoise,
        x: Float[Tensor, "b t c h w"],
        sigmas: Float[Tensor, " n_plus_1"],
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "b t c h w"]:
        """Solve from x at level sigmas[0] down to sigmas[-1] = 0."""

    @abstractmethod
    def nfe(self, steps: int) -> int:
        """Number of calls of `denoise` for a grid of `steps` steps."""
