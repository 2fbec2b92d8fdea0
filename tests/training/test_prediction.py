"""`predict` is `inpaintdiff inpaint` for many videos and many devices: the same files with the same bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from inpaintdiff.cli import main
from inpaintdiff.data.video import write_video
from tests.training.runs import NETWORK, data, module, trainer

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:Found .* module.* in eval mode")


@pytest.fixture(scope="module")
def checkpoint(traffic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit")
    trainer(folder, 2).fit(module(), data(traffic))
    return folder / "last.ckpt"


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Three clips with a mask for each, of sizes that the model does not have; and one that is none."""
    rng = np.random.default_rng(0)
    for k, name in enumerate(("a", "b", "c")):
        frames = rng.integers(0, 256, (5 + k, 40, 48, 3), dtype=np.uint8)
        write_video(tmp_path / "videos" / f"{name}.mkv", frames, 25, lossless=True)
        levels = np.zeros((40, 48), dtype=np.uint8)
        levels[5:20, 4 + k : 30] = 255
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(levels).save(tmp_path / "masks" / f"{name}.png")
    return tmp_path / "videos"


@pytest.fixture
def config(tmp_path: Path, traffic: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    whole = {
        "model": {
            "network": {"preset": NETWORK.preset, "width": NETWORK.width, "dropout": NETWORK.dropout},
            "objective": {"predict": "edm", "sigmas": "log-normal"},
            "window": 4,
            "size": 32,
            "sampling": {"calls": 2, "samples": 2, "seed": 3},
        },
        "data": {"class_path": "ClipDataModule", "init_args": {"root": str(traffic), "num_workers": 0}},
        "trainer": {
            "accelerator": "cpu",
            "logger": False,
            "enable_progress_bar": False,
            "callbacks": [
                {"class_path": "PredictionWriter", "init_args": {"folder": "predicted", "lossless": True}},
                {"class_path": "EMA", "init_args": {"decay": 0.9}},
                {"class_path": "Checkpoints", "init_args": {"dirpath": str(checkpoint.parent)}},
            ],
        },
    }
    path = tmp_path / "predict.yaml"
    path.write_text(yaml.safe_dump(whole))
    return path


def painted(folder: Path) -> dict[str, bytes]:
    """Every file of a folder; of records, what does not depend on the clock."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".json":
            record = {k: v for k, v in json.loads(path.read_text()).items() if k != "seconds"}
            found[str(path.relative_to(folder))] = json.dumps(record).encode()
        elif path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def of_inpaint(videos: Path, checkpoint: Path, folder: Path) -> dict[str, bytes]:
    options = ["--mask", str(videos.parent / "masks"), "--model", str(checkpoint), "-o", str(folder), "--lossless"]
    assert main(["inpaint", str(videos), *options, "--samples", "2", "--seed", "3", "--steps", "2"]) == 0
    return painted(folder)


def of_videos(videos: Path, config: Path, checkpoint: Path) -> list[str]:
    return [
        *("predict", "--config", str(config), "--ckpt_path", str(checkpoint), "--data", "VideosToPaint"),
        *("--data.videos", str(videos), "--data.mask", str(videos.parent / "masks")),
    ]


def test_a_folder_of_videos(videos: Path, config: Path, checkpoint: Path, tmp_path: Path) -> None:
    expected = of_inpaint(videos, checkpoint, tmp_path / "inpainted")
    assert len(expected) == 3 * 4
    assert main(of_videos(videos, config, checkpoint)) == 0
    assert painted(tmp_path / "predicted") == expected


@pytest.mark.slow
def test_the_clips_of_a_data_set(traffic: Path, config: Path, checkpoint: Path, tmp_path: Path) -> None:
    assert main(["predict", "--config", str(config), "--ckpt_path", str(checkpoint)]) == 0
    found = painted(tmp_path / "predicted")
    assert len(found) == 2 * 4
    clip, options = traffic / "test" / "000001.mp4", ["--samples", "2", "--seed", "3", "--steps", "2", "--lossless"]
    hole = next((traffic / "test").glob("000001.hole*"))
    out = ["-o", str(tmp_path / "x" / "000001.mkv"), "--model", str(checkpoint)]
    assert main(["inpaint", str(clip), "--mask", str(hole), "--yes", *out, *options]) == 0
    assert painted(tmp_path / "x") == {k.removeprefix("test/"): v for k, v in found.items() if "000001" in k}


def test_what_is_wrong_is_said(
    videos: Path, config: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (videos / "b.mkv").write_bytes(b"no video")
    args = of_videos(videos, config, checkpoint)
    assert main(args) == 2
    assert "1 of 3 videos were not painted; the first: " in capsys.readouterr().err
    assert len(painted(tmp_path / "predicted")) == 2 * 4
    assert main(args) == 2
    assert "a-1.mkv exists already" in capsys.readouterr().err
    write_video(tmp_path / "b.mkv", np.zeros((3, 40, 48, 3), dtype=np.uint8), 25, lossless=True).replace(
        videos / "b.mkv"
    )
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "predicted").iterdir()}
    whole = yaml.safe_load(config.read_text())
    whole["trainer"]["callbacks"][0]["init_args"]["resume"] = True
    config.write_text(yaml.safe_dump(whole))
    assert main(args) == 0
    assert len(painted(tmp_path / "predicted")) == 3 * 4
    assert before.items() <= {p: p.stat().st_mtime_ns for p in (tmp_path / "predicted").iterdir()}.items()


@pytest.mark.slow
def test_two_processes_share_the_videos(videos: Path, config: Path, checkpoint: Path, tmp_path: Path) -> None:
    expected = of_inpaint(videos, checkpoint, tmp_path / "inpainted")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "inpaintdiff", *of_videos(videos, config, checkpoint)),
            *("--trainer.devices", "2", "--trainer.strategy", "ddp"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert painted(tmp_path / "predicted") == expected
    said = [line for line in done.stderr.splitlines() if ": painted into " in line]
    assert len(said) == 3
    assert "3 of 3 videos are done" in done.stderr
