"""Noise levels: what grids promise to solvers, and the schedules' published numbers."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inpaintdiff.diffusion.sigma import (
    CosineGrid,
    DDPMLinearDistribution,
    DDPMLinearGrid,
    KarrasGrid,
    LogNormalDistribution,
    grid_names,
    make_grid,
)
from inpaintdiff.errors import SettingError


@given(st.sampled_from(grid_names()), st.integers(1, 200))
def test_grids_decrease_to_zero_in_float64(name, n):
    grid = make_grid(name).grid(n)
    assert grid.dtype == torch.float64
    assert grid.shape == (n + 1,)
    assert (grid[1:] < grid[:-1]).all()
    assert grid[-1] == 0


def test_linear_schedule_has_the_levels_of_ddpm():
    grid = DDPMLinearGrid().grid(1000)
    assert grid[0].item() == pytest.approx(157.41, abs=0.01)
    assert 1 / (1 + grid[0].item() ** 2) == pytest.approx(4.0358e-5, rel=1e-4)
    assert grid[-2].item() == pytest.approx(0.0100, abs=1e-4)
    beta = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    abar = 1 / (1 + grid[:-1].flip(0) ** 2)
    torch.testing.assert_close(abar[1:] / abar[:-1], 1 - beta[1:])


@pytest.mark.parametrize("name", ["ddpm-linear", "cosine"])
def test_grids_of_schedules_take_levels_of_the_schedule_and_both_ends(name):
    levels, grid = make_grid(name).grid(1000), make_grid(name).grid(20)
    assert set(grid.tolist()) <= set(levels.tolist())
    assert grid[0] == levels[0]
    assert grid[-2] == levels[-2]


def test_cosine_schedule_is_the_formula_where_beta_is_not_capped():
    grid = CosineGrid().grid(1000).flip(0)[1:]  # increasing, sigma of t = 1/T ... 1

    def abar(t: float) -> float:
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2

    for k in (0, 1, 100, 500, 997):
        a = abar((k + 1) / 1000)
        assert grid[k].item() == pytest.approx(math.sqrt((1 - a) / a), rel=1e-9)


def test_karras_grid_is_equation_5():
    grid = KarrasGrid(0.002, 80.0, 7.0).grid(18)
    for i in range(18):
        expected = (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
        assert grid[i].item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("karass", {}, "choose one of ddpm-linear, cosine, karras"),
        ("karras", {"sigma": 1.0}, "it has: sigma_min, sigma_max, rho"),
        ("karras", {"sigma_min": 90.0}, "0 < sigma_min < sigma_max"),
    ],
)
def test_a_wrong_grid_is_refused(name, options, match):
    with pytest.raises(SettingError, match=match):
        make_grid(name, **options)


@pytest.mark.parametrize(("name", "n"), [("karras", 0), ("cosine", 1001), ("ddpm-linear", 1001)])
def test_a_wrong_number_of_steps_is_refused(name, n):
    with pytest.raises(SettingError, match="step"):
        make_grid(name).grid(n)


def test_linear_distribution_is_uniform_over_the_schedule():
    levels = DDPMLinearGrid().grid(1000)[:-1].flip(0).float()
    drawn = DDPMLinearDistribution().sample(20_000, torch.Generator().manual_seed(0))
    t = torch.searchsorted(levels, drawn)
    assert torch.equal(levels[t], drawn)
    counts = torch.histc(t.float(), bins=10, min=0, max=1000)
    assert ((counts - 2000).abs() < 5 * math.sqrt(2000)).all()


def test_log_normal_distribution_has_its_moments():
    drawn = LogNormalDistribution().sample(20_000, torch.Generator().manual_seed(0)).log()
    assert drawn.mean().item() == pytest.approx(-1.2, abs=5 * 1.2 / math.sqrt(20_000))
    assert drawn.std().item() == pytest.approx(1.2, rel=0.03)
