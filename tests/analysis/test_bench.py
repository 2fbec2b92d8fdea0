"""The bench of schemes: what its table must show, and its files."""

import json

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.analysis.bench import NO_Z, bench_schemes
from inpaintdiff.analysis.gaussian import GaussianVideo
from inpaintdiff.analysis.patterns import PATTERNS
from inpaintdiff.schemes import scheme_names


@pytest.fixture(scope="module")
def bench():
    return bench_schemes(GaussianVideo(frames=24, pixels=4), window=8, steps=(6, 4, 2), lengths=(6.0,))


def test_the_table_shows_what_is_known(bench):
    assert bench.one_window < 1e-6
    for pattern in ("moving", "grid", "blob"):  # every frame is incomplete, and other frames show what is hidden
        assert bench.score(pattern, "lookahead-ar++", 4).kl < bench.score(pattern, "ar", 4).kl
        assert bench.score(pattern, "lookahead-ar++", 4).kl < bench.score(pattern, NO_Z, 4).kl
    for scheme in ("hierarchy-2", "multires-ar-3", "ar-far-future"):  # complete frames come later
        assert bench.score("late reveal", scheme, 4).kl < 0.5 * bench.score("late reveal", "ar", 4).kl
    assert {s.scheme for s in bench.scores} == {*scheme_names(), NO_Z}
    assert len(bench.scores) == 3 * len(PATTERNS) * (len(scheme_names()) + 1)


def test_without_z_the_number_of_stages_is_the_same(bench):
    for pattern in PATTERNS:
        for step in (6, 4, 2):
            assert bench.score(pattern, NO_Z, step).stages == bench.score(pattern, "lookahead-ar++", step).stages


def test_the_gain_map(bench):
    (m,) = bench.maps
    assert m.without.shape == m.with_z.shape == (3, len(m.stays))
    assert m.stays[-1] == 24
    np.testing.assert_allclose(m.gain, m.without - m.with_z)
    # a hole that moves fast gains; under one that never moves, no frame shows what is hidden
    assert (m.gain[:, 0] > 0.5).all()
    assert (m.gain[:, -1] <= 1e-6).all()
    assert np.nanmax(m.share) <= 1


def test_advice_names_the_best_within_the_budget(bench):
    assert bench.best("moving", 100).kl == min(s.kl for s in bench.scores if s.pattern == "moving" and s.scheme != NO_Z)
    few = bench.score("late reveal", "ar", 6).stages
    assert bench.best("late reveal", few).stages <= few
    lines = bench.advice()
    assert all(any(line.startswith(pattern) for line in lines) for pattern in PATTERNS)
    assert len(lines) >= len(PATTERNS)
    for part in (*lines, *bench.ablation(), "With one window"):
        assert part in bench.text()


@pytest.mark.slow
def test_files(bench, tmp_path):
    files = bench.save(tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in files)
    assert len(json.loads((tmp_path / "out" / "schemes.json").read_text())["scores"]) == len(bench.scores)
    for path in files:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            assert pixels.shape[0] > 300
            assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
