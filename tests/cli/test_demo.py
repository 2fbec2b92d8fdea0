"""`inpaintdiff demo` with few frames and calls: every file that it promises is there, and the model is registered."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.data.video import probe_video
from inpaintdiff.registry import list_models, tracking


def test_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, store = tmp_path / "out", f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}"
    options = [
        "--clips",
        "1",
        "--frames",
        "6",
        "--steps",
        "2",
        "--samples",
        "2",
        "--tracking-uri",
        store,
        "-o",
        str(out),
    ]
    assert main(["demo", *options]) == 0
    said = capsys.readouterr().out
    assert str(out / "grid.png") in said
    assert "mlflow ui --backend-store-uri" in said
    for name in ("000000-sample-1.mp4", "000000-sample-2.mp4", "data/test/000000.mp4"):
        info = probe_video(out / name)
        assert (info.frames, info.height, info.width, info.fps) == (6, 64, 64, 8)
    assert probe_video(out / "000000-side-by-side.mp4").frames == 6
    grid = np.asarray(Image.open(out / "grid.png"))
    assert grid.std() > 10
    scores = json.loads((out / "scores.json").read_text())
    assert [m["name"] for m in scores["methods"]] == ["inpaintdiff", "nearest", "median", "telea"]
    (model,) = list_models(tracking(uri=store))
    assert (model.name, model.aliases) == ("inpaintdiff-traffic", ("champion",))
    # a second time: the same clips, the same version, new pictures
    assert main(["demo", *options]) == 0
    assert len(list_models(tracking(uri=store))) == 1
    assert main(["demo", *options[:3], "9", *options[4:]]) == 2
    assert "clips of another demo" in capsys.readouterr().err
