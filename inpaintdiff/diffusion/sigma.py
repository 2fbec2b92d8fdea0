"""Noise levels: `SigmaDistribution` for training, `SigmaGrid` for sampling. Two jobs, two classes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.errors import SettingError


@lru_cache(maxsize=8)
def _linear_beta_sigmas(steps: int) -> Tensor:
    """Increasing float64 levels sigma_t = sqrt((1 - abar_t) / abar_t) of the linear-beta DDPM schedule (arXiv 2006.11239)."""
    beta = torch.linspace(1e-4 * 1000 / steps, 0.02 * 1000 / steps, steps, dtype=torch.float64)
    abar = torch.cumprod(1 - beta, dim=0)
    return ((1 - abar) / abar).sqrt()


@lru_cache(maxsize=8)
def _cosine_sigmas(steps: int, offset: float) -> Tensor:
    """Increasing float64 levels of the cosine schedule."""
    t = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    abar = torch.cos((t + offset) / (1 + offset) * torch.pi / 2) ** 2
    beta = (1 - abar[1:] / abar[:-1]).clamp(max=0.999)
    abar = torch.cumprod(1 - beta, dim=0)
    return ((1 - abar) / abar).sqrt()


def _every_nth(levels: Tensor, n: int) -> Tensor:
    """n of the increasing levels, evenly spaced from the last to the first, and then 0."""
    top = len(levels) - 1
    at = torch.linspace(top, 0, n, dtype=torch.float64).round().long() if n > 1 else torch.tensor([top])
    return torch.cat([levels[at], levels.new_zeros(1)])


class SigmaGrid(ABC):
    """The levels that a solver visits."""

    @abstractmethod
    def grid(self, n: int) -> Float[Tensor, " n_plus_1"]:
        """n + 1 decreasing float64 levels, the last one 0: n solver steps."""


class SigmaDistribution(ABC):
    """The levels that training draws, and how much an error at each counts."""

    @abstractmethod
    def sample(self, b: int, generator: torch.Generator | None = None) -> Float[Tensor, " b"]:
        """b levels, float32, on the generator's device (CPU without one)."""

    @abstractmethod
    def weight(self, sigma: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """Weight of the squared error of the clean estimate at level sigma."""


def _check_steps(n: int) -> None:
    if n < 1:
        raise SettingError(f"a grid needs at least 1 step, got {n}")


@dataclass(frozen=True)
class DDPMLinearGrid(SigmaGrid):
    """Levels of the linear-beta DDPM schedule, evenly spaced in its time t, from sigma 157.41 down (T = 1000)."""

    timesteps: int = 1000

    def grid(self, n: int) -> Float[Tensor, " n_plus_1"]:
        _check_steps(n)
        if n > self.timesteps:
            raise SettingError(f"{n} steps exceed the schedule's {self.timesteps}")
        return _every_nth(_linear_beta_sigmas(self.timesteps), n)


@dataclass(frozen=True)
class CosineGrid(SigmaGrid):
    """Levels of the cosine schedule, evenly spaced in its time t (arXiv 2102.09672, equation 17; beta capped at 0.999).

    The first level is about 20,000 (T = 1000): the schedule ends in pure noise.
    """

    timesteps: int = 1000
    offset: float = 0.008

    def grid(self, n: int) -> Float[Tensor, " n_plus_1"]:
        _check_steps(n)
        if n > self.timesteps:
            raise SettingError(f"{n} steps exceed the schedule's {self.timesteps}")
        return _every_nth(_cosine_sigmas(self.timesteps, self.offset), n)


@dataclass(frozen=True)
class KarrasGrid(SigmaGrid):
    """EDM's grid: sigma_i = (smax^(1/rho) + i/(n-1) (smin^(1/rho) - smax^(1/rho)))^rho (arXiv 2206.00364, equation 5)."""

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0

    def __post_init__(self) -> None:
        if not 0 < self.sigma_min < self.sigma_max:
            raise SettingError(f"expected 0 < sigma_min < sigma_max, got {self.sigma_min} and {self.sigma_max}")

    def grid(self, n: int) -> Float[Tensor, " n_plus_1"]:
        _check_steps(n)
        i = torch.arange(n, dtype=torch.float64) / max(n - 1, 1)
        a, b = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        return torch.cat([(a + i * (b - a)) ** self.rho, torch.zeros(1, dtype=torch.float64)])


@dataclass(frozen=True)
class LevelsGrid(SigmaGrid):
    """Given levels, as a model has that was distilled for just these; decreasing, without the last one, 0."""

    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.levels or any(a <= b for a, b in pairwise((*self.levels, 0.0))):
            raise SettingError(f"levels of a grid must decrease and be above 0, got {list(self.levels)}")

    def grid(self, n: int) -> Float[Tensor, " n_plus_1"]:
        if n != len(self.levels):
            raise SettingError(
                f"this model paints in {len(self.levels)} steps at levels of its own, got {n}; leave out --steps and --solver"
            )
        return torch.tensor([*self.levels, 0.0], dtype=torch.float64)


@dataclass(frozen=True)
class DDPMLinearDistribution(SigmaDistribution):
    """t uniform over the linear-beta schedule; weight 1/sigma^2 makes the loss that of noise prediction."""

    timesteps: int = 1000

    def sample(self, b: int, generator: torch.Generator | None = None) -> Float[Tensor, " b"]:
        device = generator.device if generator is not None else torch.device("cpu")
        t = torch.randint(self.timesteps, (b,), generator=generator, device=device)
        return _linear_beta_sigmas(self.timesteps).to(device)[t].float()

    def weight(self, sigma: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return sigma**-2


@dataclass(frozen=True)
class LogNormalDistribution(SigmaDistribution):
    """ln sigma ~ N(mean, std^2), with the weight that makes EDM's network loss uniform (arXiv 2206.00364, table 1)."""

    mean: float = -1.2
    std: float = 1.2
    sigma_data: float = 0.5

    def sample(self, b: int, generator: torch.Generator | None = None) -> Float[Tensor, " b"]:
        device = generator.device if generator is not None else torch.device("cpu")
        return (self.mean + self.std * torch.randn(b, generator=generator, device=device)).exp()

    def weight(self, sigma: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2


_GRIDS: dict[str, type[SigmaGrid]] = {"ddpm-linear": DDPMLinearGrid, "cosine": CosineGrid, "karras": KarrasGrid}


def grid_names() -> tuple[str, ...]:
    """Names that `make_grid` knows."""
    return tuple(_GRIDS)


def make_grid(name: str, **options: int | float) -> SigmaGrid:
    """A grid by name; `options` are its fields.

    Raises:
        SettingError: no such grid, or an option that it does not have or that is out of range.
    """
    if name not in _GRIDS:
        raise SettingError(f"there is no grid {name!r}; choose one of {', '.join(_GRIDS)}")
    try:
        return _GRIDS[name](**options)
    except TypeError as e:
        known = ", ".join(_GRIDS[name].__dataclass_fields__)  # type: ignore[attr-defined]
        raise SettingError(f"grid {name} does not take the options {sorted(options)}; it has: {known}") from e
