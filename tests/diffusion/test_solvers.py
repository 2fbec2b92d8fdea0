"""Solvers against closed forms: order of convergence, posterior variance, network calls (METHOD section 9, item 13)."""

import itertools
import math

import pytest
import torch

from inpaintdiff.diffusion.sigma import DDPMLinearGrid, KarrasGrid, make_grid
from inpaintdiff.diffusion.solvers import DDIM, DDPM, DPMpp2M, Euler, Heun, make_solver, solver_names
from inpaintdiff.errors import SettingError

# One pixel for each variance: a Gaussian's denoiser is diagonal in its eigenbasis.
VARIANCE = torch.tensor([0.02, 0.1, 0.3, 1.0], dtype=torch.float64)
MEAN = torch.tensor([0.5, -0.3, 0.1, 0.8], dtype=torch.float64)


def gaussian(x, sigma):
    s = sigma.view(-1, 1, 1, 1, 1) ** 2
    return MEAN + VARIANCE / (VARIANCE + s) * (x - MEAN)


def noisy(b: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.randn(b, 2, 1, 1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("solver", "order", "slack"),
    [(Euler(), 1, 0.15), (DDIM(), 1, 0.15), (Heun(), 2, 0.25), (DPMpp2M(), 2, 0.25)],
    ids=lambda v: type(v).__name__ if not isinstance(v, int | float) else "",
)
def test_order_of_convergence(solver, order, slack):
    errors = []
    for n in (64, 128, 256, 512):
        sigmas = KarrasGrid(1e-4, 80.0).grid(n)
        x = sigmas[0] * noisy()
        # the probability flow of a Gaussian keeps (x - m) / sqrt(v + sigma^2)
        exact = MEAN + (VARIANCE / (VARIANCE + sigmas[0] ** 2)).sqrt() * (x - MEAN)
        errors.append((solver.solve(gaussian, x, sigmas) - exact).abs().max().item())
    observed = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert observed == pytest.approx([order] * 3, abs=slack), errors


@pytest.mark.parametrize("name", solver_names())
@pytest.mark.parametrize("n", [1, 2, 7])
def test_network_calls_are_as_documented(name, n):
    calls = []

    def denoise(x, sigma):
        calls.append(sigma)
        return gaussian(x, sigma)

    solver = make_solver(name)
    sigmas = make_grid("karras").grid(n)
    solver.solve(denoise, sigmas[0] * noisy(), sigmas)
    assert len(calls) == solver.nfe(n) == (2 * n - 1 if name == "heun" else n)
    assert all(c.shape == (3,) and (c > 0).all() for c in calls)


def test_heun_looks_at_the_new_point():
    """Published code of this field re-uses the old estimate there, which is Euler in disguise."""
    points = []

    def denoise(x, sigma):
        points.append((x.clone(), sigma[0].item()))
        return gaussian(x, sigma)

    sigmas = torch.tensor([4.0, 1.0, 0.0], dtype=torch.float64)
    Heun().solve(denoise, 4 * noisy(), sigmas)
    (x0, s0), (x1, s1), (x2, s2) = points
    assert (s0, s1, s2) == (4.0, 1.0, 1.0)
    slope = (x0 - gaussian(x0, torch.full((3,), 4.0, dtype=torch.float64))) / 4
    torch.testing.assert_close(x1, x0 - 3 * slope)
    torch.testing.assert_close(x2, x0 - 1.5 * (slope + x1 - gaussian(x1, torch.ones(3, dtype=torch.float64))))


def test_dpmpp2m_integrates_an_estimate_that_is_linear_in_log_sigma():
    """The integral that it discretises is then known: x_r = r/s x_s + r int_r^s (a + b ln q) / q^2 dq."""
    a, b = 0.7, -0.2

    def denoise(x, sigma):
        return torch.full_like(x, a + b * math.log(sigma[0].item()))

    # the first step is first order: make it so small that it does not count
    sigmas = torch.tensor([1.0 + 1e-7, 1.0, 0.999, 0.998, 0.0], dtype=torch.float64)
    levels = []

    def spy(x, sigma):
        levels.append(x.clone())
        return denoise(x, sigma)

    DPMpp2M().solve(spy, noisy(), sigmas)
    # what is left is O(h^3), 1e-9; a first-order step would be wrong by 1e-7
    r, s = 0.998, 1.0

    def primitive(q: float) -> float:
        return -(a + b + b * math.log(q)) / q

    exact = r / s * levels[1] + r * (primitive(s) - primitive(r))
    torch.testing.assert_close(levels[3], exact, rtol=0, atol=1e-8)


def test_ddim_without_noise_is_euler_in_this_scale():
    sigmas = make_grid("ddpm-linear").grid(20)
    x = sigmas[0] * noisy()
    torch.testing.assert_close(DDIM().solve(gaussian, x, sigmas), Euler().solve(gaussian, x, sigmas))


@pytest.mark.parametrize("solver", [DDIM(eta=1.0), DDPM()], ids=["DDIM(eta=1)", "DDPM"])
def test_ddpm_posterior_over_all_steps(solver):
    """Mean and variance of every step against DDPM's own variance-preserving formulas (arXiv 2006.11239, equations 6 and 7)."""
    beta = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    abar = torch.cumprod(1 - beta, dim=0)
    clean = 0.3
    path = []

    def denoise(x, sigma):
        path.append(x.clone())
        return torch.full_like(x, clean)

    sigmas = DDPMLinearGrid().grid(1000)
    solver.solve(denoise, sigmas[0] * noisy(1), sigmas, torch.Generator().manual_seed(5))
    again = torch.Generator().manual_seed(5)
    for k in range(999):
        t = 999 - k
        noise = torch.randn(path[k].shape, generator=again, dtype=torch.float64)
        xt = abar[t].sqrt() * path[k]
        mean = (abar[t - 1].sqrt() * beta[t] * clean + (1 - beta[t]).sqrt() * (1 - abar[t - 1]) * xt) / (1 - abar[t])
        variance = (1 - abar[t - 1]) / (1 - abar[t]) * beta[t]
        torch.testing.assert_close(abar[t - 1].sqrt() * path[k + 1], mean + variance.sqrt() * noise)


def test_churn_adds_the_noise_of_edm():
    """Algorithm 2: raised level sigma (1 + gamma), gamma = min(S_churn / n, sqrt 2 - 1), only between S_min and S_max."""
    seen = []

    def denoise(x, sigma):
        seen.append((x.clone(), sigma[0].item()))
        return gaussian(x, sigma)

    sigmas = torch.tensor([8.0, 2.0, 0.1, 0.0], dtype=torch.float64)
    x = 8 * noisy(1)
    Heun(s_churn=0.9, s_min=1.0, s_max=5.0, s_noise=1.1).solve(denoise, x, sigmas, torch.Generator().manual_seed(3))
    assert [s for _, s in seen] == pytest.approx([8.0, 2.0, 2.6, 0.1, 0.1])
    assert torch.equal(seen[0][0], x)  # outside [s_min, s_max] nothing is added
    quiet = []
    Heun().solve(lambda x, s: quiet.append(x.clone()) or gaussian(x, s), x, sigmas)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    torch.testing.assert_close(seen[2][0] - quiet[2], 1.1 * math.sqrt(2.6**2 - 2.0**2) * noise)
    most = Heun(s_churn=1e6)
    seen.clear()
    most.solve(denoise, x, sigmas, torch.Generator().manual_seed(3))
    assert seen[0][1] == pytest.approx(8 * math.sqrt(2))


STOCHASTIC = [DDPM(), DDIM(eta=1.0), Heun(s_churn=10.0)]


@pytest.mark.parametrize("solver", STOCHASTIC, ids=lambda s: type(s).__name__)
def test_a_generator_for_each_element_makes_it_independent_of_its_batch(solver):
    sigmas = make_grid("karras").grid(6)
    x = sigmas[0] * noisy(4)

    def generators(which):
        return [torch.Generator().manual_seed(i) for i in which]

    together = solver.solve(gaussian, x, sigmas, generators(range(4)))
    for i in range(4):
        alone = solver.solve(gaussian, x[i : i + 1], sigmas, generators([i]))
        assert torch.equal(alone[0], together[i])
    assert not torch.equal(together, solver.solve(gaussian, x, sigmas, generators(range(1, 5))))
    with pytest.raises(SettingError, match="3 generators for a batch of 4"):
        solver.solve(gaussian, x, sigmas, generators(range(3)))


@pytest.mark.parametrize("name", solver_names())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_state_keeps_its_type_and_the_caller_its_tensor(name, dtype):
    sigmas = make_grid("ddpm-linear").grid(5)
    x = (sigmas[0] * noisy()).to(dtype)
    before = x.clone()
    types = set()

    def denoise(x, sigma):
        types.update((x.dtype, sigma.dtype))
        return gaussian(x, sigma).to(x.dtype)

    out = make_solver(name).solve(denoise, x, sigmas, torch.Generator().manual_seed(0))
    assert out.dtype == dtype
    assert types == {dtype}
    assert torch.equal(x, before)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("name", solver_names())
def test_solvers_are_values_without_state(name):
    solver = make_solver(name)
    assert solver == make_solver(name)
    assert hash(solver) == hash(make_solver(name))
    sigmas = make_grid("karras").grid(8)
    runs = [solver.solve(gaussian, sigmas[0] * noisy(), sigmas, torch.Generator().manual_seed(0)) for _ in range(2)]
    assert torch.equal(*runs)


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("hein", {}, "choose one of ddpm, ddim, euler, heun, dpmpp-2m"),
        ("euler", {"eta": 1.0}, "it has: none"),
        ("ddim", {"eta": 1.5}, r"eta must lie in \[0, 1\]"),
        ("heun", {"s_churn": -1.0}, "s_churn >= 0"),
    ],
)
def test_a_wrong_solver_is_refused(name, options, match):
    with pytest.raises(SettingError, match=match):
        make_solver(name, **options)
