"""Parametrisations as EDM preconditioning: D(x; sigma) = c_skip x + c_out F(c_in x; c_noise), with x = x0 + sigma n.

All three describe the same denoiser, so a network trained with one is sampled by any solver (arXiv 2206.00364, table 1).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

# Level 0 (observed frames) shares the embedding of this level; every level that is sampled lies well above it.
SIGMA_FLOOR = 1e-3


class Coefficients(NamedTuple):
    """Broadcast to frames; shapes follow the sigma that they were made from."""

    c_skip: Tensor
    c_out: Tensor
    c_in: Tensor


@dataclass(frozen=True)
class Precondition(ABC):
    """What a network's output means, and in which scale it sees its input."""

    @abstractmethod
    def coefficients(self, sigma: Float[Tensor, "*s"]) -> Coefficients:
        """c_skip, c_out and c_in at noise level sigma > 0."""

    def noise_condition(self, sigma: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        """c_noise = ln(sigma) / 4 (EDM, table 1), the only form in which a network learns of the level; finite at sigma = 0."""
        return sigma.clamp(min=SIGMA_FLOOR).log() / 4


@dataclass(frozen=True)
class NoisePrediction(Precondition):
    """F predicts the noise n: D = x - sigma F. DDPM's and FDM's objective."""

    def coefficients(self, sigma: Float[Tensor, "*s"]) -> Coefficients:
        return Coefficients(sigma * 0 + 1, -sigma, (1 + sigma**2).rsqrt())


@dataclass(frozen=True)
class VPrediction(Precondition):
    """F predicts v = alpha n - s x0 of the variance-preserving scale, alpha = 1/sqrt(1 + sigma^2) (arXiv 2202.00512)."""

    def coefficients(self, sigma: Float[Tensor, "*s"]) -> Coefficients:
        r = (1 + sigma**2).rsqrt()
        return Coefficients(r**2, -sigma * r, r)


@dataclass(frozen=True)
class EDMPrediction(Precondition):
    """Unit-variance input, target and output for data of standard deviation `sigma_data` (arXiv 2206.00364, table 1)."""

    sigma_data: float = 0.5

    def __post_init__(self) -> None:
        if self.sigma_data <= 0:
            raise ValueError(f"sigma_data must be positive, got {self.sigma_data}")

    def coefficients(self, sigma: Float[Tensor, "*s"]) -> Coefficients:
        total = sigma**2 + self.sigma_data**2
        return Coefficients(self.sigma_data**2 / total, sigma * self.sigma_data * total.rsqrt(), total.rsqrt())
