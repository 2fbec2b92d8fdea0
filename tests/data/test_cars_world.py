"""The cars world: appearance is ambiguous by construction, with known probabilities."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chisquare

from inpaintdiff.data.format import defects, read_manifest
from inpaintdiff.data.synthetic.car_models import MODELS, PAINTS, draw_from
from inpaintdiff.data.synthetic.cars import MODEL_SHARES, PAINT_SHARES, simulate_car
from inpaintdiff.data.synthetic.write import synthesize
from inpaintdiff.data.tracks import read_tracks


def drawn(seeds: range) -> list[tuple[str, str]]:
    """Model and paint of so many clips; exactly the draws of `simulate_car`, whose pictures would take too long."""
    streams = [np.random.default_rng([seed, 1]) for seed in seeds]
    return [(draw_from(MODEL_SHARES, rng), draw_from(PAINT_SHARES, rng)) for rng in streams]


def test_classes_follow_their_probabilities_and_not_each_other() -> None:
    """Chi-square over 4,000 seeds: of models, of paints, and of both together, which is the product."""
    found = drawn(range(4000))
    joint = {(m, p): a * b for m, a in MODEL_SHARES.items() for p, b in PAINT_SHARES.items()}
    assert sum(joint.values()) == pytest.approx(1)
    for shares, values in (
        (MODEL_SHARES, [m for m, _ in found]),
        (PAINT_SHARES, [p for _, p in found]),
        (joint, found),
    ):
        counts = Counter(values)
        observed = [counts[value] for value in shares]
        assert chisquare(observed, [share * len(found) for share in shares.values()]).pvalue > 0.001
    # the planted fault: equal shares are another law
    assert chisquare([Counter(m for m, _ in found)[m] for m in MODEL_SHARES]).pvalue < 1e-6


def test_the_labels_are_those_draws() -> None:
    for seed in range(4):
        labels = simulate_car(seed, 1, 16).labels
        assert [(labels["model"], labels["paint"])] == drawn(range(seed, seed + 1))


def test_nothing_outside_the_hole_tells_which_car_it_is() -> None:
    """Every model and paint: the same hole, and the same pixels outside of it, bit for bit; another picture inside."""
    first = simulate_car(1, 1, 48, "sedan", "white")
    assert 0.03 < first.hole.mean() < 0.6
    for model, paint in [*((m, "red") for m in MODEL_SHARES), ("sedan", "black"), ("van", "green")]:
        other = simulate_car(1, 1, 48, model, paint)
        assert np.array_equal(other.hole, first.hole)
        assert np.array_equal(other.frames[~first.hole], first.frames[~first.hole])
        assert np.abs(other.frames[first.hole].astype(int) - first.frames[first.hole]).max() > 40


def test_the_box_of_the_car_lies_in_the_hole() -> None:
    scene = simulate_car(3, 6, 64)
    assert [p.frame for p in scene.tracks] == list(range(6))
    for p in scene.tracks:
        rows, columns = np.nonzero(scene.hole[p.frame])
        assert columns.min() <= max(0, p.x1)
        assert min(64, p.x2) <= columns.max() + 1
        assert rows.min() <= p.y1
        assert p.y2 <= rows.max() + 1
        assert p.visible == pytest.approx(1)


def test_a_car_moves_before_a_moving_background() -> None:
    scene = simulate_car(1, 10, 64)
    outside = ~scene.hole.any(axis=0)
    assert np.abs(scene.frames[0].astype(int) - scene.frames[9])[outside].mean() > 2


def test_the_truth_is_in_the_data_set(tmp_path: Path) -> None:
    synthesize("cars", tmp_path / "a", {"train": 2, "val": 1}, frames=3, size=32, workers=0)
    manifest = read_manifest(tmp_path / "a")
    assert list(defects(tmp_path / "a")) == []
    assert manifest.shares == {"model": MODEL_SHARES, "paint": PAINT_SHARES}
    for clips in manifest.splits.values():
        for clip in clips:
            boxes = read_tracks(tmp_path / "a" / str(clip.tracks))
            assert {b.kind for b in boxes} == {clip.labels["model"]}
            assert clip.labels["paint"] in PAINT_SHARES
    assert set(MODEL_SHARES) <= set(MODELS)
    assert set(PAINT_SHARES) <= set(PAINTS)
