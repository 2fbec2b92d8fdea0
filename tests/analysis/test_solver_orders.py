"""The printed orders of convergence are those of theory, and a solver that only claims its order is found out."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch

from inpaintdiff.analysis.solver_orders import bench_solvers, exact_flow, orders_as_text, solver_order
from inpaintdiff.cli import main
from inpaintdiff.diffusion.solvers import Heun

THEORY = {"ddim": (1, 0.15), "euler": (1, 0.15), "heun": (2, 0.25), "dpmpp-2m": (2, 0.25)}


def test_observed_orders_are_those_of_theory() -> None:
    found = bench_solvers()
    assert {s.name for s in found} == set(THEORY)
    for s in found:
        order, slack = THEORY[s.name]
        assert s.orders == pytest.approx([order] * 3, abs=slack), s
    text = orders_as_text(found)
    assert all(name in text for name in THEORY)


@dataclass(frozen=True)
class FalseHeun(Heun):
    """The planted fault: the slope at the end of a step from the estimate at its beginning, as published code has it."""

    def solve(self, denoise, x, sigmas, generator=None):
        levels = sigmas.tolist()
        for s, r in pairwise(levels):
            x0 = denoise(x, x.new_full((x.shape[0],), s))
            new = x + (r - s) * (x - x0) / s
            if r > 0:
                new = x + (r - s) * ((x - x0) / s + (new - x0) / r) / 2
            x = new
        return x


def test_a_heun_that_is_euler_in_disguise_is_found_out() -> None:
    assert max(solver_order("false", FalseHeun()).orders) < 1.2


def test_the_exact_flow_of_a_sure_pixel_ends_at_its_mean() -> None:
    x = torch.full((1, 1, 1, 1, 4), 80.0, dtype=torch.float64)
    at_once = exact_flow(x, 80.0)
    half_way = exact_flow(torch.full_like(x, 3.0), 0.0)
    assert torch.equal(half_way, torch.full_like(x, 3.0))  # level 0 is the end of the way
    assert (at_once - x).abs().min() > 70


def test_the_verb_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench-solvers"]) == 0
    said = capsys.readouterr().out
    assert "observed order" in said
    assert "dpmpp-2m" in said
