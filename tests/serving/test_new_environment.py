"""A saved version in a virtual environment that has nothing but what it asks for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import inpaintdiff
from inpaintdiff.registry import register_model, resolve_model, tracking
from tests.painting.small import model_file, pictures

PREDICT = """
import json, sys
import mlflow, numpy as np
model = mlflow.pyfunc.load_model(sys.argv[1])
given = np.load(sys.argv[2])
painted = model.predict({"frames": given["frames"], "hole": given["hole"]}, params={"steps": 2, "seed": 5, "samples": 2})
np.save(sys.argv[3], painted)
import inpaintdiff
print(json.dumps([inpaintdiff.__file__, sorted(m for m in ("lightning", "jsonargparse") if m in sys.modules)]))
"""


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_new_environment_paints_the_same(tmp_path: Path) -> None:
    """pip, as it is configured here, installs requirements.txt and nothing else; the package itself is not installed."""
    weights = model_file(tmp_path)
    store = tracking(tmp_path / "runs")
    version = register_model(weights, "alone", store=store)
    saved = resolve_model(f"models:/alone/{version}", store).parents[1]
    frames, hole = pictures(6, 20, 24), np.zeros((6, 20, 24), dtype=np.uint8)
    hole[1:5, 6:14, 8:18] = 1
    np.savez(tmp_path / "given.npz", frames=frames, hole=hole)

    home = tmp_path / "venv"
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, env=clean)
    python = str(home / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "-r", str(saved / "requirements.txt")]
    subprocess.run(install, check=True, env=clean, cwd=tmp_path)
    names = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True, env=clean
    )
    installed = {line.partition("==")[0] for line in names.stdout.splitlines()}
    assert not installed & {"inpaintdiff", "lightning", "jsonargparse", "decord", "torchmetrics"}

    command = [python, "-c", PREDICT, str(saved), str(tmp_path / "given.npz"), str(tmp_path / "painted.npy")]
    run = subprocess.run(command, capture_output=True, text=True, env=clean, cwd=tmp_path, check=False)
    assert run.returncode == 0, run.stderr
    where, training = json.loads(run.stdout.splitlines()[-1])
    assert Path(where).is_relative_to(saved / "code")
    assert training == []
    direct = inpaintdiff.inpaint(frames, hole != 0, model=weights, device="cpu", steps=2, seed=5, samples=2).videos
    assert np.array_equal(np.load(tmp_path / "painted.npy"), direct)
