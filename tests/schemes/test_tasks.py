"""Frame subsets for training: they fit, cover everything, and are distributed as published."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inpaintdiff.errors import PlanError
from inpaintdiff.schemes import Stage, make_scheme, scheme_names
from inpaintdiff.schemes.tasks import FDMTasks, MixtureTasks, SchemeTasks, TaskSampler, draw_incomplete


class Fixed(TaskSampler):
    """Always the same stage."""

    def __init__(self, stage):
        self.stage = stage

    def sample(self, length, rng):
        return self.stage


@given(window=st.integers(1, 20), step=st.integers(1, 24), length=st.integers(1, 60), seed=st.integers(0, 2**32))
@settings(max_examples=200)
def test_stages_fit(window, step, length, seed):
    both = MixtureTasks([FDMTasks(window), SchemeTasks(scheme_names(), window, step)])
    for tasks in (*both.samplers, both):
        stage = tasks.sample(length, random.Random(seed))
        assert len(stage.latent) >= 1
        assert len(stage.frames) <= window
        assert 0 <= stage.frames[0] <= stage.frames[-1] < length
        assert tasks.sample(length, random.Random(seed)) == stage


def test_the_published_distribution():
    tasks, rng = FDMTasks(16), random.Random(0)
    draws = [tasks.sample(400, rng) for _ in range(10_000)]
    assert all(not s.lookahead for s in draws)
    assert 0.71 < sum(not s.observed for s in draws) / len(draws) < 0.735
    spans = [s.frames[-1] - s.frames[0] + 1 for s in draws]
    assert min(spans) == 1
    assert max(spans) == 400
    assert sum(50 < s < 350 for s in spans) > 1000
    assert {len(s.frames) for s in draws} == set(range(1, 17))
    # everywhere in the video, alike from both ends; a uniform start of a long group favours the middle
    quarters = [0] * 4
    for stage in draws:
        for i in stage.frames:
            quarters[i // 100] += 1
    assert abs(quarters[0] / quarters[3] - 1) < 0.05
    assert abs(quarters[1] / quarters[2] - 1) < 0.05
    assert 1.3 < quarters[1] / quarters[0] < 1.6


def test_spacing_is_log_uniform():
    # K = 2: four of five latent pairs are one group with spacing log-uniform in [1, 400], median 20; the rest are two groups of
    # one frame. Uniform spacing would leave 5 % of the gaps at 20 and below.
    rng, tasks = random.Random(1), FDMTasks(2)
    gaps = [s.latent[1] - s.latent[0] for s in (tasks.sample(400, rng) for _ in range(8000)) if len(s.latent) == 2]
    assert 0.39 < sum(gap <= 20 for gap in gaps) / len(gaps) < 0.46


@pytest.mark.parametrize("length", [1, 2, 5, 15])
def test_clips_shorter_than_the_window(length):
    rng = random.Random(length)
    draws = [FDMTasks(16).sample(length, rng) for _ in range(500)]
    assert {len(s.frames) for s in draws} == {length}  # everything fits, so groups go on until every frame has a role
    assert length == 1 or any(s.observed for s in draws)


def test_stages_are_those_of_the_schemes():
    rng, tasks = random.Random(0), SchemeTasks(["lookahead-ar++"], window=8)
    scheme = make_scheme("lookahead-ar++", 8, 4)
    everything = {s for cut in range(1, 41) for s in scheme.stages([i < cut for i in range(40)])}
    draws = [tasks.sample(40, rng) for _ in range(3000)]
    assert sum(s in everything for s in draws) > 600  # all incomplete, or a late reveal
    assert sum(bool(s.lookahead) for s in draws) > 600
    assert any(s.lookahead and s.observed for s in draws)
    assert SchemeTasks(["ar"], window=8, step=2).schemes[0].step == 2


@pytest.mark.parametrize("name", scheme_names())
def test_every_scheme_can_be_mimicked(name):
    rng = random.Random(0)
    assert len({SchemeTasks([name], window=6).sample(30, rng) for _ in range(100)}) > 10


def test_hole_patterns_cover_what_videos_have():
    rng = random.Random(0)
    draws = [draw_incomplete(40, rng) for _ in range(3000)]
    assert all(len(d) == 40 and any(d) for d in draws)
    assert 0.15 < sum(all(d) for d in draws) / 3000 < 0.4
    switches = [sum(a != b for a, b in pairwise(d)) for d in draws]
    assert {0, 1, 2} < set(switches)
    assert max(switches) > 15
    assert sum(d[0] and not d[-1] and s == 1 for d, s in zip(draws, switches, strict=True)) > 300
    assert draw_incomplete(1, rng) == (True,)


def test_a_mixture_keeps_its_weights():
    one, two = Stage((0,)), Stage((1,))
    mixture, rng = MixtureTasks([Fixed(one), Fixed(two)], [1, 3]), random.Random(0)
    assert 0.72 < sum(mixture.sample(5, rng) == two for _ in range(4000)) / 4000 < 0.78
    assert MixtureTasks([Fixed(one), Fixed(two)], [0, 1]).sample(5, rng) == two


@pytest.mark.parametrize(
    "make",
    [
        lambda: FDMTasks(0),
        lambda: SchemeTasks([]),
        lambda: SchemeTasks(["arr"]),
        lambda: MixtureTasks([]),
        lambda: MixtureTasks([FDMTasks(4)], [1, 2]),
        lambda: MixtureTasks([FDMTasks(4)], [-1]),
        lambda: MixtureTasks([FDMTasks(4)], [0]),
        lambda: MixtureTasks([FDMTasks(4)], [float("nan")]),
    ],
)
def test_wrong_settings_are_refused(make):
    with pytest.raises(PlanError):
        make()
