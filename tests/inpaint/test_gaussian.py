"""METHOD section 9, item 12: samples of the real `Inpainter` have the mean and covariance that theory says, for solver x scheme."""

from collections.abc import Sequence

import pytest
import torch

from inpaintdiff.analysis import gaussian
from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.diffusion.sigma import KarrasGrid
from inpaintdiff.diffusion.solvers import DDIM, Heun, Solver, make_solver, solver_names
from inpaintdiff.inpaint import Inpainter, MemoryCanvas, inpainter
from inpaintdiff.schemes import SamplingScheme, make_scheme, scheme_names
from inpaintdiff.types import VideoClip
from tests.oracle import (
    Agreement,
    GaussianDenoiser,
    GaussianVideo,
    Law,
    PastingDenoiser,
    agreement,
    holes,
    scheme_law,
    true_law,
)

VIDEO = GaussianVideo()
GRID = KarrasGrid(0.01, 200.0)
# Steps that make a solver's own error small beside the Monte-Carlo error of that many samples; noise a step and sample is slow.
COST = {"ddpm": (150, 500), "ddim": (150, 2000), "euler": (150, 2000), "heun": (50, 2000), "dpmpp-2m": (60, 2000)}


def paint(
    clip: VideoClip,
    scheme: SamplingScheme,
    solver: Solver,
    steps: int,
    samples: int,
    denoiser: Denoiser | None = None,
    canvas: MemoryCanvas | None = None,
) -> torch.Tensor:
    """Unknown pixels of samples from the real Inpainter, [s, u]."""
    denoiser = denoiser or GaussianDenoiser(VIDEO)
    tool = Inpainter(denoiser, scheme, solver, GRID, steps, clip_x0=None)
    canvas = canvas or MemoryCanvas(clip, samples)
    for _ in tool.paint(canvas, seed=7):
        pass
    return canvas.clip().frames.flatten(1)[:, clip.hole.flatten()]


def induced(clip: VideoClip, scheme: SamplingScheme) -> Law:
    return scheme_law(VIDEO, clip, scheme.stages(clip.incomplete()))


@pytest.mark.parametrize("scheme", ["ar", "lookahead-ar++"])
@pytest.mark.parametrize("solver", solver_names())
def test_samples_follow_the_law_of_the_scheme(solver, scheme):
    follows_its_law(solver, scheme, "moving")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", scheme_names())
@pytest.mark.parametrize("solver", solver_names())
def test_every_scheme_with_every_solver(solver, scheme):
    follows_its_law(solver, scheme, "late")


def follows_its_law(solver: str, scheme: str, pattern: str) -> None:
    plan = make_scheme(scheme, window=4, step=2)
    clip = VIDEO.clip(holes(pattern, 8, VIDEO))
    steps, samples = COST[solver]
    found = agreement(paint(clip, plan, make_solver(solver), steps, samples), induced(clip, plan))
    assert found, found


@pytest.mark.parametrize("pattern", ["moving", pytest.param("early", marks=pytest.mark.slow)])
@pytest.mark.parametrize("scheme", scheme_names())
def test_every_scheme(scheme, pattern):
    plan = make_scheme(scheme, window=5, step=2)
    clip = VIDEO.clip(holes(pattern, 9, VIDEO))
    found = agreement(paint(clip, plan, make_solver("dpmpp-2m"), *COST["dpmpp-2m"]), induced(clip, plan))
    assert found, found


@pytest.mark.parametrize("solver", [Heun(s_churn=20.0, s_max=50.0), DDIM(eta=0.5)])
def test_stochastic_options_keep_the_law(solver):
    plan = make_scheme("lookahead-ar++", window=4, step=2)
    clip = VIDEO.clip(holes("moving", 6, VIDEO))
    found = agreement(paint(clip, plan, solver, 120, 500), induced(clip, plan))
    assert found, found


@pytest.mark.parametrize("scheme", [pytest.param("ar", marks=pytest.mark.slow), "lookahead-ar++"])
@pytest.mark.parametrize("solver", solver_names())
def test_one_window_gives_the_true_posterior(solver, scheme):
    clip = VIDEO.clip(holes("early", 5, VIDEO))
    steps, samples = COST[solver]
    found = agreement(
        paint(clip, make_scheme(scheme, window=5, step=5), make_solver(solver), steps, samples), true_law(VIDEO, clip)
    )
    assert found, found


@pytest.mark.parametrize("scheme", ["ar", "lookahead-ar++"])
def test_the_induced_law_is_the_truth_exactly_where_one_window_holds_all(scheme):
    clip = VIDEO.clip(holes("early", 6, VIDEO))
    truth = true_law(VIDEO, clip)
    whole, cut = (induced(clip, make_scheme(scheme, window=k, step=k)) for k in (6, 3))
    torch.testing.assert_close(whole.mean, truth.mean)
    torch.testing.assert_close(whole.covariance, truth.covariance)
    assert (cut.covariance - truth.covariance).abs().max() > 0.01


