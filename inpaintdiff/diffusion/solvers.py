"""Solvers of the probability-flow equation and its stochastic relatives: they see only D(x; sigma) and a grid of levels.

All work in the variance-exploding scale x = x0 + sigma n, where DDPM's and EDM's processes are the same one, and know nothing of
videos, holes or clipping.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.diffusion.denoiser import Denoise
from inpaintdiff.errors import SettingError

# One source of noise for the whole batch, or one for each of its elements.
Generators = torch.Generator | Sequence[torch.Generator]


@dataclass(frozen=True)
class Solver(ABC):
    """Carries noisy frames from the first level of a grid to 0. Holds no state between calls."""

    @abstractmethod
    def solve(
        self,
        denoise: Denoise,
        x: Float[Tensor, "b t c h w"],
        sigmas: Float[Tensor, " n_plus_1"],
        generator: Generators | None = None,
    ) -> Float[Tensor, "b t c h w"]:
        """Solve from x at level sigmas[0] down to sigmas[-1]: 0 to sample, above it for a part of the way.

        Args:
            denoise: D(x; sigma), called with one level a batch element, in the type of x.
            x: x0 + sigmas[0] n, or sigmas[0] n to sample; float32, or float64 where it matters.
            sigmas: decreasing, float64; the arithmetic of steps is done in Python floats.
            generator: of the noise that the solver adds, if it does. With a sequence, element i of the batch takes its noise from
                generator i, so that it does not depend on the batch that it is in.
        """

    @abstractmethod
    def nfe(self, steps: int) -> int:
        """Number of calls of `denoise` for a grid of `steps` steps."""

    def steps_within(self, calls: int) -> int:
        """The most steps that take at most so many calls; 1 where even that takes more."""
        return max(n for n in range(1, calls + 1) if n == 1 or self.nfe(n) <= calls)


@dataclass(frozen=True)
class DDPM(Solver):
    """Ancestral sampling with the posterior variance of DDPM (arXiv 2006.11239, equation 7)."""

    def solve(
        self,
        denoise: Denoise,
        x: Float[Tensor, "b t c h w"],
        sigmas: Float[Tensor, " n_plus_1"],
        generator: Generators | None = None,
    ) -> Float[Tensor, "b t c h w"]:
        for s, r in _levels(sigmas):
            x0 = denoise(x, _level(x, s))
            # q(x_r | x_s, x0) = N(x0 + r^2/s^2 (x_s - x0), r^2 (s^2 - r^2) / s^2)
            x = x0 + (r / s) ** 2 * (x - x0)
            if r > 0:
                x = x + r * math.sqrt(1 - (r / s) ** 2) * _noise(x, generator)
        return x

    def nfe(self, steps: int) -> int:
        return steps


@dataclass(frozen=True)
class DDIM(Solver):
    """DDIM (arXiv 2010.02502, equation 12), first order.

    Attributes:
        eta: share of DDPM's noise in [0, 1]: 0 is deterministic, and the same as `Euler`; 1 is `DDPM`.
    """

    eta: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.eta <= 1:
            raise SettingError(f"eta must lie in [0, 1], got {self.eta}")

    def solve(
        self,
        denoise: Denoise,
        x: Float[Tensor, "b t c h w"],
        sigmas: Float[Tensor, " n_plus_1"],
        generator: Generators | None = None,
    ) -> Float[Tensor, "b t c h w"]:
        for s, r in _levels(sigmas):
            x0 = denoise(x, _level(x, s))
            added = self.eta * r * math.sqrt(1 - (r / s) ** 2)
            x = x0 + math.sqrt(r**2 - added**2) / s * (x - x0)
            if added > 0:
                x = x + added * _noise(x, generator)
        return x

    def nfe(self, steps: int) -> int:
        return steps


@dataclass(frozen=True)
class Euler(Solver):
    """Euler's method on dx/dsigma = (x - D(x; sigma)) / sigma (arXiv 2206.00364, equation 1 with sigma(t) = t), first order."""

    def solve(
        self,
        denoise: Denoise,
        x: Float[Tensor, "b t c h w"],
        sigmas: Float[Tensor, " n_plus_1"],
        generator: Generators | None = None,
    ) -> Float[Tensor, "b t c h w"]:
        for s, r in _levels(sigmas):
            x = x + (r - s) / s * (x - denoise(x, _level(x, s)))
        return x

    def nfe(self, steps: int) -> int:
        return steps


