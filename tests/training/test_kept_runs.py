"""Records that the store does not take are kept, and uploaded later: nothing is lost, nothing is there twice."""

import csv
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import mlflow
import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import CSVLogger

from inpaintdiff.cli import main
from inpaintdiff.errors import RegistryError
from inpaintdiff.registry import list_models, resolve_model, tracking
from inpaintdiff.registry_kept import KeptRun, upload
from inpaintdiff.registry_store import Tracking
from inpaintdiff.training.callbacks import RegisterCallback
from inpaintdiff.training.tracking import Checkpoints, TrackingLogger, continue_run
from tests.serving.requests_to import wait_for
from tests.training.runs import data, module
from tests.training.runs import trainer as real_trainer
from tests.training.tiny import Tiny, loader, trainer

pytestmark = [
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no"),
]
NOBODY = "http://127.0.0.1:9"  # the port is never listened at


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names a server that is not there. Retries are for servers that are restarted; here they would only take time."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOBODY)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    return tracking(tmp_path_factory.mktemp("store"), uri=f"sqlite:///{tmp_path_factory.mktemp('db')}/mlflow.db")


def recorded(store: Tracking, run_id: str) -> tuple[dict[str, str], dict[str, list[tuple[int, float]]], set[str]]:
    client = mlflow.MlflowClient(store.uri)
    run = client.get_run(run_id)
    history = {k: [(m.step, m.value) for m in client.get_metric_history(run_id, k)] for k in run.data.metrics}
    return run.data.params, history, {a.path for a in client.list_artifacts(run_id)}


def fit(log: TrackingLogger, steps: int = 4, *callbacks: Callback, **options: Any) -> None:
    trainer(steps, *callbacks, logger=log, log_every_n_steps=1, max_epochs=-1).fit(Tiny(), loader(), **options)


