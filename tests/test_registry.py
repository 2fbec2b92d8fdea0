"""The registry on a real SQLite store: a model file goes in, the same file comes out, and the version really paints."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow.exceptions import MlflowException

import inpaintdiff
from inpaintdiff.checkpoint import file_digest, load_denoiser, save_model
from inpaintdiff.errors import CheckpointError, RegistryError
from inpaintdiff.painting.service import Request
from inpaintdiff.registry import (
    Tracking,
    connected,
    find_version,
    register_model,
    resolve_model,
    tracking,
)
from inpaintdiff.registry_flavour import REQUIREMENTS
from tests.test_checkpoint import CARD, CONFIG, lightning_file, random_state

NAME = "tiny-model"


def model_file(folder: Path, seed: int) -> Path:
    # small weights, so that the random network's answers stay in range
    state = {k: 0.05 * v for k, v in random_state(seed).items()}
    return save_model(folder / f"m{seed}.safetensors", CONFIG, state, CARD)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], Path]) -> Tracking:
    return tracking(new_store(tmp_path_factory.mktemp("registry") / "runs"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("files")
    return [model_file(folder, seed) for seed in (0, 1)]


@pytest.fixture(scope="module")
def registered(store: Tracking, files: list[Path]) -> tuple[str, str]:
    """Both files, one after the other; the alias ends at the second."""
    first = register_model(files[0], NAME, tags={"optimizer_steps": "3"}, store=store)
    second = register_model(files[1], NAME, card_text="# Second\n", store=store)
    return first, second


def client(store: Tracking) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(store.uri)


def test_a_version_gives_its_file_back(store: Tracking, files: list[Path], registered: tuple[str, str]) -> None:
    assert registered == ("1", "2")
    for uri, path in ((f"models:/{NAME}/1", files[0]), (f"models:/{NAME}@champion", files[1])):
        assert resolve_model(uri, store).read_bytes() == path.read_bytes()
    assert load_denoiser(resolve_model(f"models:/{NAME}@champion", store))[1].card == CARD


def test_a_version_has_card_tags_and_signature(store: Tracking, files: list[Path], registered: tuple[str, str]) -> None:
    first, second = (find_version(f"models:/{NAME}/{v}", store) for v in registered)
    assert first.tags["sha256"] == file_digest(files[0])
    assert first.tags["optimizer_steps"] == "3"
    assert "4 frames of 8x8 pixels" in first.description
    assert second.description == "# Second\n"
    with connected(store):
        model = mlflow.models.get_model_info(str(resolve_model(f"models:/{NAME}/1", store).parents[1]))
    inputs = {s.name: (s.type, s.shape) for s in model.signature.inputs}
    assert inputs == {"frames": (np.dtype("uint8"), (-1, -1, -1, 3)), "hole": (np.dtype("uint8"), (-1, -1, -1))}
    assert {p.name for p in model.signature.params} == set(Request.__dataclass_fields__)
    requirements = (resolve_model(f"models:/{NAME}/1", store).parents[1] / "requirements.txt").read_text()
    assert all(f"{name}==" in requirements for name in REQUIREMENTS)


def test_the_same_file_is_registered_once(
    store: Tracking, files: list[Path], registered: tuple[str, str], tmp_path: Path
) -> None:
    again = tmp_path / "copy.safetensors"
    again.write_bytes(files[0].read_bytes())
    assert register_model(again, NAME, alias="challenger", store=store) == registered[0]
    assert len(client(store).search_model_versions(f"name = '{NAME}'")) == 2
    aliases = client(store).get_registered_model(NAME).aliases
    assert {k: str(v) for k, v in aliases.items()} == {"champion": "2", "challenger": "1"}


def test_a_given_run_owns_the_model_and_keeps_its_state(store: Tracking, files: list[Path]) -> None:
    c = client(store)
    run = c.create_run(c.create_experiment("mine", artifact_location=f"{store.artifacts}/mine"))
    before = mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")
    version = register_model(files[0], "from-a-run", run_id=run.info.run_id, alias=None, store=store)
    assert (mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")) == before
    assert mlflow.active_run() is None
    assert c.get_run(run.info.run_id).info.status == "RUNNING"
    assert find_version(f"models:/from-a-run/{version}", store).run_id == run.info.run_id
    assert not c.get_registered_model("from-a-run").aliases


def test_a_run_artifact_resolves(store: Tracking, files: list[Path]) -> None:
    c = client(store)
    run = c.create_run(c.create_experiment("files", artifact_location=f"{store.artifacts}/files")).info.run_id
    c.log_artifact(run, str(files[0]), "weights")
    for path in ("weights", "weights/m0.safetensors"):
        assert resolve_model(f"runs:/{run}/{path}", store).read_bytes() == files[0].read_bytes()


def example() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    hole = np.zeros((6, 8, 8), dtype=np.uint8)
    hole[1:5, 2:6, 3:7] = 255
    return frames, hole


def test_the_version_paints_as_the_package_does(store: Tracking, registered: tuple[str, str]) -> None:
    path = resolve_model(f"models:/{NAME}@champion", store)
    with connected(store):
        served = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    frames, hole = example()
    out = served.predict({"frames": frames, "hole": hole}, params={"steps": 3, "seed": 5, "samples": 2})
    assert out.dtype == np.uint8
    assert out.shape == (2, 6, 8, 8, 3)
    known = hole == 0
    assert all(np.array_equal(sample[known], frames[known]) for sample in out)
    assert not np.array_equal(out[0], out[1])
    direct = inpaintdiff.inpaint(frames, hole != 0, model=path, steps=3, seed=5, samples=2, device="cpu")
    assert np.array_equal(out, direct.videos)


def test_wrong_input_to_the_version_is_the_callers_fault(store: Tracking, registered: tuple[str, str]) -> None:
    served = mlflow.pyfunc.load_model(resolve_model(f"models:/{NAME}/1", store).parents[1].as_uri())
    frames, hole = example()
    for wrong, params in (
        ({"frames": frames, "hole": hole[:4]}, {}),
        ({"frames": frames, "hole": hole}, {"steps": -1}),
        ({"frames": frames, "hole": hole}, {"scheme": "no-such-scheme"}),
        ({"frames": frames, "hole": hole}, {"scheme": "inpaintdiff.schemes:Autoregressive"}),
    ):
        with pytest.raises(MlflowException) as info:
            served.predict(wrong, params=params)
        assert info.value.error_code == "INVALID_PARAMETER_VALUE"
        assert "\n" not in str(info.value)


FRESH = """
import json, sys, mlflow, numpy as np
model = mlflow.pyfunc.load_model(sys.argv[1])
hole = np.zeros((4, 8, 8), np.uint8); hole[:, 2:5] = 1
out = model.predict({"frames": np.zeros((4, 8, 8, 3), np.uint8), "hole": hole}, params={"steps": 2})
import inpaintdiff
loaded = {m.split(".")[0] for m in sys.modules}
print(json.dumps({"shape": out.shape, "file": inpaintdiff.__file__, "loaded": sorted(loaded & {
    "lightning", "torchmetrics", "rich", "skimage"})}))
