"""What is painted while training: the names of scores in MLflow, a row a video, no number without weights, processes that share."""

import csv
import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from inpaintdiff.data.synthetic.write import synthesize
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import Evaluation
from inpaintdiff.metrics.i3d import I3D
from inpaintdiff.metrics.inception import FIDInception
from inpaintdiff.metrics.lpips import LPIPS
from inpaintdiff.training.callbacks import QualityCallback, TrackingLogger
from tests.training.runs import data, module, trainer

ROOT = Path(__file__).parents[2]
PIXELS = {f"val/{k}_{where}_v1" for k in ("psnr", "ssim") for where in ("hole", "seam", "full")}
COSTS = {"val/quality_seconds", "val/quality_share"}


def fitted(root: Path, folder: Path, quality: QualityCallback, steps: int = 3) -> tuple[TrackingLogger, Path]:
    """A run of some steps, and the folder of what it painted at the end of the first epoch."""
    log = TrackingLogger("schema", folder=str(folder / "runs"))
    options = {"log_every_n_steps": 1, "limit_val_batches": 1, "check_val_every_n_epoch": 1}
    trainer(folder / "c", steps, quality, logger=log, **options).fit(module(), data(root))
    artifacts = mlflow.MlflowClient(log.store.uri).download_artifacts(str(log.run_id), "samples", str(folder))
    return log, Path(artifacts) / f"val-{steps:07d}"


@pytest.mark.slow  # 4 s quiet, ten times that on a busy machine
def test_names_of_what_is_logged(traffic: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The schema that boards and reports read; a changed definition is a new protocol, not another number of an old name."""
    with caplog.at_level(logging.INFO, logger="inpaintdiff"):
        log, painted = fitted(traffic, tmp_path, QualityCallback(clips=2, steps=2, frames=6))
    record = mlflow.MlflowClient(log.store.uri).get_run(str(log.run_id)).data
    # a long test also measures the machine, and whether anything drives through depends on the clips
    others = ("system/", "val/semantic", "val/conservation")
    assert {k for k in record.metrics if not k.startswith(others)} == {
        "train/loss", "val/loss", "epoch", *PIXELS, *COSTS,
    }  # fmt: skip
    assert 0 < record.metrics["val/ssim_full_v1"] <= 1
    assert {"lr", "seed", "denoiser/network/args/width", "objective/predict", "window"} <= set(record.params)
    # no weights are at hand: a sentence each, and nothing that looks like a number
    said = [m for m in caplog.messages if "is not computed" in m]
    assert [m.split()[0] for m in said] == ["lpips", "fid", "vfid_eval"]
    with (painted / "scores.csv").open() as f:
        rows = list(csv.DictReader(f))
    assert [r["video"] for r in rows] == ["val/000000", "val/000001"]
    mean = sum(float(r["psnr_hole"]) for r in rows) / 2
    assert mean == pytest.approx(record.metrics["val/psnr_hole_v1"], rel=1e-5)
    found = Evaluation.load(painted / "scores.json")
    assert set(found.absent) == {"lpips", "fid", "vfid_eval"}
    assert found.methods == ("step 3",)
    assert (painted / "000000.mp4").stat().st_size > 500


def test_wrong_settings_are_said_at_once() -> None:
    for options, words in (
        ({"metrics": ["psnr", "fdi"]}, "has no metric 'fdi'"),
        ({"protocol": "v9"}, "no protocol 'v9'"),
        ({"clips": 0}, "at least 1"),
    ):
        with pytest.raises(SettingError, match=words):
            QualityCallback(**options)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks of the right shapes; only their kind matters here."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    for name, network in (("lpips", LPIPS()), ("inception", FIDInception()), ("i3d", I3D())):
        torch.save(network.state_dict(), folder / f"{name}.pt")
    return folder


@pytest.mark.slow
def test_with_weights_there_are_distances_with_their_n(traffic: Path, tmp_path: Path, weights: Path) -> None:
    quality = QualityCallback(clips=2, steps=1, frames=10, features_dir=str(weights))
    log, painted = fitted(traffic, tmp_path, quality)
    metrics = mlflow.MlflowClient(log.store.uri).get_run(str(log.run_id)).data.metrics
    frames = 2 * 10  # every frame of traffic has a hole
    expected = {f"val/fid_n{frames}_v1", f"val/fid_mmd_n{frames}_v1", "val/vfid_eval_n2_v1", "val/vfid_eval_mmd_n2_v1"}
    assert expected | PIXELS <= set(metrics)
    assert all(metrics[name] > 0 for name in expected if "mmd" not in name)
    found = Evaluation.load(painted / "scores.json")
    assert set(found.absent) == {"lpips"}, "for which pictures of 32 pixels are too small"
    assert set(found.networks) == {"lpips", "inception", "i3d"}


@pytest.mark.slow
def test_the_truth_is_looked_at_once_a_fit(
    traffic: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    forward = FIDInception.forward
    monkeypatch.setattr(FIDInception, "forward", lambda self, x: (looked.append(len(x)), forward(self, x))[1])
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    quality = QualityCallback(clips=2, steps=1, frames=3, metrics=["fid"], features_dir=str(weights))
    log, _ = fitted(traffic, tmp_path, quality, steps=6)
    truth = painted = 2 * 3
    assert sum(looked) == truth + 2 * painted, "at two validations"
    history = mlflow.MlflowClient(log.store.uri).get_metric_history(str(log.run_id), f"val/fid_n{truth}_v1")
    assert len(history) == 2
    assert not list(temporary.glob("inpaintdiff-features-*"))

    class Fails(Callback):
        def on_validation_end(self, *_: Any) -> None:
            assert list(temporary.glob("inpaintdiff-features-*/fid-*"))
            raise KeyError("planted")

    with pytest.raises(KeyError, match="planted"):
        trainer(tmp_path / "d", 3, quality, Fails(), limit_val_batches=1).fit(module(), data(traffic))
    assert not list(temporary.glob("inpaintdiff-features-*"))


SCRIPT = """
import json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from inpaintdiff.training.callbacks import QualityCallback
from tests.training.runs import data, module, trainer

root, folder, devices, weights = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
quality = QualityCallback(clips=3, steps=1, frames=10, features_dir=weights or None, samples=3)
run = trainer(folder, 1, quality, devices=devices, strategy="ddp" if devices > 1 else "auto", limit_val_batches=1)
(found,) = run.validate(module(), data(root, batch_size=1), verbose=False)
if run.is_global_zero:
    (folder / "found.json").write_text(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.parametrize("world", ["traffic", "cars"])
def test_two_processes_are_one(world: str, weights: Path, tmp_path: Path) -> None:
    """With a number of clips that two does not divide; scores of pixels, features, vehicles, cars and of several answers."""
    synthesize(world, tmp_path / "data", {"train": 2, "val": 3}, frames=10, size=32, workers=0)
    script = tmp_path / "validate.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    found = []
    for devices in (1, 2):
        folder = tmp_path / str(devices)
        folder.mkdir()
        command = [sys.executable, str(script), str(tmp_path / "data"), str(folder), str(devices)]
        command.append(str(weights) if world == "traffic" else "")
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(json.loads((folder / "found.json").read_text()))
    one, two = ({k: v for k, v in f.items() if "loss" not in k and "seconds" not in k} for f in found)
    further = {"traffic": {"val/fid_n30_v1", "val/vfid_eval_n3_v1"}, "cars": {"val/paint_shares_n9_v1"}}
    assert {"val/psnr_hole_v1", "val/error_over_spread_v1"} | further[world] <= set(one)
    assert one == pytest.approx(two, rel=1e-6, abs=1e-6)
