"""Which cars were invented: the instrument on the truth, after h264, with noise, on pictures without a car, and its shares."""

import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from inpaintdiff.data.clips import WholeClips
from inpaintdiff.data.synthetic.cars import MODEL_SHARES, PAINT_SHARES, simulate_car
from inpaintdiff.data.synthetic.truth import car_appearances
from inpaintdiff.data.synthetic.write import synthesize
from inpaintdiff.data.video import to_unit
from inpaintdiff.evaluation import Method, baseline_method, evaluate
from inpaintdiff.evaluation.car_classes import coverage, kinds_of
from inpaintdiff.evaluation.known_worlds import Known, known_of
from inpaintdiff.evaluation.meaning import Meaning
from inpaintdiff.types import VideoClip

SHARES = {"model": MODEL_SHARES, "paint": PAINT_SHARES}
SIZE = 48


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> WholeClips:
    """Four clips, as h264."""
    root = tmp_path_factory.mktemp("cars") / "set"
    synthesize("cars", root, {"test": 4}, frames=3, size=SIZE, workers=0)
    return WholeClips(root, "test")


def test_the_nearest_of_some_cars() -> None:
    kinds = [("sedan", "white"), ("sedan", "red"), ("van", "white")]
    scenes = [simulate_car(5, 1, 32, *kind) for kind in kinds]
    hole = torch.from_numpy(scenes[0].hole).unsqueeze(1)
    every = torch.stack([to_unit(scene.frames) for scene in scenes])
    clip, cars = VideoClip(every[1], hole, torch.arange(1)), dict(zip(kinds, every, strict=True))
    assert kinds_of(every, clip, cars) == kinds
    assert kinds_of(every.mean(dim=0, keepdim=True).where(~hole, 0.0), clip, cars) == [None]
    other = VideoClip(every[1] - 0.3, hole, torch.arange(1))
    assert kinds_of(every, other, cars) is None, "another clip than the one that is known"


@pytest.mark.slow
def test_the_truth_is_known_after_h264_and_with_noise(data: WholeClips) -> None:
    known = known_of(data)
    for i in range(1):
        clip, cars = data[i], known.cars(data.name(i))
        assert cars is not None
        noisy = clip.frames + 0.1 * torch.randn(clip.frames.shape, generator=torch.Generator().manual_seed(i))
        flat = clip.frames.masked_fill(clip.hole, 0.0)
        labels = data.entries[i].labels
        right = (labels["model"], labels["paint"])
        assert kinds_of(torch.stack([clip.frames, noisy, flat]), clip, cars) == [right, right, None]


@pytest.mark.slow
def test_every_car_of_many_clips() -> None:
    """8 clips of other seeds; a hole filled with the mean colour of what surrounds it shows no car."""
    for seed in range(31_000_000, 31_000_008):
        scene = simulate_car(seed, 1, 64)
        clip = VideoClip(to_unit(scene.frames), torch.from_numpy(scene.hole).unsqueeze(1), torch.arange(1))
        colour = clip.frames.movedim(1, -1)[~clip.hole[:, 0]].mean(dim=0).view(3, 1, 1)
        even = torch.where(clip.hole, colour, clip.frames)
        found = kinds_of(torch.stack([clip.frames, even]), clip, car_appearances(seed, 1, 64))
        assert found == [(scene.labels["model"], scene.labels["paint"]), None]


def test_shares_that_are_those_and_shares_that_are_not() -> None:
    lawful: Counter = Counter()
    for model, a in MODEL_SHARES.items():
        for paint, b in PAINT_SHARES.items():
            lawful[(model, paint)] = round(10_000 * a * b)
    right, one_sided = coverage(lawful, SHARES), coverage(Counter({("sedan", "white"): 100}), SHARES)
    assert all(found.distance < 1e-3 and found.chance > 0.99 for found in right.values())
    assert one_sided["model"].distance == pytest.approx(1 - MODEL_SHARES["sedan"])
    assert one_sided["paint"].distance == pytest.approx(1 - PAINT_SHARES["white"])
    nothing = coverage(Counter({None: 5}), SHARES)
    assert nothing["paint"].distance == pytest.approx(1)


@pytest.mark.slow
def test_in_the_table_and_the_facts(data: WholeClips, tmp_path: Path) -> None:
    clips = [(data.name(i), data[i]) for i in range(4)]
    truths = dict(clips)
    told = Method("told", painted=lambda video, clip: truths[video].frames[None])
    found = evaluate([told, baseline_method("blur")], clips, further=Meaning(known_of(data)), families=["psnr"])
    cars = json.loads(found.save_json(tmp_path / "r.json").read_text())["about"]["cars"]
    assert cars["truth"] == cars["told"]
    assert cars["told"]["no_car"] == 0
    labels = Counter(entry.labels["paint"] for entry in data.entries)
    assert {k: n for k, n in cars["told"]["paint"].items() if n} == labels
    assert cars["blur"]["no_car"] >= 3
    assert found.sets["told"]["paint_shares"].value < found.sets["blur"]["paint_shares"].value
    assert "paints of cars, departure from known shares, N = 4 ↓" in found.table()


def test_the_best_of_a_ratio_is_one() -> None:
    clip = data_of_one()
    noise = Method("noise", lambda c, n, seed: clip.frames + torch.randn(3, *clip.frames.shape))
    text = evaluate([noise], [("a", clip)], samples=3, further=Meaning(Known()), families=["psnr"]).table()
    assert "error over spread →1" in text


def data_of_one() -> VideoClip:
    hole = torch.zeros(2, 1, 16, 16, dtype=torch.bool)
    hole[..., 4:8, 4:8] = True
    return VideoClip(torch.zeros(2, 3, 16, 16), hole, torch.arange(2))
