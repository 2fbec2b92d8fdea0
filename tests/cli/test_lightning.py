"""fit, validate, test and predict from the user's door: what is recorded, what goes on after a kill, what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
import torch
import yaml

from inpaintdiff.cli import lightning_main, main
from inpaintdiff.data.video import open_video
from inpaintdiff.registry import list_models, tracking

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:Found .* module.* in eval mode"),
]


def settings(root: Path) -> dict[str, Any]:
    """A training of seconds. Classes are named without their modules, as users do."""
    return {
        "seed_everything": 0,
        "model": {
            "network": {"preset": "tiny", "width": 8},
            "objective": {"predict": "edm", "sigmas": "log-normal"},
            "window": 4,
            "size": 32,
            "sampling": {"calls": 2, "samples": 2},
        },
        "data": {
            "class_path": "ClipDataModule",
            "init_args": {
                "root": str(root),
                "batch_size": 2,
                "num_workers": 0,
                "tasks": {"class_path": "FDMTasks", "init_args": {"window": 4}},
            },
        },
        "trainer": {
            "max_steps": 3,
            "accelerator": "cpu",
            "log_every_n_steps": 1,
            "num_sanity_val_steps": 0,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "callbacks": [
                {"class_path": "EMA", "init_args": {"decay": 0.9}},
                {"class_path": "Checkpoints", "init_args": {"dirpath": "runs/checkpoints", "every_n_steps": 2}},
                {"class_path": "QualityCallback", "init_args": {"clips": 1, "steps": 2, "frames": 6}},
                {"class_path": "RegisterCallback", "init_args": {"name": "tiny"}},
                {"class_path": "PredictionWriter"},
            ],
        },
    }  # fmt: skip


@pytest.fixture
def config(traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(settings(traffic)))
    return path


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    capsys.readouterr()
    assert main(list(args)) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("inpaintdiff: ")]
    assert len(err) == 1
    assert not Path("runs/checkpoints").exists()
    return err[0]


def test_the_whole_way(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """fit records in the embedded store without being told to, resumes in the same run, and the other verbs use the result."""
    c = ["--config", str(config)]
    assert main(["fit", *c]) == 0
    store = tracking("runs")
    (first,) = list_models(store)
    client = mlflow.MlflowClient(store.uri)
    run = client.get_run(str(first.run_id))
    assert run.info.status == "FINISHED"
    assert run.data.params["window"] == "4"
    assert {"train/loss", "val/loss", "val/psnr_hole_v1"} <= set(run.data.metrics)
    artifacts = {a.path for a in client.list_artifacts(run.info.run_id)}
    assert {"config.yaml", "samples"} <= artifacts

    assert main(["fit", *c, "--ckpt_path", "last", "--trainer.max_steps", "5"]) == 0
    newest, oldest = list_models(store)
    assert (newest.aliases, oldest.aliases) == (("candidate",), ("champion",)), "the new model must prove itself first"
    assert newest.run_id == oldest.run_id == first.run_id
    assert newest.tags["optimizer_steps"] == "5"
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [m.step for m in history] == [0, 1, 2, 3, 4]

    assert main(["validate", *c, "--ckpt_path", "last"]) == 0
    assert main(["test", *c, "--ckpt_path", "last"]) == 0
    assert "test/ssim_hole_v1" in capsys.readouterr().out
    assert main(["predict", *c, "--ckpt_path", "last"]) == 0
    videos = sorted(p.relative_to("predictions") for p in Path("predictions").rglob("*.mp4"))
    assert [str(p) for p in videos] == [f"test/00000{i}-{k}.mp4" for i in (0, 1) for k in (1, 2, "uncertainty")]
    assert len(open_video(Path("predictions") / videos[0])) == 12
    again = main(["predict", *c, "--ckpt_path", "last"])
    assert again == 2
    assert "exists already" in capsys.readouterr().err


def typo(*keys: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(c: Any) -> None:
        for k in keys[:-1]:
            c = c[k]
        c[keys[-1]] = value

    return change


TYPOS = {
    "model.lrr; did you mean model.lr?": typo("model", "lrr", value=1e-3),
    "trainer.max_step; did you mean trainer.max_steps?": typo("trainer", "max_step", value=1),
    "model.network.widht; did you mean model.network.width?": typo("model", "network", "widht", value=8),
    "data: ClipDataModule has no option batchsize; did you mean batch_size?": typo("data", "init_args", "batchsize", value=1),
    "data: there is no class ClipDataModul; did you mean ClipDataModule?": typo("data", "class_path", value="ClipDataModul"),
    "data.tasks: there is no class FDMTask": typo("data", "init_args", "tasks", "class_path", value="inpaintdiff.schemes.tasks.FDMTask"),
    "trainer.callbacks: EMA has no option decy; did you mean decay?": typo("trainer", "callbacks", 0, "init_args", value={"decy": 1}),
    "model.lr is fast, expected float": typo("model", "lr", value="fast"),
    "EMA decay is 2.0, expected": typo("trainer", "callbacks", 0, "init_args", value={"decay": 2}),
    "no network preset 'huge'": typo("model", "network", "preset", value="huge"),
    "has no dataset.json; make a data set": typo("data", "init_args", "root", value="nowhere"),
}  # fmt: skip


@pytest.mark.parametrize("message", TYPOS)
def test_a_wrong_configuration_gets_one_sentence(
    message: str, config: Path, traffic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = settings(traffic)
    TYPOS[message](wrong)
    config.write_text(yaml.safe_dump(wrong))
    assert message in refused(capsys, "fit", "--config", str(config))


def test_wrong_arguments_get_one_sentence(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = config.with_name("bad.yaml")
    bad.write_text("model:\n  lr: [1\n")
    for args, message in (
        (["--config", "nowhere.yaml"], "there is no configuration file"),
        (["--config", str(bad)], "is no YAML"),
        (["--config", str(config), "--model.lrr=1"], "model.lrr; did you mean model.lr?"),
        (["--config", str(config), "--model.lr=abc"], "model.lr is abc, expected float"),
    ):
        assert message in refused(capsys, "fit", *args)


@pytest.mark.slow
def test_a_wrong_checkpoint_gets_one_sentence(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    c = ["--config", str(config)]
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    torch.save({"state_dict": {}}, tmp_path / "weights.ckpt")
    other = {"network": {"class": "VideoUNet", "args": {"width": 64}}}
    torch.save({"state_dict": {}, "hyper_parameters": {"denoiser": other}}, tmp_path / "other.ckpt")
    for path, message in (
        ("nowhere.ckpt", "there is no model file"),
        ("text.ckpt", "holds pickled code"),
        ("weights.ckpt", "which network"),
        ("other.ckpt", "holds the network"),
    ):
        assert message in refused(capsys, "fit", *c, "--ckpt_path", path)
    # there is nothing to test yet; fit would begin at step 0
    assert "runs/checkpoints/last.ckpt; give" in refused(capsys, "test", *c, "--ckpt_path", "last")


@pytest.mark.slow
def test_a_dry_run_leaves_nothing_behind(config: Path) -> None:
    assert main(["fit", "--config", str(config), "--ckpt_path", "last", "--trainer.fast_dev_run", "true"]) == 0
    assert list_models(tracking("runs")) == []
    assert not Path("runs/checkpoints").exists()


def test_print_config_is_a_configuration(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for door in (main, lightning_main):
        with pytest.raises(SystemExit) as info:
            door(["fit", "--config", str(config), "--print_config"])
        assert info.value.code == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    whole = yaml.safe_load(printed[0])
    assert whole["data"]["class_path"] == "inpaintdiff.data.datamodules.ClipDataModule"
    assert whole["model"]["window"] == 4
    assert "window" not in whole["data"]["init_args"], "linked to the model's, not a second setting"
    assert whole["trainer"]["logger"]["class_path"].endswith("TrackingLogger"), (
        "runs are recorded unless told otherwise"
    )
    config.write_text(printed[0])
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(config), "--print_config"])
    assert capsys.readouterr().out == printed[0]


@pytest.mark.slow
def test_both_executables(config: Path) -> None:
    """`lightning fit` and `python -m inpaintdiff fit` in processes of their own."""
    arguments = ["fit", "--config", str(config), "--print_config"]
    doors = ([str(Path(sys.executable).with_name("lightning"))], [sys.executable, "-m", "inpaintdiff"])
    started = [
        subprocess.Popen([*d, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for d in doors
    ]
    (a, _), (b, _) = (p.communicate() for p in started)
    assert [p.returncode for p in started] == [0, 0]
    assert a == b != ""


def test_lightning_without_a_verb_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert lightning_main(["--help"]) == 0
    assert lightning_main(["login"]) == 2
    assert "usage: lightning {fit,validate,test,predict}" in capsys.readouterr().out


@pytest.mark.slow
def test_kill_nine_and_go_on(config: Path, traffic: Path) -> None:
    """A training killed in the middle ends registered, in the run in which it began."""
    c = settings(traffic)
    c["trainer"]["max_steps"] = 100_000
    config.write_text(yaml.safe_dump(c))
    process = subprocess.Popen(
        [sys.executable, "-m", "inpaintdiff", "fit", "--config", str(config)], stderr=subprocess.DEVNULL
    )
    last, deadline = Path("runs/checkpoints/last.ckpt"), time.monotonic() + 200
    while not last.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = int(torch.load(last, weights_only=True)["global_step"])
    store = tracking("runs")
    client = mlflow.MlflowClient(store.uri)
    (experiment,) = [e for e in client.search_experiments() if e.name == "inpaintdiff"]
    (before,) = client.search_runs([experiment.experiment_id])
    assert list_models(store) == []
    assert main(["fit", "--config", str(config), "--ckpt_path", "last", "--trainer.max_steps", str(done + 3)]) == 0
    (model,) = list_models(store)
    assert model.run_id == before.info.run_id
    assert model.tags["optimizer_steps"] == str(done + 3)
    assert client.get_run(before.info.run_id).info.status == "FINISHED"
    assert len(client.search_runs([experiment.experiment_id])) == 1


TWO_PROCESSES = """
import json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.training.runs import *

