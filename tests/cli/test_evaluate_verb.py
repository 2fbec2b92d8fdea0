"""`inpaintdiff evaluate`, from the user's door."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.data.holes import write_hole
from inpaintdiff.data.synthetic.write import synthesize_traffic
from inpaintdiff.data.video import write_video
from inpaintdiff.evaluation import V1, Evaluation
from tests.painting.small import SIZE, model_file, pictures, video_file

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
    for method in found.methods:
        for v, w in zip(again.results[method], found.results[method], strict=True):
            assert v.scores == pytest.approx(w.scores, nan_ok=True)


def test_another_world_is_painted_by_its_own_model(tmp_path: Path) -> None:
    files = [tmp_path / "dashcam.json", tmp_path / "balls.json"]
    for file in files:
        args = ["--synthetic", "1", "--world", file.stem, "--frames", "4", "--steps", "1", "--baselines", "none"]
        assert main(["evaluate", *args, "--json", str(file)]) == 0
    drives, balls = map(Evaluation.load, files)
    assert (drives.methods, balls.methods) == (("builtin:dashcam",), ("builtin",))
    assert drives.about["data"] == "simulated dashcam"
    assert [v.video for v in drives.results["builtin:dashcam"]] == ["dashcam-20000000"]


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


def test_folders_of_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Painted elsewhere, beside a baseline that paints here, by another protocol; then compared with another file."""
    mask = np.zeros((32, 40), dtype=np.uint8)
    mask[8:20, 10:25] = 255
    for k, name in enumerate(("a", "b")):
        video_file(tmp_path / "truth" / f"{name}.mkv", 5, 32, 40)
        write_video(tmp_path / "ours" / f"{name}_out.mkv", pictures(5, 32, 40, k + 1), 25, lossless=True)
        write_hole(tmp_path / "masks" / f"{name}.png", mask[None] > 0)
    where = ["--truth", str(tmp_path / "truth"), "--masks", str(tmp_path / "masks")]
    args = [str(tmp_path / "ours"), *where, "--json", str(tmp_path / "ours.json"), "--grid", str(tmp_path / "g.png")]
    assert main(["evaluate", *args]) == 0
    out = capsys.readouterr().out
    assert "PSNR outside" in out
    assert "minus" not in out  # nothing is painted here unless it is asked for
    assert (
        main(
            ["evaluate", *where, "--model", "baseline:blur", "--baselines", "none", "--json", str(tmp_path / "b.json")]
        )
        == 0
    )
    assert main(["compare", str(tmp_path / "b.json"), str(tmp_path / "ours.json")]) == 0
    assert "blur is" in capsys.readouterr().out
    legacy = [str(tmp_path / "ours"), *where, "--baselines", "telea", "--protocol", "legacy-432"]
    assert main(["evaluate", *legacy, "--clips", "1", "--frames", "2", "--json", str(tmp_path / "l.json")]) == 0
    found = Evaluation.load(tmp_path / "l.json")
    assert found.methods == ("ours", "telea")
    assert [(v.video, v.frames) for v in found.results["ours"]] == [("a", 2)]
    assert main(["compare", str(tmp_path / "l.json"), str(tmp_path / "ours.json"), "--force"]) == 2


def test_wrong_input_is_one_sentence(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blur = ("--model", "baseline:blur")
    assert "either --truth" in refused(capsys, *blur)
    assert "either --truth" in refused(capsys, *blur, "--data", str(data), "--synthetic", "2")
    assert "give --masks" in refused(capsys, *blur, "--truth", str(data))
    assert "give --truth" in refused(capsys, str(tmp_path), "--data", str(data))
    assert "no protocol 'v2'" in refused(capsys, *blur, "--synthetic", "1", "--protocol", "v2")
    assert "no world 'mars'; expected one of traffic" in refused(capsys, *blur, "--synthetic", "1", "--world", "mars")
    assert "KIND=FILE" in refused(capsys, *blur, "--synthetic", "1", "--features", "i3d")
    assert "there are no weights" in refused(capsys, *blur, "--synthetic", "1", "--features", "i3d=missing.pt")
    assert "--synthetic must be at least 1" in refused(capsys, *blur, "--synthetic", "0")
    assert "--frames must be at least 1" in refused(capsys, *blur, "--synthetic", "1", "--frames", "0")
    assert "16" in refused(capsys, *blur, "--synthetic", "1", "--size", "8")
    assert "no clips in split 'val'" in refused(capsys, *blur, "--data", str(data), "--split", "val")
    assert "missing" in refused(capsys, *blur, "--data", str(tmp_path / "missing"))
    assert "no baseline 'best'" in refused(capsys, *blur, "--synthetic", "1", "--baselines", "best")
    assert "is a folder" in refused(capsys, *blur, "--synthetic", "1", "--json", str(tmp_path))
    assert "nowhere.safetensors" in refused(capsys, "--synthetic", "1", "--model", "nowhere.safetensors")
    assert "steps must be" in refused(capsys, "--synthetic", "1", "--model", str(model), "--steps", "0")
