"""Comparisons: every arm on the same held-out clips, resumable, with files that people can open."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from inpaintdiff.checkpoint import save_model
from inpaintdiff.cli import main
from inpaintdiff.data.hole_generators import FirstFramesKnown
from inpaintdiff.data.video import write_video
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import Evaluation
from inpaintdiff.experiments import Request, comparison
from inpaintdiff.experiments.compared import Arm, Size
from inpaintdiff.experiments.comparisons import BASELINES, Main, Solvers, Worlds, real, traffic, world
from inpaintdiff.experiments.diversity import Diversity, draw_reliability
from inpaintdiff.experiments.scheme_comparison import Schemes
from inpaintdiff.metrics.i3d import I3D
from inpaintdiff.model_config import build_denoiser
from tests.test_checkpoint import CARD, CONFIG

TINY = Size(clips=2, frames=6, calls=1, seeds=2)


class Short(Main):
    """Two arms are enough to see what happens to arms."""

    def arms(self, size: Size) -> Sequence[Arm]:
        ours, *baselines = super().arms(size)
        assert [b.name for b in baselines] == list(BASELINES)
        return [ours, *(b for b in baselines if b.name == "nearest")]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights of I3D; random ones do for what is asked here."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("w")
    torch.save(I3D().state_dict(), folder / "i3d.pt")
    return folder


def test_the_main_table_is_made_goes_on_and_agrees_with_its_parts(
    model: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request(tmp_path / "run", quick=True, model=model, features_dir=weights)
    experiment = Short(quick=TINY)
    calls: list[str] = []
    real_evaluate = comparison.evaluate
    monkeypatch.setattr(
        comparison, "evaluate", lambda m, *a, **k: (calls.append(m[0].name), real_evaluate(m, *a, **k))[1]
    )
    outcome = experiment.run(request)
    assert calls == [name for name in ("ours", "nearest") for _ in range(2)]
    results, page, figure, sheet = outcome.files
    # what a page of results can be made of: the same numbers
    rows = [
        [cell.strip() for cell in row.split("|")[1:-1]] for row in page.read_text().splitlines() if row.startswith("|")
    ]
    assert rows[0] == ["", "ours", "nearest"]
    assert len({len(row) for row in rows[:5]}) == 1
    shown = next(row for row in rows if row[0].startswith("PSNR hole"))
    found = json.loads(results.read_text())["traffic"]
    assert [m["name"] for m in found["methods"]] == ["ours", "nearest"]
    for picture in (figure, sheet):
        with Image.open(picture) as opened:
            assert opened.size[0] > 300
    assert "traffic" in outcome.text
    assert float(shown[1]) == pytest.approx(
        np.mean([v["scores"]["psnr_hole"] for v in found["methods"][0]["videos"]]), abs=0.006
    )
    # a mean over seeds is that of the parts
    parts = [
        Evaluation.load(tmp_path / "run" / "parts" / f"traffic-ours-{s}.json").mean("ours", "psnr_hole") for s in (0, 1)
    ]
    assert parts[0] != parts[1]
    ours = found["methods"][0]["videos"]
    assert math.isclose(np.mean([v["scores"]["psnr_hole"] for v in ours]), np.mean(parts), abs_tol=1e-6)
    # features of the truth are computed once for all parts; too short for FVD, and no weights of Inception
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "truth").iterdir()}
    assert [p.name.split("-")[0] for p in kept] == ["vfid_eval"] * 2
    # cut off within the last part: that one alone is done again, and nothing changes
    before = results.read_bytes()
    (tmp_path / "run" / "parts" / "traffic-nearest-1.json").unlink()
    calls.clear()
    experiment.run(request)
    assert calls == ["nearest"]
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "truth").iterdir()} == kept
    again = json.loads(results.read_text())["traffic"]
    assert again["methods"][0] == found["methods"][0]
    assert again["methods"][1]["sets"] == found["methods"][1]["sets"]
    assert json.loads(before)["traffic"]["methods"][0] == found["methods"][0]
    with pytest.raises(SettingError, match="holds a run with"):
        Short(quick=Size(clips=3, frames=6, calls=1, seeds=2)).run(request)


def test_each_world_is_painted_by_its_own_built_in_model_unless_a_run_names_one(model: str, tmp_path: Path) -> None:
    size = Size(clips=1, frames=4, calls=1, seeds=1)
    for given, used in (
        ("builtin", {"dashcam": "builtin:dashcam", "traffic": "builtin"}),
        (model, {"dashcam": model, "traffic": model}),
    ):
        output = tmp_path / used["dashcam"].replace(":", "-").replace("/", "-")
        outcome = Short(quick=size).run(Request(output, quick=True, model=given, sets=("dashcam", "traffic")))
        found = json.loads(outcome.files[0].read_text())
        assert {name: found[name]["about"]["methods"]["ours"]["model"]["name"] for name in found} == used
        others = json.loads((output / "settings.json").read_text())["other_models"]
        assert list(others) == (["builtin:dashcam"] if given == "builtin" else [])
    # a quick run is the first set alone, unless others are named
    assert [s.name for s in Main().sets(size, Request(Path("nowhere"), quick=True))] == ["traffic"]
    assert [s.name for s in Main().sets(size, Request(Path("nowhere")))] == ["traffic", "dashcam", "cars"]


def test_sets_are_held_out_and_the_same_at_every_call() -> None:
    for clip_set in (traffic(TINY), world("balls", TINY), traffic(TINY, "future", FirstFramesKnown(4, 4))):
        first, second = list(clip_set.make()), list(clip_set.make())
        assert len(first) == clip_set.number == 2
        for (a, x), (b, y) in zip(first, second, strict=True):
            assert a == b
            assert torch.equal(x.frames, y.frames)
            assert torch.equal(x.hole, y.hole)
            assert x.hole.any()
    assert [name for name, _ in traffic(TINY).make()] == ["traffic-20000000", "traffic-20000001"]
    (_, clip), *_ = traffic(TINY, "future", FirstFramesKnown(4, 4)).make()
    assert clip.incomplete() == [False] * 4 + [True] * 2
    assert clip.hole[4:].all()


def test_of_cars_every_lawful_answer_is_known() -> None:
    clip_set = world("cars", TINY)
    assert set(clip_set.known.shares) == {"model", "paint"}
    for name, clip in clip_set.make():
        cars = clip_set.known.cars(name)
        assert cars is not None
        # the truth is one of them, and none is another's
        assert sum(torch.equal(shown, clip.frames[: len(shown)]) for shown in cars.values()) == 1
    assert not world("balls", TINY).known.shares


def test_real_clips_are_the_beginnings_of_all_videos(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(4):
        write_video(tmp_path / f"v{i}.mp4", rng.integers(0, 255, (15, 72, 96, 3), dtype=np.uint8), 10)
    clip_set = real(tmp_path, Size(clips=10, frames=6))
    names = [name for name, _ in clip_set.make()]
    assert clip_set.number == len(names) == 4
    assert all(clip.frames.shape == (6, 3, 64, 64) and clip.hole.any() for _, clip in clip_set.make())
    with pytest.raises(SettingError, match="not a folder"):
        real(tmp_path / "nowhere", TINY)


def test_variants_of_traffic_are_other_clips_and_told_as_lawful_only_where_the_laws_are_the_same() -> None:
    sets = {s.name: s for s in Worlds().sets(TINY, Request(Path("nowhere")))}
    assert list(sets)[:2] == ["traffic", "traffic dense"]
    assert {"traffic night", "dashcam", "cars"} <= set(sets)
    frames = {name: next(iter(sets[name].make())) for name in ("traffic", "traffic dense", "traffic night")}
    assert not torch.equal(frames["traffic"][1].frames, frames["traffic dense"][1].frames)
    # the same seed is the same place, by night a darker one
    assert frames["traffic night"][1].frames.mean() < frames["traffic"][1].frames.mean() - 0.2
    assert sets["traffic dense"].known.place(frames["traffic dense"][0]) is not None
    assert sets["traffic night"].known.place(frames["traffic night"][0]) is None


class OfOne(Diversity):
    """Arms of one model alone, the second of which is named by itself."""

    def arms(self, size: Size) -> Sequence[Arm]:
        first, *_, student = super().arms(size)
        assert student.model == "builtin:traffic-fast"
        return [first, replace(student, model=self.other)]

    def __init__(self, size: Size, other: str) -> None:
        super().__init__(quick=size)
        self.other = other


def test_several_answers_are_told_of_by_every_arm(model: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    other = str(save_model(tmp_path / "other.safetensors", CONFIG, build_denoiser(CONFIG).state_dict(), CARD))
    experiment = OfOne(Size(clips=2, frames=4, calls=2, seeds=1, samples=3), other)
    outcome = experiment.run(Request(tmp_path / "run", quick=True, model=model))
    found = json.loads(outcome.files[0].read_text())["traffic"]
    names = [m["name"] for m in found["methods"]]
    assert names == ["dpmpp-2m 2", "traffic-fast"]
    for name, method in zip(names, found["methods"], strict=True):
        assert {"diversity", "psnr_hole_best_of_k"} <= set(method["videos"][0]["scores"])
        # what is told of an arm is its own: of each, not of the first alone
        assert found["about"]["calibration"][name]["error_over_spread"] > 0
        assert name in found["about"]["semantic"]
    assert found["about"]["methods"]["traffic-fast"]["model"]["name"] == other
    curves = found["about"]["calibration"]
    assert curves[names[0]]["observed"] != curves[names[1]]["observed"]
    with Image.open(outcome.files[-1]) as picture:
        assert outcome.files[-1].name == "reliability.png"
        assert picture.size[0] > 300
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert len(settings["other_models"][other]) == 64


def test_bins_of_hardly_any_pixel_are_left_out_of_the_picture(tmp_path: Path) -> None:
    curve = {"expected": [0.0, 0.5, 1.0], "observed": [0.0, 0.5, 1.0], "share": [0.5, 0.499, 0.001]}
    without = {"expected": [0.0, 0.5], "observed": [0.0, 0.5], "share": [0.5, 0.499]}
    off = curve | {"observed": [0.5, 0.5, 0.5]}
    pictures = [
        np.asarray(Image.open(draw_reliability({"a": c}, tmp_path / f"{k}.png")))
        for k, c in enumerate((curve, without, off))
    ]
    assert np.array_equal(pictures[0], pictures[1])
    assert pictures[0].shape != pictures[2].shape or (pictures[0] != pictures[2]).any()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Schemes, Solvers])
def test_schemes_and_solvers(kind: type, model: str, tmp_path: Path) -> None:
    experiment = kind(quick=Size(clips=1, frames=20, calls=2, seeds=1))
    outcome = experiment.run(Request(tmp_path / "run", quick=True, model=model))
    found = json.loads(outcome.files[0].read_text())
    for results in found.values():
        assert len(results["methods"]) >= 6
        assert all(m["videos"][0]["calls"] > 0 for m in results["methods"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["schemes", "--set", "future"], "no set 'future' of clips here, expected one of 'region', 'future frames'"),
        (["costs", "--clips", "3"], "costs compares nothing on sets of clips"),
        (["main", "--seconds", "9"], "main does not train for a given time"),
        (["main", "--clips", "0"], "clips must be at least 1, got 0"),
    ],
)
def test_sets_and_clips_that_are_none_are_refused(
    arguments: list[str], said: str, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["experiments", "run", *arguments, "--model", model, "-o", str(tmp_path / "o")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_only_the_named_set_is_painted(model: str, tmp_path: Path) -> None:
    request = Request(tmp_path / "o", model=model, seeds=1, sets=("traffic",), clips=1)
    outcome = Short(full=TINY).run(request)
    found = json.loads(outcome.files[0].read_text())
    assert list(found) == ["traffic"]
    assert len(found["traffic"]["methods"][0]["videos"]) == 1


def test_from_the_command_line_a_folder_that_is_none_is_refused(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["experiments", "run", "main", "--quick", "--model", model, "-o", str(tmp_path / "o"), "--real", "nowhere"]
    assert main(call) == 2
    assert "--real nowhere is not a folder" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
