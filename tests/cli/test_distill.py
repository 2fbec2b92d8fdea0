"""`inpaintdiff distill`: a student from a teacher's file, which then paints by itself in its own few calls."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from inpaintdiff.checkpoint import load_denoiser, save_model
from inpaintdiff.cli import main
from inpaintdiff.model_config import build_denoiser
from inpaintdiff.training.distillation import DistillationModule
from tests.painting.small import CONFIG, SIZE, video_file

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    g = torch.Generator().manual_seed(0)
    config = {**CONFIG, "grid": {"class": "KarrasGrid", "args": {"sigma_min": 0.01, "sigma_max": 20.0}}}
    state = {k: 0.1 * torch.randn(v.shape, generator=g) for k, v in build_denoiser(config).state_dict().items()}
    folder = tmp_path_factory.mktemp("teacher")
    return save_model(folder / "teacher.safetensors", config, state, {"name": "teacher"})


def settings(root: Path, teacher: Path) -> dict[str, Any]:
    return {
        "model": {"teacher": str(teacher), "calls": 2, "substeps": 2, "window": 4, "lr": 1e-3, "warmup_steps": 1},
        "data": {
            "class_path": "ClipDataModule",
            "init_args": {"root": str(root), "batch_size": 2, "num_workers": 0, "tasks": {"class_path": "SchemeTasks"}},
        },
        "trainer": {
            "max_steps": 3,
            "accelerator": "cpu",
            "num_sanity_val_steps": 0,
            "limit_val_batches": 0,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "logger": False,
            "callbacks": [
                {"class_path": "EMA", "init_args": {"decay": 0.5}},
                {"class_path": "Checkpoints", "init_args": {"dirpath": "runs/checkpoints", "every_n_steps": 2}},
            ],
        },
    }


def distill(folder: Path, values: dict[str, Any], *more: str) -> int:
    values["data"]["init_args"]["tasks"].setdefault("init_args", {"window": values["model"]["window"]})
    (folder / "distill.yaml").write_text(yaml.safe_dump(values))
    return main(["distill", "--config", str(folder / "distill.yaml"), *more])


def test_a_student_paints_in_its_own_calls(
    teacher: Path, traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert distill(tmp_path, settings(traffic, teacher)) == 0
    # what was cut off goes on
    longer = settings(traffic, teacher)
    longer["trainer"]["max_steps"] = 4
    assert distill(tmp_path, longer, "--ckpt_path", "last") == 0
    last = tmp_path / "runs" / "checkpoints" / "last.ckpt"
    held = torch.load(last, weights_only=True)
    assert held["global_step"] == 4
    assert not [k for k in held["state_dict"] if "teacher" in k]
    assert main(["models", "export", str(last), "-o", "student.safetensors"]) == 0
    student, info = load_denoiser("student.safetensors")
    assert info.config["sampling"] == {"solver": "ddim", "calls": 2}
    before = load_denoiser(teacher)[0].state_dict()
    moved = [k for k, v in student.state_dict().items() if not torch.equal(v, before[k])]
    assert moved
    assert all(float((v - before[k]).abs().max()) < 0.05 for k, v in student.state_dict().items()), "began as teacher"

    video_file(tmp_path / "in.mkv")
    paint = ["inpaint", "in.mkv", "--box", "5,5,30,30", "--model", "student.safetensors", "-o"]
    assert main([*paint, "out.mkv"]) == 0
    sampling = json.loads((tmp_path / "out.mkv.json").read_text())["sampling"]
    assert (sampling["solver"], sampling["calls_per_stage"]) == ("ddim", 2)
    assert main([*paint, "wrong.mkv", "--steps", "10"]) == 2
    assert "2 steps at levels of its own, got 10" in capsys.readouterr().err
    assert not (tmp_path / "wrong.mkv").exists()
    # a student teaches the next one, by its own solver
    (tmp_path / "again").mkdir()
    once = settings(traffic, tmp_path / "student.safetensors")
    once["model"]["calls"] = 1
    once["trainer"]["callbacks"][1]["init_args"]["dirpath"] = "again"
    assert distill(tmp_path, once) == 0
    made = DistillationModule(str(tmp_path / "student.safetensors"), calls=1, substeps=2, window=4)
    assert made.config["grid"]["args"] == {"levels": [pytest.approx(20.0)]}
    assert made.hparams["solver"] == "ddim"


def test_wrong_settings_get_a_sentence(
    teacher: Path, traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for change, sentence in (
        ({"window": 5}, "has windows of 4 frames"),
        ({"calls": 0}, "at least 1, got 0"),
        ({"teacher": "nowhere.safetensors"}, "there is no model file nowhere.safetensors"),
        ({"solver": "magic"}, "there is no solver 'magic'"),
    ):
        values = settings(traffic, teacher)
        values["model"].update(change)
        assert distill(tmp_path, values) == 2, change
        assert sentence in capsys.readouterr().err


def test_network_and_size_are_the_teachers(teacher: Path) -> None:
    made = DistillationModule(str(teacher), calls=4, substeps=2, window=4)
    own = load_denoiser(teacher)[0].state_dict()
    assert all(torch.equal(v, own[k]) for k, v in made.denoiser.state_dict().items())
    assert (made.config["height"], made.config["width"]) == (SIZE, SIZE)
    levels = made.config["grid"]["args"]["levels"]
    assert len(levels) == 4
    assert levels[0] == pytest.approx(20.0)
    assert not any(p.requires_grad for p in made._teacher[0].parameters())


def test_searched_steps_go_with_the_model(
    teacher: Path, traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    search = ["models", "search-steps", str(teacher), "--steps", "3", "-o", "fast.safetensors", "--windows", "1"]
    assert main([*search, "--trials", "12", "--data", str(traffic)]) == 0
    said = capsys.readouterr().out
    assert "12 grids tried" in said
    info = load_denoiser("fast.safetensors")[1]
    assert info.config["sampling"] == {"solver": "dpmpp-2m", "calls": 3}
    levels = info.config["grid"]["args"]["levels"]
    assert ", ".join(f"{v:.4g}" for v in levels) in said
    video_file(tmp_path / "in.mkv", frames=4)
    paint = ["inpaint", "in.mkv", "--box", "5,5,30,30", "--model", "fast.safetensors", "-o", "out.mkv"]
    assert main(paint) == 0
    assert json.loads((tmp_path / "out.mkv.json").read_text())["sampling"]["calls_per_stage"] == 3
    for change, sentence in (
        ([], "exists already"),
        (["--overwrite", "--windows", "0"], "must be at least 1, got 3, 0, 60"),
        (["--overwrite", "--solver", "heun"], "one call a step"),
    ):
        assert main([*search, *change]) == 2
        assert sentence in capsys.readouterr().err
    again = ["models", "search-steps", "fast.safetensors", "--steps", "2", "-o", "faster.safetensors"]
    assert main(again) == 2
    assert "levels of its own already" in capsys.readouterr().err


def test_steps_are_not_searched_where_nothing_is_to_paint(
    teacher: Path, traffic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clips without holes would be asked for windows for ever."""
    shutil.copytree(traffic, tmp_path / "whole")
    manifest = tmp_path / "whole" / "dataset.json"
    plain = json.loads(manifest.read_text())
    for entries in plain["splits"].values():
        for entry in entries:
            entry["hole"] = None
    manifest.write_text(json.dumps(plain))
    out = tmp_path / "fast.safetensors"
    search = ["models", "search-steps", str(teacher), "--data", str(tmp_path / "whole"), "-o", str(out)]
    assert main(search) == 2
    assert "has no hole to paint" in capsys.readouterr().err
    assert not out.exists()
