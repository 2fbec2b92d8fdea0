"""The paired evaluation: what painters are given, how answers are scored, and what lies in the files."""

import csv
import dataclasses
import json
import math

import pytest
import torch

from inpaintdiff.errors import HoleError, SettingError, VideoWriteError
from inpaintdiff.evaluation import V1, Evaluation, Method, VideoResult, baseline_method, evaluate
from inpaintdiff.metrics.frame import frame_scores
from inpaintdiff.types import VideoClip


def draw(seed: int, t: int = 3, size: int = 12) -> VideoClip:
    g = torch.Generator().manual_seed(seed)
    hole = torch.zeros(t, 1, size, size, dtype=torch.bool)
    hole[:, :, 4:9, 3:8] = True
    return VideoClip(torch.rand(t, 3, size, size, generator=g) - 0.5, hole, torch.arange(t))


def clips(n: int) -> list[tuple[str, VideoClip]]:
    return [(f"clip{i}", draw(i)) for i in range(n)]


def near(strength: float) -> Method:
    """The truth and an error of known size, which no real painter could know."""
    known = {c.frames[~c.hole.expand_as(c.frames)].sum().item(): c for _, c in clips(20)}

    def paint(clip: VideoClip, samples: int, seed: int) -> torch.Tensor:
        truth = known[clip.frames[~clip.hole.expand_as(clip.frames)].sum().item()].frames
        noise = torch.randn(samples, *truth.shape, generator=torch.Generator().manual_seed(seed))
        return truth + strength * noise

    return Method(f"near-{strength}", paint, calls=lambda clip: 7)


def test_no_painter_sees_the_truth_and_what_it_does_outside_does_not_count():
    seen = []

    def spy(clip: VideoClip, samples: int, seed: int) -> torch.Tensor:
        seen.append((clip, samples, seed))
        return torch.full((samples, *clip.frames.shape), 0.5)

    found = evaluate([Method("spy", spy)], clips(2), samples=3, seed=10)
    for i, (clip, samples, seed) in enumerate(seen):
        truth = draw(i)
        assert (clip.frames[clip.hole.expand_as(clip.frames)] == 0).all()
        assert torch.equal(
            clip.frames[~clip.hole.expand_as(truth.frames)], truth.frames[~clip.hole.expand_as(truth.frames)]
        )
        assert (samples, seed) == (3, 10 + i)
        expected = frame_scores(torch.where(truth.hole, 0.5, truth.frames), truth.frames, truth.hole)
        got = found.results["spy"][i].scores
        assert {k: got[k] for k in expected} == pytest.approx({k: float(v) for k, v in expected.items()})
        assert "psnr_outside" not in got  # it is exact by composition


def test_differences_are_those_that_were_planted():
    found = evaluate([near(0.1), near(0.2), baseline_method("telea")], clips(12))
    twice = found.difference("near-0.2", "psnr_hole")
    assert twice.mean == pytest.approx(20 * math.log10(2), abs=0.4)
    assert twice.verdict == found.difference("telea", "ssim_hole").verdict == 1
    assert found.mean("near-0.1", "psnr_hole") == pytest.approx(-20 * math.log10(0.05), abs=0.4)
    text = found.table()
    assert "12 videos, 1 answer a video, protocol v1" in text
    assert "In PSNR hole near-0.1 is ahead of near-0.2 and telea." in text
    assert "too narrow" not in text
    row = next(line for line in text.splitlines() if line.startswith("PSNR hole, dB ↑"))
    assert row.split()[-3:] == [f"{found.mean(m, 'psnr_hole'):.2f}" for m in found.methods]
    assert next(line for line in text.splitlines() if line.startswith("network calls")).split()[-3:] == ["7", "7", "0"]


def result(name: str, value: float) -> VideoResult:
    return VideoResult(name, dict.fromkeys(["psnr_hole", "ssim_hole"], value), 0.5, 0)


def made(*methods: list[float]) -> Evaluation:
    names = ["ours", "theirs", "others"]
    videos = {n: tuple(result(f"v{i}", x) for i, x in enumerate(xs)) for n, xs in zip(names, methods, strict=False)}
    return Evaluation(V1, videos, {"samples": 1})


def test_the_sentence_says_what_the_intervals_show():
    base = [20.0, 31.0, 24.0, 28.0, 22.0, 35.0, 19.0, 27.0, 26.0, 30.0]
    tie = [x + (-1) ** i for i, x in enumerate(base)]
    better = [x + 1 + 0.1 * (i % 3) for i, x in enumerate(base)]
    assert made(base, tie, better).sentence() == (
        "In PSNR hole ours is not shown to differ from theirs; behind others. "
        "In SSIM hole ours is not shown to differ from theirs; behind others."
    )
    assert "too narrow" in made(base[:4], tie[:4]).sentence()
    # a pair without intervals shows nothing
    alone = made([20.0], [10.0])
    assert "not shown to differ" in alone.sentence()
    assert "[no interval]" in alone.table()
    assert "minus" not in made(base).table()


