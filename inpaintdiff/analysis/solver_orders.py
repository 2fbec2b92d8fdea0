"""Solvers measured where the answer is known: the probability flow of Gaussian pixels has a closed form."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.diffusion.sigma import KarrasGrid
from inpaintdiff.diffusion.solvers import DDPM, Solver, make_solver, solver_names

# One pixel for each variance, from sharply known to wide open, relative to pixels in [-1, 1].
_MEAN = torch.tensor([0.5, -0.3, 0.1, 0.8], dtype=torch.float64)
_VARIANCE = torch.tensor([0.02, 0.1, 0.3, 1.0], dtype=torch.float64)
_STARTS = 64
_GRID = KarrasGrid(1e-4, 80.0)


@dataclass(frozen=True)
class SolverOrder:
    """How a deterministic solver converges.

    Attributes:
        name: of the solver.
        errors: largest error of a pixel on a scale of [-1, 1], by number of steps.
        calls: network calls, by number of steps.
    """

    name: str
    errors: dict[int, float]
    calls: dict[int, int]

    @property
    def orders(self) -> list[float]:
        """log2 of the ratio of errors at each doubling of the steps; p for a method of order p."""
        return [math.log2(a / b) for a, b in pairwise(self.errors.values())]


def solver_order(name: str, solver: Solver, steps: Sequence[int] = (32, 64, 128, 256)) -> SolverOrder:
    """Error of a solver against the exact flow, for grids of `steps` steps, each twice as many as the one before."""
    errors, calls = {}, {}
    for n in steps:
        sigmas = _GRID.grid(n)
        noise = torch.randn(_STARTS, 1, 1, 1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        x = sigmas[0] * noise
        errors[n] = float((solver.solve(_denoise, x, sigmas) - exact_flow(x, float(sigmas[0]))).abs().max())
        calls[n] = solver.nfe(n)
    return SolverOrder(name, errors, calls)


def exact_flow(x: Float[Tensor, "b t c h w"], sigma: float) -> Float[Tensor, "b t c h w"]:
    """Where the probability flow takes x from level sigma to 0: it keeps (x - m) / sqrt(v + sigma^2) of every Gaussian pixel."""
    return _MEAN + (_VARIANCE / (_VARIANCE + sigma**2)).sqrt() * (x - _MEAN)


def bench_solvers() -> list[SolverOrder]:
    """Every deterministic solver, at its defaults; DDPM adds noise, so that it follows no flow."""
    named = {name: make_solver(name) for name in solver_names()}
    return [solver_order(name, solver) for name, solver in named.items() if not isinstance(solver, DDPM)]


def orders_as_text(found: Sequence[SolverOrder]) -> str:
    """A table for the terminal."""
    steps = list(found[0].errors)
    lines = [
        "Error against the exact probability flow of Gaussian pixels, and the order of convergence: log2 of the ratio of",
        "errors when the steps are doubled. Euler and DDIM are of order 1, Heun and DPM-Solver++(2M) of order 2.",
        "",
        f"{'solver':<12}" + "".join(f"{f'{n} steps':>14}" for n in steps) + f"{'observed order':>22}",
    ]
    for s in found:
        orders = ", ".join(f"{o:.2f}" for o in s.orders)
        lines.append(f"{s.name:<12}" + "".join(f"{e:>14.2e}" for e in s.errors.values()) + f"{orders:>22}")
    lines += ["", "network calls"]
    lines += [f"{s.name:<12}" + "".join(f"{c:>14}" for c in s.calls.values()) for s in found]
    return "\n".join(lines)


def _denoise(x: Float[Tensor, "b t c h w"], sigma: Float[Tensor, " b"]) -> Float[Tensor, "b t c h w"]:
    """The exact denoiser of these pixels."""
    s = sigma.view(-1, 1, 1, 1, 1) ** 2
    return _MEAN + _VARIANCE / (_VARIANCE + s) * (x - _MEAN)