@pytest.mark.parametrize("pattern", ["moving", "late", "early"])
@pytest.mark.parametrize("scheme", scheme_names())
def test_the_bench_for_schemes_finds_the_same_law_by_its_own_route(scheme, pattern):
    video = GaussianVideo(height=1, width=4)
    clip = video.clip(holes(pattern, 12, video))
    plan = make_scheme(scheme, window=5, step=2)
    mine = scheme_law(video, clip, plan.stages(clip.incomplete()))
    hole = clip.hole.view(12, 4)
    bench = gaussian.induced_law(plan, gaussian.GaussianVideo(frames=12, pixels=4, nugget=0.05), hole.numpy())
    known = clip.frames.flatten()[~clip.hole.flatten()].double()
    torch.testing.assert_close(torch.from_numpy(bench.mean_map) @ known, mine.mean)
    torch.testing.assert_close(torch.from_numpy(bench.covariance), mine.covariance)


class OffByOneFrames(MemoryCanvas):
    """Planted fault: a complete or painted frame is read one position too early."""

    def window(self, positions: Sequence[int], samples: slice) -> torch.Tensor:
        done = {i for i, missing in enumerate(self.clip().hole[0].flatten(1).any(dim=1).tolist()) if not missing}
        return super().window([i - 1 if i in done and i - 1 in done else i for i in positions], samples)


class OffByOneNumbers(MemoryCanvas):
    """Planted fault: a complete or painted frame carries the next frame's number."""

    def index(self, positions: Sequence[int]) -> torch.Tensor:
        done = {i for i, missing in enumerate(self.clip().hole[0].flatten(1).any(dim=1).tolist()) if not missing}
        return super().index(positions) + torch.tensor([int(i in done) for i in positions])


@pytest.mark.parametrize("canvas", [OffByOneFrames, OffByOneNumbers])
@pytest.mark.parametrize("scheme", ["ar", "lookahead-ar++"])
@pytest.mark.parametrize("solver", ["ddim", pytest.param("heun", marks=pytest.mark.slow)])
def test_an_off_by_one_in_observed_frames_is_caught(solver, scheme, canvas):
    plan = make_scheme(scheme, window=4, step=2)
    clip = VIDEO.clip(holes("moving", 8, VIDEO))
    steps, samples = COST[solver]
    found = agreement(
        paint(clip, plan, make_solver(solver), steps, samples, canvas=canvas(clip, samples)), induced(clip, plan)
    )
    assert not found, found


@pytest.mark.parametrize("scheme", ["ar", "lookahead-ar++"])
@pytest.mark.parametrize("solver", ["ddim", pytest.param("heun", marks=pytest.mark.slow)])
def test_pasting_known_pixels_into_an_unconditional_model_is_caught(solver, scheme):
    plan = make_scheme(scheme, window=4, step=2)
    clip = VIDEO.clip(holes("moving", 8, VIDEO))
    steps, samples = COST[solver]
    found = agreement(
        paint(clip, plan, make_solver(solver), steps, samples, denoiser=PastingDenoiser(VIDEO)), induced(clip, plan)
    )
    assert not found, found


def test_what_fails_there_is_the_pasting():
    """Where nothing is known there is nothing to paste, and the same denoiser is right: the control fails for its reason only."""
    clip = VIDEO.clip(torch.ones(4, 1, VIDEO.height, VIDEO.width, dtype=torch.bool))
    plan = make_scheme("ar", window=4, step=4)
    found = agreement(paint(clip, plan, Heun(), *COST["heun"], denoiser=PastingDenoiser(VIDEO)), true_law(VIDEO, clip))
    assert found, found


def test_the_same_noise_in_every_stage_is_caught(monkeypatch):
    seed = inpainter.stage_seed
    monkeypatch.setattr(inpainter, "stage_seed", lambda s, sample, stage: seed(s, sample, 0))
    plan = make_scheme("ar", window=4, step=2)
    clip = VIDEO.clip(holes("moving", 8, VIDEO))
    found = agreement(paint(clip, plan, Heun(), *COST["heun"]), induced(clip, plan))
    assert not found, found


def test_the_law_of_another_scheme_is_caught():
    clip = VIDEO.clip(holes("moving", 8, VIDEO))
    ar, ahead = (make_scheme(name, window=4, step=2) for name in ("ar", "lookahead-ar++"))
    found = agreement(paint(clip, ahead, Heun(), *COST["heun"]), induced(clip, ar))
    assert not found, found


@pytest.mark.parametrize("count", [500, 2000])
def test_the_check_passes_exact_draws_and_fails_draws_five_percent_too_wide(count):
    law = induced(VIDEO.clip(holes("moving", 8, VIDEO)), make_scheme("ar", window=4, step=2))
    root = torch.linalg.cholesky(law.covariance)
    generator = torch.Generator().manual_seed(0)
    wide = 1.05 if count > 1000 else 1.1

    def draw(scale: float) -> Agreement:
        noise = torch.randn(count, len(root), generator=generator, dtype=torch.float64)
        return agreement(law.mean + scale * noise @ root.T, law)

    assert all(draw(1.0) for _ in range(100))
    assert not any(draw(wide) for _ in range(20))
