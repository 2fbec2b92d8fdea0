"""Patch sizes measured against each other: a run of seconds through the real training, cut off and gone on with."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.data.datamodules import TrafficScenesDataModule
from inpaintdiff.data.synthetic.write import synthesize_traffic
from inpaintdiff.errors import SettingError
from inpaintdiff.experiments import Request, arms, make_experiment
from inpaintdiff.experiments.arms import train_arm
from inpaintdiff.experiments.patch_results import PatchResults
from inpaintdiff.experiments.patches import Patches, Scale, network_of
from inpaintdiff.models.unet import VideoUNet
from inpaintdiff.training.module import InpaintingModule, NetworkConfig

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")

TINY = Scale(
    seconds=1, arms=((16, 1), (16, 2)), clips=2, held_out=2, frames=5, window=4, width=8, painted=2, calls=1, batch=1
)


class CutError(Exception):
    pass


def run(folder: Path, cut: tuple[str, int] | None = None, **request: int) -> tuple[dict[str, Any], str]:
    """Run the experiment; `cut` ends it as a kill would, at that point of what is being done."""

    def report(doing: str, done: int, total: int) -> None:
        assert 0 < done <= total
        if cut is not None and doing.startswith(cut[0]) and done == cut[1]:
            raise CutError

    outcome = Patches(full=TINY).run(Request(folder, **request), report)
    assert [path.name for path in outcome.files] == ["results.json", "patches.png", "painted-16.png"]
    return json.loads(outcome.files[0].read_text()), outcome.text


@pytest.mark.slow
def test_a_run_that_was_cut_off_goes_on_to_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(CutError):
        run(folder, ("scoring 16 pixels, patch 2", 2))
    kept = {p: p.read_bytes() for p in (folder / "parts").iterdir()}
    assert {p.name for p in kept} == {"blur-16.json", "16-1-0.json"}, "what is whole is kept, and nothing else"
    trained = (folder / "checkpoints/16-2-0/last.ckpt").read_bytes()
    found, text = run(folder)
    assert {p: p.read_bytes() for p in kept} == kept, "what is finished is not computed again"
    assert (folder / "checkpoints/16-2-0/last.ckpt").read_bytes() == trained, "nor trained again"
    assert [(a["pixels"], a["patch"]) for a in found["arms"]] == [(16, 1), (16, 2)]
    for arm in found["arms"]:
        assert arm["cost"]["steps"] >= 1
        assert arm["cost"]["cpu_seconds"] >= 1
        assert arm["call_seconds"] > 0
        assert all(np.shape(s) == (2,) and np.isfinite(s).all() for s in arm["scores"].values())
    # patch 2 has a level less
    assert found["arms"][0]["parameters"] > found["arms"][1]["parameters"]
    assert [(d["kind"], d["arm"]) for d in found["differences"]] == [
        (kind, "patch 2") for kind in ("stages", "psnr_hole", "ssim_hole")
    ]
    assert text.startswith("| pixels | patch |")
    assert "One training each" in text
    # three rows (truth and two patches) of two clips
    with Image.open(folder / "painted-16.png") as sheet:
        assert sheet.height == 6 * (256 + 3)
    with pytest.raises(SettingError, match="holds a run with seconds 1, now it is 2"):
        run(folder, seconds=2)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "traffic"
    synthesize_traffic(root, {"train": 2}, frames=3, size=16, workers=0)
    return root


def train(clips: Path, folder: Path, cut: int | None = None) -> dict[str, Any]:
    """Train for a budget of 5 s on a clock that goes on by 1 s each time it is read; `cut` ends it after that step."""

    def report(step: int, used: float) -> None:
        if step == cut:
            raise CutError

    def make() -> InpaintingModule:
        return InpaintingModule(NetworkConfig("tiny", 8, [1], patch=2, attention_levels=[0]), window=2, size=16)

    data = TrafficScenesDataModule(str(clips), window=2, batch_size=1, num_workers=0)
    _, cost = train_arm(make, data, None, folder, 0, report, seconds=5, every=2, clock=count().__next__)
    return cost


def test_the_budget_counts_through_kills(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(CutError):
        train(clips, tmp_path, cut=3)
    cost = train(clips, tmp_path)
    # the file after step 2 is gone on from: 2 s are in it, and what the kill lost is not counted
    assert (cost["steps"], cost["cpu_seconds"]) == (5, 5)
    assert train(clips, tmp_path, cut=6) == cost, "what has no second left is not trained"


def test_a_budget_that_forgets_what_a_killed_process_used_is_seen(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arms._Cost, "load_state_dict", lambda self, state: None)
    with pytest.raises(AssertionError, match=r"\(7, 5"):
        test_the_budget_counts_through_kills(clips, tmp_path)


def test_every_network_brings_its_picture_to_8x8() -> None:
    for arm in Scale().arms:
        args = network_of(arm, 32).arguments()
        assert args["attention_levels"] == [len(args["multipliers"]) - 2, len(args["multipliers"]) - 1]
        assert arm[0] // VideoUNet(**{k: tuple(v) if isinstance(v, list) else v for k, v in args.items()}).stride == 8
    for wrong in ((64, 3), (64, 16), (48, 2)):
        with pytest.raises(SettingError, match="expected pixels / patch to be 8 times a power of 2"):
            network_of(wrong, 32)


def results(ours: float, seeds: int = 2) -> PatchResults:
    """Two patches; the larger one's clips score so much more than the smaller one's, which differ a lot among themselves."""
    clips = np.linspace(15.0, 25.0, 12)
    noise = np.random.default_rng(0).normal(scale=0.05, size=12)
    parts = {
        ((64, patch), seed): {
            "cost": {"steps": 10.0 * patch},
            "parameters": 10**6,
            "call_seconds": 1 / patch,
            "scores": {"stages": scores.tolist(), "psnr_hole": scores.tolist(), "ssim_hole": (scores / 30).tolist()},
        }
        for patch, scores in ((1, clips), (2, clips + noise + ours))
        for seed in range(seeds)
    }
    return PatchResults(((64, 1), (64, 2)), parts, {64: {"scores": {"psnr_hole": [20.0]}}}, {"seconds": 1})


@pytest.mark.parametrize(("ours", "says"), [(1.0, "ahead of"), (-1.0, "behind"), (0.0, "not shown to differ from")])
def test_differences_are_paired_and_against_the_smallest_patch(ours: float, says: str) -> None:
    found = results(ours)
    assert f"At 64 pixels patch 2 is {says} patch 1 in hole PSNR, a call 2.0 times as fast." in found.sentence()
    d = found.compare("psnr_hole", (64, 2)).difference
    # unpaired, clips that differ by 10 dB would hide any of this
    assert d.high - d.low < 0.1
    assert d.mean == pytest.approx(ours, abs=0.05)
    rows = [line for line in found.text().splitlines() if line.startswith("| 64 |")]
    assert [row.split(" | ")[1] for row in rows] == ["1", "2", "blur"]
    assert ("*)" in rows[1]) == (ours != 0)
    assert "One training" not in found.text()


def test_the_verb_wants_seconds_and_no_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_experiment("patches").name == "patches"
    for args, says in ((["--steps", "5"], "expected --seconds N"), (["--seconds", "0"], "seconds must be at least 1")):
        assert main(["experiments", "run", "patches", *args, "-o", str(tmp_path / "x")]) == 2
        assert says in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
