"""Every published training configuration is understood and runs."""

from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from inpaintdiff.cli import main
from inpaintdiff.registry import list_models, tracking

CONF = Path(__file__).parents[1] / "conf"
CONFIGS = sorted(CONF.glob("*.yaml"))
SECOND_PHASES = sorted((CONF / "second_phase").glob("*.yaml"))
# they use the same classes as others
SLOW = {"traffic_scenes_128"}


@pytest.mark.parametrize(
    "configs",
    [pytest.param([c], id=c.stem, marks=[pytest.mark.slow] * (c.stem in SLOW)) for c in CONFIGS]
    + [pytest.param([CONF / c.name, c], id=f"{c.stem} second phase", marks=pytest.mark.slow) for c in SECOND_PHASES],
)
def test_two_steps(
    configs: list[Path],
    traffic: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    new_store: Callable[[Path], Path],
) -> None:
    """From the user's door, on tiny clips: real classes, real tracking, and a registered model at the end."""
    monkeypatch.chdir(tmp_path)
    new_store(tmp_path / "runs")
    small = {
        "data.init_args.root": traffic,
        "data.init_args.batch_size": 2,
        "data.init_args.num_workers": 0,
        "data.init_args.size": 32,
        "data.init_args.crop": 24,
        "model.network.width": 16,
        "trainer.accelerator": "cpu",
        "trainer.precision": "32-true",
        "trainer.max_steps": 2,
        "trainer.enable_progress_bar": "true",
        "trainer.log_every_n_steps": 1,
        "model.start_from": "null",  # the small network of this test fits no published weights
    }
    files = [part for config in configs for part in ("--config", str(config))]
    assert main(["fit", *files, *(f"--{k}={v}" for k, v in small.items())]) == 0
    (model,) = list_models(tracking("runs"))
    assert model.aliases == ("champion",)
    assert model.tags["optimizer_steps"] == "2"
    run = mlflow.MlflowClient(tracking("runs").uri).get_run(str(model.run_id))
    assert run.info.status == "FINISHED"
    assert {"train/loss", "lr-AdamW"} <= set(run.data.metrics)
    assert (next(Path("runs").rglob("last.ckpt"))).stat().st_size > 1000


def test_a_student_of_the_built_in_model(
    traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_store: Callable[[Path], Path]
) -> None:
    monkeypatch.chdir(tmp_path)
    new_store(tmp_path / "runs")
    small = {
        "data.init_args.root": traffic,
        "data.init_args.stream": "null",
        "data.init_args.batch_size": 1,
        "data.init_args.num_workers": 0,
        "data.init_args.size": 32,
        "trainer.accelerator": "cpu",
        "trainer.precision": "32-true",
        "trainer.max_steps": 1,
        "trainer.log_every_n_steps": 1,
    }
    config = CONF / "distill" / "traffic_scenes.yaml"
    assert main(["distill", "--config", str(config), *(f"--{k}={v}" for k, v in small.items())]) == 0
    (model,) = list_models(tracking("runs"))
    assert (model.name, model.tags["size"], model.tags["optimizer_steps"]) == ("inpaintdiff-traffic-fast", "64x64", "1")


def test_there_are_configurations() -> None:
    there = {p.stem for p in CONFIGS}
    assert {
        "demo",
        "traffic_scenes",
        "traffic_scenes_128",
        "bdd_inpainting",
        "inpainting_cars",
        "video_folder",
    } <= there
