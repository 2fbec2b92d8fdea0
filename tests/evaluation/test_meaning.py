"""Semantic and generative scores in the table of `evaluate`."""

import json
import math

import pytest
import torch

from inpaintdiff.data.synthetic.truth import traffic_world
from inpaintdiff.data.synthetic.worlds import world_clip
from inpaintdiff.evaluation import Evaluation, Method, baseline_method, evaluate
from inpaintdiff.evaluation.known_worlds import Known
from inpaintdiff.evaluation.meaning import Meaning, shows
from inpaintdiff.types import VideoClip

SEED, FRAMES = 20_000_001, 16
GENERATIVE = ("psnr_hole_best_of_k", "psnr_hole_of_mean", "diversity")
CALIBRATION = ("calibration_error", "error_over_spread", "spread_error_rank")


def near_truth(samples: int, spread: float) -> Method:
    """The truth and noise in the hole: what no real painter could know."""
    truth = world_clip("traffic", SEED, FRAMES).frames

    def paint(clip, asked, seed):
        return truth + spread * torch.randn(samples, *truth.shape, generator=torch.Generator().manual_seed(seed))

    return Method("near", paint)


def test_scores_of_meaning_are_in_table_files_and_facts(tmp_path):
    meaning = Meaning(Known(lambda video: traffic_world(SEED)))
    found = evaluate(
        [near_truth(3, 0.02), baseline_method("nearest")],
        [("clip", world_clip("traffic", SEED, FRAMES))],
        samples=3,
        about={"data": "one clip"},
        further=meaning,
    )
    assert found.mean("near", "semantic") >= 0.9
    assert not found.mean("nearest", "semantic") > 0.5
    assert meaning.truth() >= 0.98
    for name in (*GENERATIVE, *CALIBRATION):
        assert math.isfinite(found.mean("near", name))
        assert math.isnan(found.mean("nearest", name))
    assert found.mean("near", "diversity") == pytest.approx(0.01, rel=0.1)
    # samples are scattered round the truth itself, not round a guess: they differ more than they err
    assert found.mean("near", "error_over_spread") < 0.6
    assert "semantic" in found.table()
    raw = json.loads(found.save_json(tmp_path / "r.json").read_text())
    assert raw["about"]["semantic"]["near"]["speed_ks"] < 0.2
    assert sum(raw["about"]["calibration"]["near"]["share"]) == pytest.approx(1)
    assert Evaluation.load(tmp_path / "r.json").mean("near", "semantic") == found.mean("near", "semantic")


def test_a_place_is_known_by_the_frames_that_are_not_hidden():
    """Whole frames are hidden, all but the first; the truth is lawful in them as well, a video whose cars jump is not."""
    whole = world_clip("traffic", SEED, FRAMES)
    hole = torch.ones_like(whole.hole)
    hole[:5] = False
    clip = VideoClip(whole.frames, hole, whole.index)
    place = traffic_world(SEED)
    assert shows(place, clip)
    assert not shows(traffic_world(SEED + 1), clip)
    assert not shows(place, VideoClip(whole.frames, torch.ones_like(hole), whole.index))
    shuffled = torch.cat([whole.frames[:5], whole.frames[5:].flip(0)])
    for frames, low, high in ((whole.frames, 0.95, 1.0), (shuffled, 0.0, 0.5)):
        assert low <= Meaning(Known(lambda video: place))("any", "clip", clip, frames[None])["semantic"] <= high


def test_a_place_that_the_clip_does_not_show_gives_no_number():
    clip = world_clip("traffic", SEED, 6)
    assert shows(traffic_world(SEED), clip)
    for other in (traffic_world(SEED + 1), traffic_world(SEED, 32)):
        assert not shows(other, clip)
        meaning = Meaning(Known(lambda video, other=other: other))
        assert meaning("any", "clip", clip, clip.frames[None]) == {}
        assert meaning.facts() == {}
    assert Meaning(Known())("any", "clip", clip, clip.frames[None]) == {}