class Mean(Callback):
    losses = []
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.losses.append(float(trainer.strategy.reduce(outputs["loss"], reduce_op="mean")))

root, folder, devices = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
mean = Mean()
parallel = {"devices": devices, "strategy": "ddp" if devices > 1 else "auto"}
run = trainer(folder, 7, mean, **parallel)
network = NetworkConfig("tiny", width=8)  # dropout is not shared among processes
run.fit(module(network=network), data(root, batch_size=2 // devices))
if run.is_global_zero:
    (folder / "losses.json").write_text(json.dumps(mean.losses))
"""


@pytest.mark.slow
def test_two_processes_train_as_one_does(traffic: Path, tmp_path: Path) -> None:
    """The same global batch, noise and levels: the same losses and weights, but for the order of sums."""
    script = tmp_path / "train.py"
    script.write_text(TWO_PROCESSES)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    losses, weights = [], []
    for devices in (1, 2):
        folder = tmp_path / str(devices)
        folder.mkdir()
        command = [sys.executable, str(script), str(traffic), str(folder), str(devices)]
        subprocess.run(
            command, check=True, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        losses.append(json.loads((folder / "losses.json").read_text()))
        weights.append(torch.load(folder / "last.ckpt", weights_only=True)["current_model_state"])
    assert len(losses[0]) == 7
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    for k, v in weights[0].items():
        torch.testing.assert_close(weights[1][k], v, rtol=1e-3, atol=1e-5)