def test_files(tmp_path):
    found = evaluate([near(0.1), baseline_method("blur")], clips(3), samples=2, about={"data": "drawn"})
    path = found.save_json(tmp_path / "new" / "r.json")
    raw = json.loads(path.read_text())
    assert raw["schema"] == "inpaintdiff.evaluation/2"
    assert raw["protocol"] == V1.card()
    assert raw["about"]["samples"] == 2
    assert raw["about"]["methods"]["blur"] == {"baseline": "blur"}
    assert [m["name"] for m in raw["methods"]] == ["near-0.1", "blur"]
    assert raw["methods"][0]["means"]["psnr_hole"] == found.mean("near-0.1", "psnr_hole")
    assert len(raw["differences"]) == len(found.score_names) == 8
    assert set(raw["absent"]) == {"lpips", "pvcs", "fid", "vfid_eval", "fvd"}
    assert Evaluation.load(path).as_dict() == found.as_dict()
    with found.save_csv(tmp_path / "r.csv").open() as f:
        rows = list(csv.DictReader(f))
    assert [(r["method"], r["video"]) for r in rows] == [
        (m, f"clip{i}") for m in ("near-0.1", "blur") for i in range(3)
    ]
    assert float(rows[4]["ssim_hole"]) == found.results["blur"][1].scores["ssim_hole"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "r.csv"]  # nothing half-written is left


def test_a_score_that_is_not_defined_is_none_in_files(tmp_path):
    found = made([20.0, math.nan], [19.0, 18.0])
    assert found.mean("ours", "psnr_hole") == 20
    assert found.difference("theirs", "psnr_hole").videos == 1
    raw = json.loads(found.save_json(tmp_path / "r.json").read_text())
    assert raw["methods"][0]["videos"][1]["scores"]["psnr_hole"] is None
    assert math.isnan(Evaluation.load(tmp_path / "r.json").results["ours"][1].scores["psnr_hole"])
    assert ",," in found.save_csv(tmp_path / "r.csv").read_text()
    # an infinite one is said to be
    exact = made([math.inf], [19.0])
    raw = json.loads(exact.save_json(tmp_path / "e.json").read_text())
    assert raw["methods"][0]["videos"][0]["scores"]["psnr_hole"] == "inf"
    assert Evaluation.load(tmp_path / "e.json").mean("ours", "psnr_hole") == math.inf


def test_existing_files_are_left_alone(tmp_path):
    found = made([20.0], [19.0])
    for save in (found.save_json, found.save_csv):
        path = tmp_path / "there"
        path.write_text("mine")
        with pytest.raises(VideoWriteError, match="exists"):
            save(path)
        assert path.read_text() == "mine"
        save(path, overwrite=True)
        assert path.read_text() != "mine"
    with pytest.raises(VideoWriteError, match="cannot be written"):
        found.save_json(tmp_path / "there" / "r.json")


def test_files_that_are_not_results(tmp_path):
    for text in ("", "[]", "{}", '{"schema": "other/2"}', '{"schema": "inpaintdiff.evaluation/2"}'):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(SettingError, match="results"):
            Evaluation.load(tmp_path / "x.json")
    with pytest.raises(SettingError, match="not a file of results"):
        Evaluation.load(tmp_path / "missing.json")


def test_clips_are_taken_one_by_one_and_seeds_do_not_depend_on_what_follows():
    events = []

    def stream():
        for name, clip in clips(2):
            events.append(name)
            yield name, clip

    def after(video, clip, answers):
        assert torch.equal(
            answers["near-0.1"][0][~clip.hole.expand_as(clip.frames)], clip.frames[~clip.hole.expand_as(clip.frames)]
        )
        events.append(("after", video))

    found = evaluate([near(0.1)], stream(), before=lambda v, m: events.append((v, m)), after=after)
    assert events == [
        "clip0", ("clip0", "near-0.1"), ("after", "clip0"),
        "clip1", ("clip1", "near-0.1"), ("after", "clip1"),
    ]  # fmt: skip
    few = evaluate([near(0.1)], clips(1))
    assert few.results["near-0.1"][0].scores == pytest.approx(found.results["near-0.1"][0].scores, nan_ok=True)


@pytest.mark.parametrize(
    ("painted", "said"),
    [
        (lambda c: c.frames, r"painted \(3, 3, 12, 12\)"),
        (lambda c: c.frames[None, :2], r"painted \(1, 2, 3, 12, 12\)"),
        (lambda c: c.frames[None].masked_fill(c.hole, math.nan), "not numbers"),
    ],
)
def test_answers_that_cannot_be_scored(painted, said):
    with pytest.raises(SettingError, match=said):
        evaluate([Method("odd", lambda clip, samples, seed: painted(clip))], clips(1))


def test_wrong_input():
    with pytest.raises(SettingError, match="no method"):
        evaluate([], clips(1))
    with pytest.raises(SettingError, match="no clip"):
        evaluate([baseline_method("blur")], [])
    with pytest.raises(SettingError, match="'blur' comes twice"):
        evaluate([baseline_method("blur"), baseline_method("blur")], clips(1))
    with pytest.raises(SettingError, match="'clip0' comes twice"):
        evaluate([baseline_method("blur")], [*clips(1), *clips(1)])
    whole = VideoClip(draw(0).frames, torch.zeros_like(draw(0).hole), draw(0).index)
    with pytest.raises(HoleError, match="whole has no hole"):
        evaluate([baseline_method("blur")], [("whole", whole)])


def test_another_card_is_another_protocol():
    assert dataclasses.replace(V1, dilation=4).card() != V1.card()
    assert V1.card()["name"] == "v1"


def test_answers_beyond_the_range_count_as_its_ends():
    white = Method("white", lambda clip, samples, seed: torch.full((1, *clip.frames.shape), 1.0))
    glaring = Method("glaring", lambda clip, samples, seed: torch.full((1, *clip.frames.shape), 5.0))
    found = evaluate([white, glaring], clips(1))
    assert found.results["white"][0].scores == pytest.approx(found.results["glaring"][0].scores, nan_ok=True)
