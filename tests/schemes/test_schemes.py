"""What every plan must hold to, for every scheme, video length, hole, window and step."""

import pickle
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inpaintdiff.errors import PlanError
from inpaintdiff.schemes import LookaheadARPlusPlus, SamplingScheme, Stage, check_plan, make_scheme, scheme_names

NAMES = (
    "ar", "ar-far-future", "lookahead-ar", "lookahead-ar+", "lookahead-ar++", "hierarchy-2", "hierarchy-3",
    "multires-ar-2", "multires-ar-3", "long-range", "independent", "adaptive",
)  # fmt: skip


@st.composite
def holes(draw, most=300):
    """Which frames are incomplete: dense, sparse, or in runs."""
    n = draw(st.integers(0, most))
    kind = draw(st.sampled_from(["all", "none", "random", "runs", "one", "ends"]))
    if kind in ("all", "none"):
        return [kind == "all"] * n
    if kind == "random":
        share, rng = draw(st.floats(0, 1)), draw(st.randoms(use_true_random=False))
        return [rng.random() < share for _ in range(n)]
    if kind == "runs":
        cuts = sorted(draw(st.lists(st.integers(0, n), max_size=12)))
        return [sum(i >= c for c in cuts) % 2 == 1 for i in range(n)]
    if kind == "one":
        at = draw(st.integers(0, max(0, n - 1)))
        return [i == at for i in range(n)]
    return [i in (0, n - 1) for i in range(n)]


def assert_valid(stages, incomplete, window):
    """Budget, partition, order; written apart from `check_plan`."""
    complete = [not x for x in incomplete]
    for stage in stages:
        assert len(stage.latent) >= 1
        assert len(stage.latent) + len(stage.lookahead) + len(stage.observed) <= window
        for role in (stage.latent, stage.lookahead, stage.observed):
            assert list(role) == sorted(set(role))
            assert all(0 <= i < len(incomplete) for i in role)
        assert all(complete[i] for i in stage.observed)
        assert not any(complete[i] for i in stage.latent + stage.lookahead)
        assert not set(stage.latent) & set(stage.lookahead)
        for i in stage.latent:
            complete[i] = True
    assert all(complete)


def test_the_names_are_all_there():
    assert scheme_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
@given(incomplete=holes(), window=st.integers(1, 64), step=st.integers(1, 70))
@settings(max_examples=30)
def test_every_plan_is_valid(name, incomplete, window, step):
    scheme = make_scheme(name, window, step)
    stages = list(scheme.stages(incomplete))
    assert_valid(stages, incomplete, window)
    assert list(check_plan(stages, incomplete, window)) == stages
    assert list(scheme.stages(tuple(incomplete))) == stages  # no state is left from the first time
    assert len(stages) <= sum(incomplete)
    assert not any(incomplete) or stages


@pytest.mark.parametrize("name", NAMES)
@given(incomplete=holes(40), window=st.integers(40, 60), step=st.integers(1, 50))
@settings(max_examples=10)
def test_what_one_window_holds_is_one_stage(name, incomplete, window, step):
    stages = list(make_scheme(name, window, step).stages(incomplete))
    complete = tuple(i for i, x in enumerate(incomplete) if not x)
    latent = tuple(i for i, x in enumerate(incomplete) if x)
    assert stages == ([Stage(latent, (), complete)] if latent else [])


@pytest.mark.parametrize("name", NAMES)
def test_edges(name):
    for window in (1, 2, 3, 16):
        scheme = make_scheme(name, window, 8)
        assert list(scheme.stages([])) == []
        assert list(scheme.stages([False] * 50)) == []
        assert list(scheme.stages([True])) == [Stage((0,))]
        for at in (0, 49):
            (stage,) = scheme.stages([i == at for i in range(50)])
            assert stage.latent == (at,)
            assert stage.lookahead == ()


@pytest.mark.parametrize("name", NAMES)
def test_schemes_are_values(name):
    one, two = make_scheme(name, 12, 5), make_scheme(name, 12, 5)
    assert isinstance(one, SamplingScheme)
    assert (one, hash(one)) == (two, hash(two))
    assert one != make_scheme(name, 12, 6)
    assert pickle.loads(pickle.dumps(one)) == one


LONG_VIDEO = """
import sys, time
from inpaintdiff.schemes import make_scheme, scheme_names
for every in (1, 2):
    incomplete = [i % every == 0 for i in range(100_000)]
    for name in scheme_names():
        start = time.process_time()
        painted = sum(len(stage.latent) for stage in make_scheme(name).stages(incomplete))
        print(name, every, time.process_time() - start, painted)
assert not {"torch", "numpy"} & set(sys.modules)
"""