"""


def test_a_fresh_process_runs_the_code_that_was_registered(
    store: Tracking, registered: tuple[str, str], tmp_path: Path
) -> None:
    """What the version needs is in the version or in its requirements; nothing of the training side is imported."""
    folder = resolve_model(f"models:/{NAME}/1", store).parents[1]
    run = subprocess.run(
        [sys.executable, "-c", FRESH, str(folder)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout.splitlines()[-1])
    assert seen["shape"] == [1, 4, 8, 8, 3]
    assert Path(seen["file"]).is_relative_to(folder / "code")
    assert seen["loaded"] == []
    assert not list(folder.rglob("traffic-64.safetensors")), "the built-in weights travel with every version"


def test_what_is_not_there_gets_one_sentence(store: Tracking, registered: tuple[str, str], tmp_path: Path) -> None:
    expected = {
        f"models:/{NAME}@nobody": "has no alias nobody; it has: ",
        f"models:/{NAME}/99": "has no version 99; the newest is 2",
        "models:/unknown@champion": f"no model unknown; it has: .*{NAME}",
        f"models:/{NAME}": "expected models:/NAME@ALIAS",
        "models:/a/b/c": "expected models:/NAME@ALIAS",
        "models:/a'b@c": "cannot name a model",
        "file.safetensors": "is no model address",
        "runs:/abc/x": "expected runs:/RUN_ID/path",
        f"runs:/{'0' * 32}/x": "refused",
    }
    for uri, message in expected.items():
        with pytest.raises(RegistryError, match=message) as info:
            resolve_model(uri, store)
        assert "\n" not in str(info.value)
    with pytest.raises(RegistryError, match="no model registry at"):
        resolve_model("models:/a@b", tracking(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists(), "looking makes no database"


def test_a_damaged_store_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(RegistryError, match="refused") as info:
        resolve_model("models:/a@b", tracking(tmp_path))
    assert "\n" not in str(info.value)


def test_lost_artifacts_get_one_sentence(store: Tracking, files: list[Path]) -> None:
    version = register_model(files[1], "lost", store=store)
    folder = resolve_model(f"models:/lost/{version}", store).parents[1]
    folder.rename(folder.with_name("moved"))
    with pytest.raises(RegistryError, match="is gone"):
        resolve_model(f"models:/lost/{version}", store)


def test_only_model_files_are_registered(store: Tracking, files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="export"):
        register_model(lightning_file(tmp_path / "m.ckpt"), "x", store=store)
    with pytest.raises(CheckpointError):
        register_model(tmp_path / "nowhere", "x", store=store)
    with pytest.raises(RegistryError, match="cannot name"):
        register_model(files[0], "a/b", store=store)


def test_the_environment_decides_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tracking(tmp_path)
    assert own.uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert own.artifacts == (tmp_path / "artifacts").as_uri()
    assert own.database == tmp_path / "mlflow.db"
    assert "mlflow ui" in own.open_with()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert tracking(tmp_path) == Tracking("http://server:5000")
    assert tracking().open_with() == "http://server:5000"
