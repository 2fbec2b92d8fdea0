"""Distillation on Gaussian frames, where the best student is a closed form: one step of it is what its teacher does in several."""

from itertools import pairwise

import pytest
import torch

from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.diffusion.distillation import distillation_loss, segments
from inpaintdiff.diffusion.sigma import KarrasGrid, LevelsGrid, LogNormalDistribution
from inpaintdiff.diffusion.solvers import DDIM, DPMpp2M, Solver
from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.types import Conditioning

VARIANCE = 0.01  # small, so that no estimate is clamped
GRID = KarrasGrid(0.01, 20.0)


class Shrinks(Denoiser):
    """Frames of independent Gaussian values: D(x; sigma) = c(sigma) x."""

    def __init__(self, factors: dict[float, float] | None = None) -> None:
        super().__init__()
        self.factors = factors
        self.seen: list[float] = []

    def factor(self, sigma: float) -> float:
        if self.factors is None:
            return VARIANCE / (VARIANCE + sigma**2)
        return self.factors[min(self.factors, key=lambda s: abs(s - sigma))]

    def forward(self, x: torch.Tensor, sigma: torch.Tensor, cond: Conditioning) -> torch.Tensor:
        self.seen += sigma.tolist()
        c = torch.tensor([self.factor(s) for s in sigma.tolist()], dtype=x.dtype)
        return torch.where(cond.known_mask, cond.known.to(x.dtype), c.view(-1, 1, 1, 1, 1) * x)


def best_student(steps: list[torch.Tensor], solver: Solver) -> dict[float, float]:
    """From what the teacher does to the number 1, as everything is linear."""
    teacher, factors = Shrinks(), {}
    for levels in steps:
        one = torch.ones(1, 1, 1, 1, 1, dtype=torch.float64)
        arrived = float(solver.solve(lambda x, s: teacher.factor(float(s)) * x, one, levels))
        ratio = float(levels[-1] / levels[0])
        factors[float(levels[0])] = (arrived - ratio) / (1 - ratio)
    return factors


def batch(n: int = 6) -> tuple[torch.Tensor, Conditioning, list[torch.Generator]]:
    g = torch.Generator().manual_seed(0)
    clean = VARIANCE**0.5 * torch.randn(n, 3, 3, 8, 8, generator=g)
    hole = torch.rand(n, 3, 1, 8, 8, generator=g) < 0.4
    hole[:, 0] = False
    return (
        clean,
        condition(clean, hole, torch.arange(3).repeat(n, 1)),
        [torch.Generator().manual_seed(i) for i in range(n)],
    )


def loss(student: Denoiser, steps: list[torch.Tensor], solver: Solver, rows: list[int] | None = None) -> torch.Tensor:
    clean, cond, generators = batch()
    if rows is not None:
        clean, generators = clean[rows], [generators[i] for i in rows]
        cond = Conditioning(cond.known[rows], cond.known_mask[rows], cond.index[rows])
    return distillation_loss(student, Shrinks(), clean, cond, steps, solver, LogNormalDistribution(), generators)


@pytest.mark.parametrize("solver", [DDIM(), DPMpp2M()])
def test_the_best_student_costs_nothing_and_any_other_does(solver: Solver) -> None:
    steps = segments(GRID, 3, 4)
    best = best_student(steps, solver)
    assert float(loss(Shrinks(best), steps, solver).max()) < 1e-6
    assert float(loss(Shrinks(), steps, solver).mean()) > 1e-3, "the teacher itself is no student"
    first = next(iter(best))
    assert float(loss(Shrinks({**best, first: best[first] + 0.01}), steps, solver).max()) > 1e-4, "planted fault"


@pytest.mark.parametrize("solver", [DDIM(), DPMpp2M()])
def test_the_best_student_paints_in_few_steps_what_its_teacher_paints_in_many(solver: Solver) -> None:
    """Equal noise, equal picture: a part of the way begins afresh, so with a solver that looks back the teacher is asked part by part."""
    steps = segments(GRID, 3, 4)
    student, teacher = Shrinks(best_student(steps, solver)), Shrinks()
    x = 20.0 * torch.randn(2, 3, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    long = x
    for levels in steps:
        long = solver.solve(lambda y, s: teacher.factor(float(s[0])) * y, long, levels)
    grid = LevelsGrid(tuple(float(levels[0]) for levels in steps))
    short = DDIM().solve(lambda y, s: student.factor(float(s[0])) * y, x, grid.grid(3))
    torch.testing.assert_close(short, long, rtol=1e-9, atol=1e-9)
    assert float((short - x).abs().max()) > 1


def test_segments_are_the_teachers_grid_in_parts() -> None:
    steps = segments(GRID, 3, 4)
    assert [len(s) for s in steps] == [5, 5, 5]
    assert torch.equal(torch.cat([steps[0], *(s[1:] for s in steps[1:])]), GRID.grid(12))
    assert all(a[-1] == b[0] for a, b in pairwise(steps))
    for wrong in ((0, 4), (4, 0)):
        with pytest.raises(SettingError, match="at least 1, got"):
            segments(GRID, *wrong)


def test_a_clip_costs_the_same_whatever_the_batch() -> None:
    steps = segments(GRID, 3, 2)
    whole = loss(Shrinks(), steps, DDIM())
    for i in range(6):
        torch.testing.assert_close(loss(Shrinks(), steps, DDIM(), [i]), whole[i : i + 1])
    assert len({round(v, 6) for v in whole.tolist()}) == 6


def test_only_levels_of_the_student_are_asked_and_all_of_them() -> None:
    steps = segments(GRID, 3, 2)
    student = Shrinks()
    for _ in range(4):
        loss(student, steps, DDIM())
    assert {round(s, 4) for s in student.seen} <= {round(float(s[0]), 4) for s in steps}
    assert len(set(student.seen)) > 1


def test_known_pixels_cost_nothing() -> None:
    clean, cond, generators = batch()
    whole = Conditioning(clean, torch.ones_like(cond.known_mask), cond.index)
    found = distillation_loss(
        Shrinks(), Shrinks(), clean, whole, segments(GRID, 2, 2), DDIM(), LogNormalDistribution(), generators
    )
    assert found.tolist() == [0.0] * 6


def test_levels_grid() -> None:
    assert LevelsGrid((5.0, 1.0)).grid(2).tolist() == [5.0, 1.0, 0.0]
    with pytest.raises(SettingError, match="2 steps at levels of its own, got 3; leave out --steps"):
        LevelsGrid((5.0, 1.0)).grid(3)
    for wrong in ((), (1.0, 1.0), (1.0, 2.0), (1.0, 0.0)):
        with pytest.raises(SettingError, match="must decrease"):
            LevelsGrid(wrong)