@dataclass(frozen=True)
class Heun(Solver):
    """Heun's method with optional churn (arXiv 2206.00364, algorithm 2), second order; the step to 0 is Euler's.

    The slope at the end of a step comes from a second network call at the new point: 2 n - 1 calls.

    Attributes:
        s_churn: amount of fresh noise over the whole grid; 0 is deterministic.
        s_min: levels below get no fresh noise.
        s_max: levels above get no fresh noise.
        s_noise: standard deviation of the fresh noise.
    """

    s_churn: float = 0.0
    s_min: float = 0.0
    s_max: float = math.inf
    s_noise: float = 1.0

    def __post_init__(self) -> None:
        if self.s_churn < 0 or self.s_noise < 0 or not 0 <= self.s_min <= self.s_max:
            raise SettingError(f"expected s_churn >= 0, s_noise >= 0 and 0 <= s_min <= s_max, got {self}")

    def solve(
        self,
        denoise: Denoise,
        x: Float[Tensor, "b t c h w"],
        sigmas: Float[Tensor, " n_plus_1"],
        generator: Generators | None = None,
    ) -> Float[Tensor, "b t c h w"]:
        gamma = min(self.s_churn / (len(sigmas) - 1), math.sqrt(2) - 1)
        for s, r in _levels(sigmas):
            if gamma > 0 and self.s_min <= s <= self.s_max:
                raised = s * (1 + gamma)
                x = x + self.s_noise * math.sqrt(raised**2 - s**2) * _noise(x, generator)
                s = raised
            slope = (x - denoise(x, _level(x, s))) / s
            new = x + (r - s) * slope
            if r > 0:
                new = x + (r - s) * (slope + (new - denoise(new, _level(x, r))) / r) / 2
            x = new
        return x

    def nfe(self, steps: int) -> int:
        return 2 * steps - 1


@dataclass(frozen=True)
class DPMpp2M(Solver):
    """DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2): second order at one call a step.

    The estimate is extrapolated in ln(sigma) from the last two; the first step and the step to 0 are first order.
    """

    def solve(
        self,
        denoise: Denoise,
        x: Float[Tensor, "b t c h w"],
        sigmas: Float[Tensor, " n_plus_1"],
        generator: Generators | None = None,
    ) -> Float[Tensor, "b t c h w"]:
        before, last = None, 0.0
        for s, r in _levels(sigmas):
            x0 = denoise(x, _level(x, s))
            estimate, h = x0, math.inf
            if r > 0:
                h = math.log(s / r)
                if before is not None:
                    estimate = x0 + h / (2 * last) * (x0 - before)
            x = estimate + r / s * (x - estimate)
            before, last = x0, h
        return x

    def nfe(self, steps: int) -> int:
        return steps


_SOLVERS: dict[str, type[Solver]] = {"ddpm": DDPM, "ddim": DDIM, "euler": Euler, "heun": Heun, "dpmpp-2m": DPMpp2M}


def solver_names() -> tuple[str, ...]:
    """Names that `make_solver` knows."""
    return tuple(_SOLVERS)


def make_solver(name: str, **options: int | float) -> Solver:
    """A solver by name; `options` are its fields.

    Raises:
        SettingError: no such solver, or an option that it does not have or that is out of range.
    """
    if name not in _SOLVERS:
        raise SettingError(f"there is no solver {name!r}; choose one of {', '.join(_SOLVERS)}")
    try:
        return _SOLVERS[name](**options)
    except TypeError as e:
        known = ", ".join(_SOLVERS[name].__dataclass_fields__) or "none"
        raise SettingError(f"solver {name} does not take the options {sorted(options)}; it has: {known}") from e


def _levels(sigmas: Tensor) -> Iterator[tuple[float, float]]:
    """Pairs (from, to) as Python floats: a grid on a GPU is read once, not at every step."""
    return pairwise(sigmas.tolist())


def _level(x: Tensor, sigma: float) -> Tensor:
    return x.new_full((x.shape[0],), sigma)


def _noise(x: Tensor, generator: Generators | None) -> Tensor:
    """Unit noise in the shape and type of x, drawn on the generators' own device."""
    if generator is None:
        return torch.randn_like(x)
    if isinstance(generator, torch.Generator):
        return torch.randn(x.shape, generator=generator, device=generator.device, dtype=x.dtype).to(x.device)
    rows = [torch.randn(x.shape[1:], generator=g, device=g.device, dtype=x.dtype) for g in generator]
    if len(rows) != x.shape[0]:
        raise SettingError(f"got {len(rows)} generators for a batch of {x.shape[0]}; expected one for each element")
    return torch.stack(rows).to(x.device)
