"""Records that survive: one MLflow run across a kill, and a checkpoint that is never half written."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import mlflow
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningCLI

from inpaintdiff.errors import CheckpointError, SettingError
from inpaintdiff.training.ema import EMA
from inpaintdiff.training.tracking import Checkpoints, SaveConfig, TrackingLogger, continue_run
from tests.training.tiny import Tiny, equal, loader, trainer

pytestmark = [
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def test_a_run_is_recorded_in_the_embedded_store(store: Path, tmp_path: Path) -> None:
    log = TrackingLogger("records", folder=str(store))
    log.log_hyperparams({"a": {"b": 1}, "seed": 0})
    trainer(4, logger=log, log_every_n_steps=1, max_epochs=1).fit(Tiny(), loader())
    client = mlflow.MlflowClient(log.store.uri)
    run = client.get_run(str(log.run_id))
    assert run.data.params == {"a/b": "1", "seed": "0"}
    assert len(client.get_metric_history(run.info.run_id, "train/loss")) == 4
    assert run.info.status == "FINISHED"
    assert run.info.artifact_uri.startswith((store / "artifacts").as_uri())
    assert (store / "mlflow.db").is_file()


def test_a_resumed_run_keeps_its_first_settings(store: Path) -> None:
    first = TrackingLogger("settings", folder=str(store))
    first.log_hyperparams({"lr": 1})
    second = TrackingLogger("settings", folder=str(store), run_id=first.run_id)
    second.log_hyperparams({"lr": 2, "new": 3})
    run = mlflow.MlflowClient(first.store.uri).get_run(str(first.run_id))
    assert run.data.params == {"lr": "1", "new": "3"}


def test_infinite_numbers_are_left_out(store: Path) -> None:
    log = TrackingLogger("numbers", folder=str(store))
    log.log_metrics({"psnr": float("inf"), "loss": 0.5})
    assert mlflow.MlflowClient(log.store.uri).get_run(str(log.run_id)).data.metrics == {"loss": 0.5}


def test_the_run_of_a_checkpoint_goes_on(store: Path, tmp_path: Path) -> None:
    def parts(steps: int) -> tuple[pl.Trainer, TrackingLogger]:
        log = TrackingLogger("resume", folder=str(store))
        saver = Checkpoints(str(tmp_path / "ckpt"), every_n_steps=100)
        return trainer(steps, EMA(), saver, logger=log, log_every_n_steps=1, max_epochs=-1), log

    first, before = parts(3)
    first.fit(Tiny(), loader())
    second, after = parts(5)
    continue_run(second, tmp_path / "ckpt" / "last.ckpt")
    assert mlflow.MlflowClient(after.store.uri).get_run(str(before.run_id)).info.status == "RUNNING"
    second.fit(Tiny(), loader(), ckpt_path="last", weights_only=True)
    assert after.run_id == before.run_id
    history = mlflow.MlflowClient(after.store.uri).get_metric_history(str(before.run_id), "train/loss")
    assert len(history) == 5


def test_a_run_that_the_store_lost_is_begun_anew(store: Path) -> None:
    log = TrackingLogger("lost", folder=str(store))
    assert not log.continue_run("0" * 32)
    assert log.run_id != "0" * 32


def test_going_on_from_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    torch.save({"state_dict": {}}, tmp_path / "weights.ckpt")
    for name in ("text.ckpt", "weights.ckpt", "nowhere.ckpt"):
        with pytest.raises(CheckpointError):
            continue_run(trainer(1), tmp_path / name)


def test_last_is_written_every_n_steps_and_at_the_end(tmp_path: Path) -> None:
    seen: list[int | None] = []

    class Look(Callback):
        def on_train_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:
            path = tmp_path / "last.ckpt"
            seen.append(torch.load(path, weights_only=True)["global_step"] if path.exists() else None)

    trainer(8, Checkpoints(str(tmp_path), every_n_steps=3), Look(), max_epochs=-1).fit(Tiny(), loader())
    assert seen == [None, None, None, 3, 3, 3, 6, 6]
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 8
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_failed_write_keeps_the_file_before_it(tmp_path: Path) -> None:
    class Full(Callback):
        def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: Any) -> None:
            if trainer.global_step == 6:
                raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        trainer(8, Checkpoints(str(tmp_path), every_n_steps=3), Full(), max_epochs=-1).fit(Tiny(), loader())
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 3


KILLED = """
import sys, time
from tests.training.tiny import *
from inpaintdiff.training.ema import EMA
from inpaintdiff.training.tracking import Checkpoints

class Slow(Callback):
    def on_train_batch_start(self, *args):
        time.sleep(0.02)

trainer(10_000, EMA(0.9), Checkpoints(sys.argv[1], every_n_steps=1), Slow(), max_epochs=-1).fit(Tiny(), loader())
"""


def test_kill_nine_and_resume_equals_an_undisturbed_run(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    last, deadline = tmp_path / "last.ckpt", time.monotonic() + 60
    while not last.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = int(torch.load(last, weights_only=True)["global_step"])
    steps = done + 7
    resumed, whole = Tiny(), Tiny()
    saver = Checkpoints(str(tmp_path), every_n_steps=1000)
    trainer(steps, EMA(0.9), saver, max_epochs=-1).fit(resumed, loader(), ckpt_path="last", weights_only=True)
    trainer(steps, EMA(0.9), max_epochs=-1).fit(whole, loader())
    assert len(resumed.history) == 7
    assert equal(whole.weights(), resumed.weights())
    assert equal(whole.history[-1], resumed.history[-1])


class Data(pl.LightningDataModule):
    def train_dataloader(self) -> Any:
        return loader()


def test_the_configuration_is_an_artifact(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["inpaintdiff"])  # LightningCLI distrusts pytest's arguments
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    settings = {"accelerator": "cpu", "max_steps": 1, "log_every_n_steps": 1}
    log = {
        "class_path": "inpaintdiff.training.tracking.TrackingLogger",
        "init_args": {"experiment": "config", "folder": str(store)},
    }
    cli = LightningCLI(
        Tiny,
        Data,
        save_config_callback=SaveConfig,
        trainer_defaults={**settings, **quiet, "logger": log},
        seed_everything_default=False,
        args=["fit"],
    )
    assert cli.trainer.max_steps == 1
    used = cli.trainer.logger
    assert isinstance(used, TrackingLogger)
    text = mlflow.MlflowClient(used.store.uri).download_artifacts(str(used.run_id), "config.yaml", str(tmp_path))
    assert "max_steps: 1" in Path(text).read_text()


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingError):
        Checkpoints(every_n_steps=0)
