"""The promises of `Inpainter` about pixels, noise, batches and work: METHOD section 9, items 2, 3, 4 and 7."""

import copy
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inpaintdiff.diffusion.denoiser import NetworkDenoiser
from inpaintdiff.diffusion.sigma import KarrasGrid
from inpaintdiff.diffusion.solvers import DDIM, DDPM, Heun, Solver, make_solver, solver_names
from inpaintdiff.errors import PlanError, SettingError
from inpaintdiff.inpaint import Inpainter, MemoryCanvas
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.inpaint.inpainter import stage_seed
from inpaintdiff.schemes import SamplingScheme, Stage, make_scheme, scheme_names
from inpaintdiff.types import Conditioning, VideoClip
from tests.inpaint.small import Counting, clip, inpainter, random_network

SCHEMES = ["ar", "lookahead-ar++"]


@pytest.fixture(scope="module")
def network() -> NetworkDenoiser:
    return random_network()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("solver", solver_names())
def test_outside_the_hole_the_output_is_the_input_bit_for_bit(network, solver, scheme):
    source = clip()
    source.frames[0, 0, 0, 0] = -0.0
    source.frames[2, 0, 0, 0] = 1.5  # out of range, and yet not ours to mend
    before = source.frames.clone()
    out = inpainter(network, scheme, make_solver(solver))(source, samples=2)
    known = ~source.hole.expand(2, 8, 3, 8, 8)
    bits = out.frames.view(torch.int32)
    assert torch.equal(bits[known], source.frames.expand(2, -1, -1, -1, -1).contiguous().view(torch.int32)[known])
    assert torch.isfinite(out.frames).all()
    assert out.frames[~known].abs().max() <= 1
    assert not torch.equal(out.frames[0], out.frames[1])
    assert not out.hole.any()
    assert torch.equal(out.index, source.index.expand(2, -1))
    assert torch.equal(source.frames.view(torch.int32), before.view(torch.int32))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_missing_costs_nothing_and_changes_nothing(scheme):
    source = clip()
    source = VideoClip(source.frames, torch.zeros_like(source.hole), source.index)
    denoiser = Counting()
    out = inpainter(denoiser, scheme)(source, samples=2)
    assert denoiser.asked == []
    assert list(inpainter(denoiser, scheme).iter(source)) == []
    assert torch.equal(
        out.frames.view(torch.int32), source.frames.expand(2, -1, -1, -1, -1).contiguous().view(torch.int32)
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_all_missing_gives_what_does_not_depend_on_the_input(network, scheme):
    a, b = (VideoClip(clip(seed=s).frames, torch.ones(8, 1, 8, 8, dtype=torch.bool), torch.arange(8)) for s in (0, 1))
    assert torch.equal(inpainter(network, scheme)(a).frames, inpainter(network, scheme)(b).frames)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("garbage", [0.3, 1e30, math.inf])
def test_what_lies_under_the_hole_never_matters(network, scheme, garbage):
    a = clip()
    b = VideoClip(a.frames.masked_fill(a.hole, garbage), a.hole, a.index)
    assert torch.equal(inpainter(network, scheme)(a).frames, inpainter(network, scheme)(b).frames)


@dataclass(frozen=True)
class Spoiling(Solver):
    """Runs another solver from a start that is spoilt where `known` is True."""

    inner: Solver
    known: torch.Tensor

    def solve(self, denoise, x, sigmas, generator=None):
        return self.inner.solve(denoise, x.masked_fill(self.known, math.nan), sigmas, generator)

    def nfe(self, steps):
        return self.inner.nfe(steps)


@pytest.mark.parametrize("solver", solver_names())
def test_noise_at_known_pixels_never_matters(network, solver):
    source = clip(4)
    plain = make_solver(solver)
    whole = make_scheme("ar", window=4, step=4)
    spoilt = inpainter(network, whole, Spoiling(plain, ~source.hole))(source)
    assert torch.equal(spoilt.frames, inpainter(network, whole, plain)(source).frames)
    moved = inpainter(network, whole, Spoiling(plain, source.hole))(source)
    assert moved.frames.isnan().any()  # the spoiling does reach the network


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("solver", [Heun(), DDPM(), Heun(s_churn=4.0)], ids=["Heun", "DDPM", "churn"])
def test_a_sample_depends_on_its_seed_alone(network, solver, scheme):
    source = clip(6)
    tool = inpainter(network, scheme, solver, steps=3)
    four = tool(source, samples=4, seed=3).frames
    for size in (1, 3):
        cut = inpainter(network, scheme, solver, steps=3, samples_per_batch=size)(source, samples=4, seed=3).frames
        torch.testing.assert_close(cut, four, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(tool(source, samples=1, seed=3).frames, four[:1], rtol=1e-4, atol=1e-4)
    other = tool(source, samples=1, seed=4).frames
    assert (other - four).abs().flatten(1).amax(dim=1).min() > 0.05


def test_a_sample_can_be_painted_again(network):
    tool = inpainter(network, "lookahead-ar++", Heun(s_churn=4.0))
    assert torch.equal(tool(clip(), samples=2, seed=1).frames, tool(clip(), samples=2, seed=1).frames)


def test_a_clip_in_a_batch_is_denoised_as_if_alone(network):
    clips = [clip(4, seed=s) for s in range(3)]
    conds = [condition(c.frames[None], c.hole[None], c.index[None] * (k + 1)) for k, c in enumerate(clips)]
    x = torch.randn(3, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    sigma = torch.tensor([0.1, 1.0, 10.0])
    with torch.no_grad():
        together = network(x, sigma, Conditioning.cat(conds))
        for k in range(3):
            torch.testing.assert_close(
                together[k], network(x[k : k + 1], sigma[k : k + 1], conds[k])[0], rtol=1e-4, atol=1e-5
            )


def test_seeds_of_stages_do_not_collide():
    seeds = {stage_seed(s, sample, stage) for s in range(20) for sample in range(20) for stage in range(20)}
    assert len(seeds) == 8000
    assert stage_seed(1, 2, 3) == 3751671686878481423  # a resumed run must find the same noise in later versions


def test_progress_counts_stages_and_frames():
    source = clip()
    tool = inpainter(Counting(0.5))
    plan = tool.plan(source.incomplete())
    seen = list(tool.iter(source, samples=2))
    assert [p.stage for p in seen] == plan
    assert [(p.done_stages, p.total_stages) for p in seen] == [(k + 1, len(plan)) for k in range(len(plan))]
    assert seen[-1].done_frames == seen[-1].total_frames == 6
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(seen))


def test_after_every_stage_its_latent_frames_are_painted_and_the_others_are_not():
    source = clip()
    left = set(range(2, 8))
    for p in inpainter(Counting(0.5), "lookahead-ar++").iter(source):
        left -= set(p.stage.latent)
        now = p.canvas.clip()
        for i in range(8):
            assert now.hole[0, i].any().item() == (i in left)
            assert now.frames[0, i].isnan().any().item() == (i in left)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_network_sees_the_window_and_network_calls_are_those_of_the_plan(scheme):
    source, denoiser = clip(), Counting(0.5)
    tool = inpainter(denoiser, scheme)
    tool(source, samples=3)
    plan = tool.plan(source.incomplete())
    assert tool.calls == 7
    assert len(denoiser.asked) == 7 * len(plan)
    for k, (x, cond) in enumerate(denoiser.asked):
        stage = plan[k // 7]
        assert x.shape == (3, len(stage.frames), 3, 8, 8)
        assert torch.equal(cond.index[0], source.index[list(stage.frames)])
        for j, i in enumerate(stage.frames):
            assert cond.observed_frames()[0, j] == (i in stage.observed)
            painted = torch.where(source.hole[i], torch.tensor(0.5), source.frames[i])
            expected = painted if i in stage.observed else source.frames[i].masked_fill(source.hole[i], 0.0)
            assert torch.equal(cond.known[0, j], expected)


class Watched(MemoryCanvas):
    """Counts the frames that are asked for."""

    asked = 0

    def window(self, positions: Sequence[int], samples: slice) -> torch.Tensor:
        self.asked += len(positions)
        return super().window(positions, samples)


def test_a_long_video_costs_its_windows_only():
    n = 3000
    hole = torch.zeros(n, 1, 8, 8, dtype=torch.bool)
    hole[1500:1504] = True
    source = VideoClip(torch.zeros(1, 1, 1, 1).expand(n, 3, 8, 8), hole, torch.arange(n))
    denoiser = Counting(0.5)
    canvas = Watched(source)
    done = list(inpainter(denoiser).paint(canvas))
    assert len(done) == 2
    assert canvas.asked == 8
    assert all(cond.index.min() >= 1490 for _, cond in denoiser.asked)
    assert (canvas.clip().frames[0, 1500:1504] == 0.5).all()


@given(
    st.integers(1, 9).flatmap(lambda n: st.lists(st.integers(0, 2**4 - 1), min_size=n, max_size=n)),
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from(scheme_names()),
)
def test_any_hole_is_filled_and_nothing_else_changes(patterns, window, step, scheme):
    hole = torch.tensor([[p >> k & 1 for k in range(4)] for p in patterns], dtype=torch.bool).view(-1, 1, 2, 2)
    frames = torch.linspace(-1, 0, 4 * len(patterns)).view(-1, 1, 2, 2)
    source = VideoClip(frames.masked_fill(hole, math.nan), hole, torch.arange(len(patterns)))
    out = inpainter(Counting(0.5), make_scheme(scheme, window=window, step=step), DDIM(), steps=1)(source, samples=2)
    assert torch.equal(out.frames, torch.where(hole, torch.tensor(0.5), frames).expand(2, -1, -1, -1, -1))


@dataclass(frozen=True)
class Greedy(SamplingScheme):
    """Observes a frame before it is painted."""

    def stages(self, incomplete: Sequence[bool]) -> Iterator[Stage]:
        yield Stage(latent=(2,), observed=(3,))


def test_a_plan_that_cannot_be_run_is_refused_before_any_network_call():
    denoiser = Counting()
    with pytest.raises(PlanError, match=r"Greedy made a plan that cannot be run: stage 0: observed frames \[3\]"):
        inpainter(denoiser, Greedy(4, 2))(clip())
    assert denoiser.asked == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"clip_x0": 0.0}, "clip_x0 must be positive"),
        ({"samples_per_batch": 0}, "samples_per_batch must be at least 1"),
    ],
)
def test_wrong_settings_are_refused(options, match):
    options = {"steps": 4, **options}
    with pytest.raises(SettingError, match=match):
        Inpainter(Counting(), make_scheme("ar", window=4, step=2), Heun(), KarrasGrid(), **options)


@pytest.mark.gpu
def test_a_gpu_gives_the_sample_of_the_cpu(network):
    on_cpu = inpainter(network)(clip(), samples=2, seed=5).frames
    on_gpu = inpainter(copy.deepcopy(network), device="cuda")(clip(), samples=2, seed=5).frames
    assert on_gpu.device.type == "cpu"
    torch.testing.assert_close(on_gpu, on_cpu, rtol=1e-2, atol=1e-2)
