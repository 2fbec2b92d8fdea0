"""Noise levels: `SigmaDistribution` for training, `SigmaGrid` for sampling. Two jobs, two classes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor


@lru_cache(maxsize=8)
def _linear_beta_sigmas(steps: int) -> Tensor:
    """Increasing float64 levels sigma_t = sqrt((1 - abar_t) / abar_t) of the linear-beta DDPM schedule (arXiv 2006.11239)."""
    beta = torch.linspace(1e-4 * 1000 / steps, 0.02 * 1000 / steps, steps, dtype=torch.float64)
    abar = torch.cumprod(1 - beta, dim=0)
    return ((1 - abar) / abar).sqrt()


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
        raise ValueError(f"a grid needs at least 1 step, got {n}")


@dataclass(frozen=True)
class DDPMLinearGrid(SigmaGrid):
    """Levels of the linear-beta DDPM schedule, evenly spaced in its time t, from sigma 157.41 down (T = 1000)."""

    timesteps: int = 1000

    def grid(self, n: int) -> Float[Tensor, " n_plus_1"]:
        _check_steps(n)
        if n > self.timesteps:
            raise ValueError(f"{n} steps exceed the schedule's {self.timesteps}")
        levels = _linear_beta_sigmas(self.timesteps)
        at = torch.linspace(self.timesteps - 1, 0, n, dtype=torch.float64).round().long() if n > 1 else torch.tensor([self.timesteps - 1])
        return torch.cat([levels[at], levels.new_zeros(1)])


@dataclass(frozen=True)
class KarrasGrid(SigmaGrid):
    """EDM's grid: sigma_i = (smax^(1/rho) + i/(n-1) (smin^(1/rho) - smax^(1/rho)))^rho (arXiv 2206.00364, equation 5)."""

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0

    def __post_init__(self) -> None:
        if not 0 < self.sigma_min < self.sigma_max:
            raise ValueError(f"expected 0 < sigma_min < sigma_max, got {self.sigma_min} and {self.sigma_max}")

    def grid(self, n: int) -> Float[Tensor, " n_plus_1"]:
        _check_steps(n)
        i = torch.arange(n, dtype=torch.float64) / max(n - 1, 1)
        a, b = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        return torch.cat([(a + i * (b - a)) ** self.rho, torch.zeros(1, dtype=torch.float64)])


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