@pytest.mark.slow
def test_a_hundred_thousand_frames_are_planned_in_two_seconds():
    # in a process of its own, without the type checks that tests run under
    out = subprocess.run([sys.executable, "-c", LONG_VIDEO], check=True, capture_output=True, text=True).stdout
    rows = [row.split() for row in out.splitlines()]
    assert len(rows) == 2 * len(NAMES)
    for name, every, seconds, painted in rows:
        assert float(seconds) < 2, name
        assert int(painted) == 100_000 // int(every), name


@given(
    incomplete=holes(),
    window=st.integers(2, 24),
    step=st.integers(1, 24),
    near=st.integers(0, 6),
    far=st.integers(0, 6),
)
@settings(max_examples=30)
def test_without_lookahead_the_order_of_frames_is_the_same(incomplete, window, step, near, far):
    options = {"window": window, "step": step, "near": near, "far": far}
    with_z = list(make_scheme("lookahead-ar++", **options).stages(incomplete))
    without = list(make_scheme("lookahead-ar++", use_lookahead=False, **options).stages(incomplete))
    assert_valid(with_z, incomplete, window)
    assert_valid(without, incomplete, window)
    assert [s.latent for s in without] == [s.latent for s in with_z]
    assert all(s.lookahead == () for s in without)
    # the slots of Z go to the past, nothing else changes
    assert all(set(a.observed) <= set(b.observed) for a, b in zip(with_z, without, strict=True))


def test_lookahead_does_look_ahead():
    stages = list(make_scheme("lookahead-ar++").stages([True] * 100))
    assert all(s.lookahead for s in stages[:-1])
    assert all(min(s.lookahead) > max(s.latent) for s in stages[:-1])
    assert (LookaheadARPlusPlus().near, LookaheadARPlusPlus().far) == (2, 2)


class EveryFrameAlone(SamplingScheme):
    """A user's scheme."""

    def stages(self, incomplete):
        for i, hole in enumerate(incomplete):
            if hole:
                yield Stage((i,))


def test_a_users_scheme_is_found():
    scheme = make_scheme(f"{__name__}:EveryFrameAlone", window=3, step=1)
    assert scheme.window == 3
    assert_valid(scheme.stages([True, False, True]), [True, False, True], 3)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("lookahead-ar+++", {}, "did you mean 'lookahead-ar\\+\\+'"),
        ("hierachy-2", {}, "did you mean 'hierarchy-2'"),
        ("qqqq", {}, "expected package.module:Class or one of ar, "),
        ("no.such.module:Scheme", {}, "cannot import"),
        (f"{__name__}:Absent", {}, "cannot import"),
        ("inpaintdiff.schemes:Stage", {}, "not a sampling scheme"),
        ("ar", {"near": 3}, "options of scheme 'ar' do not fit"),
        ("ar", {"window": 0}, "window must be at least 1"),
        ("ar", {"step": 0}, "step must be at least 1"),
        ("lookahead-ar++", {"near": -1}, "near must be at least 0"),
        ("adaptive", {"embedding": [[0.0]]}, "expected one for each of 30 frames"),
    ],
)
def test_wrong_requests_are_explained(name, options, says):
    with pytest.raises(PlanError, match=says):
        list(make_scheme(name, **options).stages([True] * 30))


@pytest.mark.parametrize(
    ("stages", "says"),
    [
        ([Stage((0, 1), (), (2,))], "exceed the window"),
        ([Stage((0, 5))], "outside the video"),
        ([Stage((2,))], "complete already"),
        ([Stage((0,)), Stage((0, 1))], "complete already"),
        ([Stage((0,), (), (1,))], "not complete yet"),
        ([Stage((0,), (2,))], "belong to observed"),
        ([Stage((0,))], "1 frames unpainted"),
    ],
)
def test_plans_that_may_not_be_run_are_refused(stages, says):
    with pytest.raises(PlanError, match=says):
        list(check_plan(stages, [True, True, False], 2))


@pytest.mark.parametrize("roles", [((),), ((1, 0),), ((0, 0),), ((0,), (0,)), ((0,), (), (0,)), ((0,), (1,), (1,))])
def test_impossible_stages_cannot_be_made(roles):
    with pytest.raises(PlanError):
        Stage(*roles)
