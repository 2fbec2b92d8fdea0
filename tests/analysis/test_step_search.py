"""The search on Gaussian frames, where what many steps arrive at is known, and its guard against what holds on no other window."""

import math

import pytest
import torch

from inpaintdiff.analysis.step_search import StepSearch, Window
from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.diffusion.sigma import KarrasGrid
from inpaintdiff.diffusion.solvers import DDIM, DPMpp2M, Heun
from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.types import Conditioning

GRID = KarrasGrid(0.01, 20.0)


class Gaussian(Denoiser):
    """Independent values of standard deviation `spread`."""

    def __init__(self, spread: float = 0.1) -> None:
        super().__init__()
        self.spread, self.calls = spread, 0

    def forward(self, x: torch.Tensor, sigma: torch.Tensor, cond: Conditioning) -> torch.Tensor:
        self.calls += 1
        v = self.spread**2
        return torch.where(cond.known_mask, cond.known, v / (v + sigma.view(-1, 1, 1, 1, 1) ** 2) * x)


def windows(n: int, seed: int = 0) -> list[Window]:
    g = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(n):
        frames, noise = 0.1 * torch.randn(1, 3, 3, 8, 8, generator=g), torch.randn(1, 3, 3, 8, 8, generator=g)
        hole = torch.zeros(1, 3, 1, 8, 8, dtype=torch.bool)
        hole[:, 1:, :, 2:6, 2:6] = True
        made.append(Window(condition(frames, hole, torch.arange(3)[None]), noise))
    return made


@pytest.mark.parametrize("steps", [1, 3, 5])
@pytest.mark.parametrize("solver", [DDIM(), DPMpp2M()])
def test_fewer_steps_come_nearer_to_many(steps: int, solver: DDIM | DPMpp2M) -> None:
    denoiser, tried = Gaussian(), []
    found = StepSearch(denoiser, solver, GRID.grid(60)).run(
        windows(3), windows(3, 1), GRID.grid(steps), 60, tried.append
    )
    assert len(found.levels) == steps
    assert all(a > b for a, b in zip(found.levels, (*found.levels[1:], 0.0), strict=True))
    assert found.error <= found.before[0]
    assert found.unseen <= found.before[1]
    if steps > 1:
        assert found.error < 0.7 * found.before[0]
    assert tried == list(range(1, found.trials + 1))
    assert found.trials <= 60
    assert denoiser.calls == 6 * 60 + 3 * steps * (found.trials + 1) + 3 * steps


def test_the_error_is_the_distance_from_the_exact_flow() -> None:
    """Of independent Gaussian values x_0 = x_s v^1/2 / (v + s^2)^1/2; one step of DDIM goes to D(x_s)."""
    search = StepSearch(Gaussian(), DDIM(), KarrasGrid(1e-4, 20.0).grid(3000))
    given = windows(2)
    found = search.run(given, windows(2, 1), torch.tensor([20.0, 0.0], dtype=torch.float64), 1)
    apart = 20.0 * (0.1 / math.hypot(0.1, 20.0) - 0.01 / (0.01 + 400.0))
    noise = torch.cat([w.noise[:, 1:, :, 2:6, 2:6].flatten() for w in given])
    assert found.error == pytest.approx(apart * float(noise.square().mean().sqrt()), rel=2e-3)


def test_what_does_not_hold_elsewhere_is_not_taken() -> None:
    """Planted: the windows that check are of frames with other values, for which the model's own grid is best."""

    class Two(Gaussian):
        def forward(self, x: torch.Tensor, sigma: torch.Tensor, cond: Conditioning) -> torch.Tensor:
            self.spread = 0.1 if int(cond.index[0, 0]) == 0 else 3.0
            return super().forward(x, sigma, cond)

    def other(n: int) -> list[Window]:
        return [Window(Conditioning(w.cond.known, w.cond.known_mask, w.cond.index + 7), w.noise) for w in windows(n, 1)]

    own = GRID.grid(4)
    search = StepSearch(Two(), DDIM(), GRID.grid(60))
    trusting = search.run(windows(2), windows(2, 1), own, 60)
    assert trusting.levels != tuple(own[:-1].tolist())
    misled = search.run(windows(2), other(2), own, 60)
    assert misled.levels == tuple(own[:-1].tolist())
    assert (misled.error, misled.unseen) == misled.before


def test_two_calls_a_step_are_refused() -> None:
    with pytest.raises(SettingError, match="one call a step, Heun has more"):
        StepSearch(Gaussian(), Heun(), GRID.grid(10))