@pytest.mark.usefixtures("no_server")
def test_without_a_server_all_is_kept_and_uploaded(
    store: Tracking, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = TrackingLogger("kept", run_name="mine", folder=str(tmp_path / "runs"), tags={"who": "me"})
    log.log_hyperparams({"a": {"b": 1}})
    fit(log)
    log.log_image(np.full((4, 5, 3), 7, np.uint8), "val/samples", 4)
    log.finalize("success")
    folder = log.kept
    assert folder is not None
    assert f"inpaintdiff runs upload {folder}" in caplog.text

    told: list[tuple[int, int]] = []
    run_id = upload(folder, store, lambda *n: told.append(n))
    params, history, files = recorded(store, run_id)
    assert params == {"a/b": "1"}
    assert [step for step, _ in history["train/loss"]] == [0, 1, 2, 3]
    assert {"images", "provenance"} <= files
    run = mlflow.MlflowClient(store.uri).get_run(run_id)
    assert (run.info.run_name, run.info.status, run.data.tags["who"]) == ("mine", "FINISHED", "me")
    assert told[-1][0] == told[-1][1] == len(KeptRun(folder).operations())

    before = recorded(store, run_id)
    assert upload(folder, store) == run_id
    assert recorded(store, run_id) == before


@pytest.mark.usefixtures("no_server")
def test_an_upload_that_was_cut_off_goes_on(store: Tracking, tmp_path: Path) -> None:
    log = TrackingLogger("cut", folder=str(tmp_path), system_seconds=None)
    for step in range(6):
        log.log_metrics({"x": float(step)}, step)
    folder = log.kept
    assert folder is not None
    with (folder / "operations.jsonl").open("a") as f:
        f.write('{"what": "metrics", "values": {"x"')  # the machine went down

    class CutError(Exception):
        pass

    def cut(done: int, of: int) -> None:
        if done == 3:
            raise CutError

    with pytest.raises(CutError):
        upload(folder, store, cut)
    run_id = upload(folder, store)
    assert recorded(store, run_id)[1] == {"x": [(k, float(k)) for k in range(6)]}
    # where the note of what is there was lost, everything is made again, and is there once
    KeptRun(folder).note_uploaded(run_id, 0)
    upload(folder, store)
    assert recorded(store, run_id)[1] == {"x": [(k, float(k)) for k in range(6)]}


@pytest.mark.usefixtures("no_server")
def test_a_kept_run_goes_on_after_a_resume(store: Tracking, tmp_path: Path) -> None:
    folders = []
    for steps in (3, 5):
        log = TrackingLogger("resume", folder=str(tmp_path / "runs"), system_seconds=None)
        saver = Checkpoints(str(tmp_path / "ckpt"), every_n_steps=100)
        if steps == 5:
            continue_run(pl.Trainer(logger=log, accelerator="cpu"), tmp_path / "ckpt" / "last.ckpt")
        fit(log, steps, saver, ckpt_path="last" if steps == 5 else None, weights_only=True)
        folders.append(log.kept)
    assert folders[0] == folders[1]
    assert folders[0] is not None
    run_id = upload(folders[0], store)
    _, history, files = recorded(store, run_id)
    assert [step for step, _ in history["train/loss"]] == [0, 1, 2, 3, 4]
    assert "checkpoints" in files
    # after the upload the run goes on in the store
    log = TrackingLogger("resume", folder=str(tmp_path / "runs"))
    log.store = store
    assert log.continue_run(folders[0].name)
    assert log.run_id == run_id


@pytest.mark.slow
def test_without_mlflow_training_runs_and_its_model_is_registered_by_the_upload(
    store: Tracking, traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    for place in ("inpaintdiff.training.run_logger", "inpaintdiff.training.callbacks"):
        monkeypatch.setattr(f"{place}.find_spec", lambda name: None if name == "mlflow" else find(name))
    log = TrackingLogger("without", folder=str(tmp_path / "runs"), system_seconds=None)
    register = RegisterCallback("without-mlflow", folder=str(tmp_path / "models"))
    real_trainer(tmp_path / "ckpt", 2, register, logger=log, log_every_n_steps=1).fit(module(), data(traffic))
    assert log.kept is not None
    run_id = upload(log.kept, store)
    (version,) = [m for m in list_models(store) if m.name == "without-mlflow"]
    assert (version.run_id, version.aliases, version.tags["optimizer_steps"]) == (run_id, ("champion",), "2")
    made = tmp_path / "models" / "without-mlflow.safetensors"
    assert resolve_model("models:/without-mlflow/1", store).read_bytes() == made.read_bytes()


def test_a_log_of_lightnings_csv_logger_is_uploaded(
    store: Tracking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = CSVLogger(tmp_path, name="log", version="first", flush_logs_every_n_steps=1)
    log.log_hyperparams({"lr": 0.5})
    trainer(4, logger=log, log_every_n_steps=1, max_epochs=-1).fit(Tiny(), loader())
    assert main(["runs", "upload", str(tmp_path / "log"), "--tracking-uri", store.uri]) == 0
    run_id = re.search(r"is run (\w+) of", capsys.readouterr().out)
    assert run_id
    params, history, _ = recorded(store, run_id[1])
    with (tmp_path / "log" / "first" / "metrics.csv").open() as f:
        written = [(int(r["step"]), float(r["train/loss"])) for r in csv.DictReader(f)]
    assert len(written) == 4
    assert history["train/loss"] == written
    assert params["lr"] == "0.5"
    assert main(["runs", "upload", str(tmp_path / "log"), "--tracking-uri", store.uri]) == 0
    assert "uploaded already" in capsys.readouterr().out
    (tmp_path / "log" / "second").mkdir()
    (tmp_path / "log" / "second" / "metrics.csv").write_text("a,b\n1,2\n")
    assert main(["runs", "upload", str(tmp_path / "log" / "second"), "--tracking-uri", store.uri]) == 2
    assert "no log of Lightning's CSVLogger" in capsys.readouterr().err


@pytest.mark.slow
def test_fit_where_mlflow_pyav_and_decord_are_not_installed(store: Tracking, tmp_path: Path) -> None:
    """The whole recipe, with painted clips and a model at the end; afterwards all of it is in the store."""
    from tests.cli.test_lightning import settings
    from tests.test_optional import WITHOUT

    config = settings(Path("unused"))
    config["data"] = {
        "class_path": "TrafficScenesDataModule",
        "init_args": {"stream": 2, "batch_size": 2, "num_workers": 0, "size": 32, "clip_frames": 6},
    }
    config["trainer"] |= {"val_check_interval": 2, "check_val_every_n_epoch": None, "limit_val_batches": 1}
    config["trainer"]["callbacks"].pop()  # it writes videos
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-c", WITHOUT, "fit", "--config", "config.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "MLflow is not installed here" in done.stderr
    (folder,) = (tmp_path / "runs" / "kept").iterdir()
    assert f"inpaintdiff runs upload runs/kept/{folder.name}" in done.stderr
    run_id = upload(folder, store)
    _, history, files = recorded(store, run_id)
    assert [step for step, _ in history["train/loss"]] == [0, 1, 2]
    assert "val/psnr_hole_v1" in history
    assert {"config.yaml", "checkpoints", "images", "provenance"} <= files
    (version,) = [m for m in list_models(store) if m.name == "tiny"]
    assert version.run_id == run_id


def test_every_fit_says_where_it_comes_from(traffic: Path, tmp_path: Path) -> None:
    log = TrackingLogger("facts", folder=str(tmp_path / "runs"), system_seconds=0.05)
    run = real_trainer(tmp_path / "ckpt", 6, logger=log, log_every_n_steps=1)
    network = module()
    run.fit(network, data(traffic))
    client = mlflow.MlflowClient(log.store.uri)
    tags = client.get_run(str(log.run_id)).data.tags
    assert tags["parameters"] == str(sum(p.numel() for p in network.parameters()))
    digest = subprocess.run(["sha256sum", traffic / "dataset.json"], capture_output=True, text=True, check=True).stdout
    assert tags["data_sha256"] == digest.split()[0]
    assert {"seed", "command", "host", "platform", "processors", "memory_gb", "devices", "torch", "inpaintdiff"} <= set(
        tags
    )
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if commit.returncode == 0:
        assert tags["git_commit"] == commit.stdout.strip()
        assert tags["git_dirty"] in ("true", "false")
    packages = client.download_artifacts(str(log.run_id), "provenance/step-0000000/packages.txt", str(tmp_path))
    assert f"torch=={torch.__version__}" in Path(packages).read_text().splitlines()
    load = recorded(log.store, str(log.run_id))[1]
    assert load["system/cpu_utilization_percentage"]
    assert load["system/process_memory_megabytes"][0][1] > 50


def test_changes_of_the_code_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from inpaintdiff.training.provenance import code_state, text_files

    assert code_state(tmp_path) == (None, "")
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.com"]
    (tmp_path / "a.py").write_text("one = 1\n")
    for command in (["init", "-q"], ["add", "a.py"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    commit, changes = code_state(tmp_path)
    assert commit is not None
    assert changes == ""
    (tmp_path / "a.py").write_text("one = 2\n")
    monkeypatch.chdir(tmp_path)
    assert "+one = 2" in text_files()["uncommitted.diff"]


def test_wrong_folders_get_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "operations.jsonl").write_text("{\n{}\n")
    (tmp_path / "nameless").mkdir()
    (tmp_path / "nameless" / "operations.jsonl").write_text('{"what": "tags", "values": {}}\n')
    for folder, sentence in (
        (tmp_path / "nowhere", "holds no kept run"),
        (tmp_path / "damaged", "is damaged"),
        (tmp_path / "nameless", "does not say which run"),
    ):
        assert main(["runs", "upload", str(folder), "--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db"]) == 2
        err = capsys.readouterr().err
        assert sentence in err
        assert err.count("\n") == 1
    with pytest.raises(RegistryError, match="holds no run"):
        upload(tmp_path, tracking(tmp_path))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Tracking, "subprocess.Popen[bytes]", Any]]:
    """A real MLflow server, and a function that starts it again on the same store."""
    address = ("127.0.0.1", 18732)
    uri = f"http://{address[0]}:{address[1]}"

    def start() -> "subprocess.Popen[bytes]":
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", address[0], "--port", str(address[1]), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--artifacts-destination", str(tmp_path / "artifacts"),
        ]  # fmt: skip
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        log = (tmp_path / "server.log").open("ab")
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        log.close()
        wait_for(address, "/health", process)
        return process

    running = [start()]

    def again() -> None:
        running.append(start())

    yield Tracking(uri), running[0], again
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kill_nine_of_the_server_in_mid_training(
    server: tuple[Tracking, Any, Any], traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fit` ends with code 0; after the upload the run in the server has every step, file, and the model."""
    from tests.cli.test_lightning import settings

    store, process, again = server
    monkeypatch.chdir(tmp_path)
    config = settings(traffic)
    config["trainer"]["max_steps"] = 60
    config["trainer"]["check_val_every_n_epoch"] = 5
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    environment = {**os.environ, "MLFLOW_TRACKING_URI": store.uri, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "inpaintdiff", "fit", "--config", "config.yaml"]
    training = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    client = mlflow.MlflowClient(store.uri)

    def losses() -> list[int]:
        experiment = client.get_experiment_by_name("inpaintdiff")
        runs = client.search_runs([experiment.experiment_id]) if experiment else []
        return [m.step for m in client.get_metric_history(runs[0].info.run_id, "train/loss")] if runs else []

    deadline = time.monotonic() + 200
    while len(losses()) < 5 and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _, said = training.communicate(timeout=300)
    assert training.returncode == 0, said
    assert "from here on the run is kept in runs/kept/" in said
    assert "inpaintdiff runs upload runs/kept/" in said

    again()
    before = losses()
    assert 5 <= len(before) < 60, "the server died in the middle"
    assert list_models(store) == []
    assert main(["runs", "upload", "runs/kept", "--tracking-uri", store.uri]) == 0
    assert losses() == list(range(60))
    (version,) = list_models(store)
    (run,) = client.search_runs([client.get_experiment_by_name("inpaintdiff").experiment_id])
    assert (version.run_id, run.info.status) == (run.info.run_id, "FINISHED")
    files = {a.path for a in client.list_artifacts(run.info.run_id)}
    assert {"config.yaml", "checkpoints", "samples", "images", "provenance"} <= files
    assert resolve_model("models:/tiny/1", store).read_bytes() == Path("runs/models/tiny.safetensors").read_bytes()
