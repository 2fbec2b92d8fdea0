"""Progressive distillation: a student learns to do in one step what its teacher does in several (arXiv 2202.00512)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.diffusion.denoiser import Denoiser, estimates
from inpaintdiff.diffusion.sigma import SigmaDistribution, SigmaGrid
from inpaintdiff.diffusion.solvers import Solver
from inpaintdiff.errors import SettingError
from inpaintdiff.types import Conditioning


def segments(grid: SigmaGrid, calls: int, substeps: int) -> list[Float[Tensor, " n_plus_1"]]:
    """The teacher's grid of calls x substeps steps, cut into the parts that the student does in a step each.

    Args:
        grid: of the teacher.
        calls: steps of the student.
        substeps: steps of the teacher for one of the student.

    Returns:
        For each step of the student the substeps + 1 decreasing float64 levels that the teacher visits; the last level is 0.

    Raises:
        SettingError: a number below 1, or a grid that has not so many levels.
    """
    if calls < 1 or substeps < 1:
        raise SettingError(f"calls and substeps must be at least 1, got {calls} and {substeps}")
    levels = grid.grid(calls * substeps)
    return [levels[k * substeps : (k + 1) * substeps + 1] for k in range(calls)]


def distillation_loss(
    student: Denoiser,
    teacher: Denoiser,
    clean: Float[Tensor, "b t c h w"],
    cond: Conditioning,
    steps: Sequence[Float[Tensor, " n_plus_1"]],
    solver: Solver,
    weights: SigmaDistribution,
    generators: Sequence[torch.Generator],
) -> Float[Tensor, " b"]:
    """One draw of the distillation loss for every clip.

    The teacher goes from x = clean + s n at the first level s of a random step to its last one, r, and arrives at y. The student shall be
    there by one DDIM step, x_r = D + r/s (x - D): its estimate D shall be (y - r/s x) / (1 - r/s) on unknown pixels (arXiv 2202.00512,
    appendix G, in the variance-exploding scale).

    Args:
        student: is trained.
        teacher: gives the target; no gradient reaches it.
        clean: true frames in [-1, 1].
        cond: which pixels are known.
        steps: see `segments`.
        solver: of the teacher. Its estimates are clamped to the range of frames, as in sampling.
        weights: how much an error at a level counts.
        generators: one a clip: of its step and noise, so that its draws do not depend on the batch that it is in.

    Returns:
        The loss of each clip, by its own number of unknown values; 0 for a clip without any.
    """
    assert len(generators) == len(clean), "one generator for each clip"
    device = clean.device
    drawn = [int(torch.randint(len(steps), (), generator=g, device=device)) for g in generators]
    noise = torch.stack([torch.randn(clean.shape[1:], generator=g, device=device) for g in generators])
    start = torch.tensor([float(steps[k][0]) for k in drawn], device=device)
    ratio = torch.tensor([float(steps[k][-1] / steps[k][0]) for k in drawn], device=device).view(-1, 1, 1, 1, 1)
    x = clean + start.view(-1, 1, 1, 1, 1) * noise
    arrived = torch.empty_like(x)
    for k in sorted(set(drawn)):
        rows = [i for i, j in enumerate(drawn) if j == k]
        arrived[rows] = _teach(teacher, x[rows], _rows(cond, rows), steps[k], solver)
    target = (arrived - ratio * x) / (1 - ratio)
    error = (student(x, start, cond) - target).square()
    unknown = (~cond.known_mask).expand_as(error)
    total = torch.where(unknown, error, 0.0).flatten(1).sum(dim=1)
    return weights.weight(start) * total / unknown.flatten(1).sum(dim=1).clamp(min=1)


@torch.no_grad()
def _teach(
    teacher: Denoiser, x: Float[Tensor, "b t c h w"], cond: Conditioning, levels: Tensor, solver: Solver
) -> Float[Tensor, "b t c h w"]:
    return solver.solve(estimates(teacher, cond), x, levels)


def _rows(cond: Conditioning, rows: Sequence[int]) -> Conditioning:
    at = list(rows)
    return Conditioning(cond.known[at], cond.known_mask[at], cond.index[at])
