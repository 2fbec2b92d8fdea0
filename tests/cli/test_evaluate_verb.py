"""`inpaintdiff evaluate`, from the user's door."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.data.synthetic.write import synthesize_traffic
from inpaintdiff.evaluation import V1, Evaluation
from tests.painting.small import SIZE, model_file

SMALL = ("--frames", "5", "--size", str(SIZE), "--steps", "2")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_file(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "set"
    synthesize_traffic(root, {"train": 0, "val": 0, "test": 3}, frames=6, size=SIZE, workers=0)
    return root


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["evaluate", *args]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("inpaintdiff: ")
    assert len(err.splitlines()) == 1
    return err


def test_a_model_against_baselines_on_simulated_clips(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"--json": tmp_path / "r.json", "--csv": tmp_path / "r.csv", "--grid": tmp_path / "new" / "g.png"}
    named = [str(x) for pair in files.items() for x in pair]
    args = ["--synthetic", "3", "--clips", "2", *SMALL, "--model", str(model), "--samples", "2", *named]
    assert main(["evaluate", *args]) == 0
    out = capsys.readouterr().out
    assert "2 videos, 2 answers a video, protocol v1" in out
    assert "minus ..., mean and paired 95% interval" in out
    found = Evaluation.load(files["--json"])
    assert found.methods == (str(model), "nearest", "median", "telea")
    assert found.protocol == V1
    assert found.about["data"] == "simulated traffic"
    assert found.about["methods"][str(model)]["sampling"]["calls_per_stage"] == 2
    assert [v.video for v in found.results["telea"]] == ["traffic-20000000", "traffic-20000001"]
    assert all(v.calls > 0 for v in found.results[str(model)])
    with files["--csv"].open() as f:
        assert len(list(csv.DictReader(f))) == 8
    with Image.open(files["--grid"]) as picture:
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 50

    # the same command again neither starts nor touches anything, and with --overwrite gives the same numbers
    before = files["--csv"].read_bytes()
    assert "exists already" in refused(capsys, *args)
    assert files["--csv"].read_bytes() == before
    assert main(["evaluate", *args, "--overwrite"]) == 0
    again = Evaluation.load(files["--json"])
    assert [v.scores for m in again.methods for v in again.results[m]] == [
        v.scores for m in found.methods for v in found.results[m]
    ]


def test_a_data_set_and_baselines_alone(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["--data", str(data), "--model", "baseline:nearest", "--baselines", "nearest, blur"]
    assert main(["evaluate", *args, "--frames", "4", "--json", str(tmp_path / "r.json")]) == 0
    raw = json.loads((tmp_path / "r.json").read_text())
    assert [m["name"] for m in raw["methods"]] == ["nearest", "blur"]
    assert [v["video"] for v in raw["methods"][0]["videos"]] == [f"test/00000{i}" for i in range(3)]
    assert raw["about"]["data"] == "set"
    capsys.readouterr()
    assert main(["evaluate", "--data", str(data), "--model", "baseline:blur", "--baselines", "none"]) == 0
    assert "minus" not in capsys.readouterr().out


def test_wrong_input_is_one_sentence(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blur = ("--model", "baseline:blur")
    assert "either --data" in refused(capsys, *blur)
    assert "either --data" in refused(capsys, *blur, "--data", str(data), "--synthetic", "2")
    assert "--synthetic must be at least 1" in refused(capsys, *blur, "--synthetic", "0")
    assert "--frames must be at least 1" in refused(capsys, *blur, "--synthetic", "1", "--frames", "0")
    assert "16" in refused(capsys, *blur, "--synthetic", "1", "--size", "8")
    assert "no clips in split 'val'" in refused(capsys, *blur, "--data", str(data), "--split", "val")
    assert "missing" in refused(capsys, *blur, "--data", str(tmp_path / "missing"))
    assert "no baseline 'best'" in refused(capsys, *blur, "--synthetic", "1", "--baselines", "best")
    assert "is a folder" in refused(capsys, *blur, "--synthetic", "1", "--json", str(tmp_path))
    assert "nowhere.safetensors" in refused(capsys, "--synthetic", "1", "--model", "nowhere.safetensors")
    assert "steps must be" in refused(capsys, "--synthetic", "1", "--model", str(model), "--steps", "0")
