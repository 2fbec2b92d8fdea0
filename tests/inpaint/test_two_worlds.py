"""Samples of a multi-modal law: METHOD section 9, item 14."""

import math

import pytest
import torch

from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.diffusion.sigma import make_grid
from inpaintdiff.diffusion.solvers import DDIM, DDPM, make_solver, solver_names
from inpaintdiff.inpaint import Inpainter
from inpaintdiff.metrics.generative import mode_coverage
from inpaintdiff.schemes import make_scheme, scheme_names
from inpaintdiff.types import VideoClip


class TwoWorlds(Denoiser):
    """Exact denoiser of videos that are all dark or all bright, with equal odds, plus pixel noise of deviation 0.1.

    The first half of the picture has the same grey in both worlds, so known pixels there tell nothing.
    """

    deviation = 0.1

    def forward(self, x, sigma, cond):
        v = self.deviation**2
        level = (sigma.double() ** 2).view(-1, 1, 1, 1, 1)
        value = torch.where(cond.known_mask, cond.known, x).double()
        spread = torch.where(cond.known_mask, v, v + level).expand_as(value)
        means = []
        for world in (-0.6, 0.6):
            m = torch.full_like(value, world)
            m[..., : m.shape[-1] // 2] = 0.2
            means.append(m)
        logits = [(-0.5 * (value - m) ** 2 / spread).flatten(1).sum(dim=1) for m in means]
        weight = torch.stack(logits).softmax(dim=0).view(2, -1, 1, 1, 1, 1)
        out = sum(w * (m + v / (v + level) * (value - m)) for w, m in zip(weight, means, strict=True))
        return torch.where(cond.known_mask, cond.known, out.float())


QUICK = ("ar", "lookahead-ar++")


@pytest.mark.parametrize(
    "scheme",
    # "independent" never looks at what it has painted: nothing makes its stages agree on a world, and that is its definition
    [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in scheme_names() if n != "independent"],
)
@pytest.mark.parametrize("solver", solver_names())
def test_two_worlds(solver, scheme):
    """Both answers come up in at least 30 % of samples, none is a mixture, and no sample changes its mind along the video."""
    hole = torch.zeros(6, 1, 2, 4, dtype=torch.bool)
    hole[..., 1:] = True
    g = torch.Generator().manual_seed(0)
    frames = 0.2 + 0.1 * torch.randn(6, 1, 2, 4, generator=g)
    source = VideoClip(frames.masked_fill(hole, math.nan), hole, torch.arange(6))
    plan = make_scheme(scheme, window=3, step=2)
    steps = 100 if isinstance(make_solver(solver), DDPM | DDIM) else 40
    out = Inpainter(TwoWorlds(), plan, make_solver(solver), make_grid("karras"), steps, clip_x0=None)(
        source, samples=200
    )
    told = out.frames[..., 2:].flatten(2)  # s t p
    bright = (told > 0).float().mean(dim=(1, 2))
    assert ((bright == 0) | (bright == 1)).all()
    assert 0.3 <= bright.mean() <= 0.7
    assert ((told.abs() - 0.6).abs() < 0.6).all()
    values = told.flatten(1)
    known = mode_coverage(values, torch.stack([torch.full_like(values[0], v) for v in (-0.6, 0.6)]), radius=0.3)
    assert (known.between, known.covered) == (0, 1)
    assert known.distance <= 0.2
    spread = out.frames.std(dim=0)
    at = hole.expand_as(spread)
    assert (spread[~at] == 0).all()
    assert (spread[at] > 0.03).all()
