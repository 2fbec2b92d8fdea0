"""How a model is saved for MLflow: a pyfunc that holds its weights, its code, its requirements, and what requests look like."""

import shutil
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import DataType, ParamSchema, ParamSpec, Schema, TensorSpec

WEIGHTS, CARD = "weights.safetensors", "model_card.md"

# What the saved model needs to load and paint; the package's own code travels with it.
REQUIREMENTS = (
    "torch", "numpy", "einops", "jaxtyping", "safetensors", "av", "pillow", "scipy", "opencv-python-headless", "matplotlib",
)  # fmt: skip

# Where it paints ("": cuda where there is one), and `painting.service.Limits`. `mlflow models serve` takes others from the variable
# SERVING_MODEL_CONFIG, `load_model` from `model_config`.
CONFIG = {"device": "", "max_frames": 256, "max_pixels": 1024 * 1024, "max_calls": 4000}

SIGNATURE = ModelSignature(
    inputs=Schema(
        [
            TensorSpec(np.dtype("uint8"), (-1, -1, -1, 3), name="frames"),
            TensorSpec(np.dtype("uint8"), (-1, -1, -1), name="hole"),
        ]
    ),
    outputs=Schema([TensorSpec(np.dtype("uint8"), (-1, -1, -1, -1, 3))]),
    params=ParamSchema(
        [
            ParamSpec("steps", DataType.long, 0),
            ParamSpec("seed", DataType.long, 0),
            ParamSpec("samples", DataType.long, 1),
            ParamSpec("scheme", DataType.string, "lookahead-ar++"),
            ParamSpec("solver", DataType.string, ""),
            ParamSpec("precision", DataType.string, "fp32"),
            ParamSpec("allow_large", DataType.boolean, False),
        ]
    ),
)


def input_example() -> dict[str, np.ndarray]:
    """The smallest request that makes sense: two frames, a hole in both."""
    hole = np.zeros((2, 8, 8), np.uint8)
    hole[:, 2:5, 3:6] = 1
    return {"frames": np.zeros((2, 8, 8, 3), np.uint8), "hole": hole}


def flavour(weights: Path, card: str, staged: Path) -> dict[str, Any]:
    """Arguments that `mlflow.pyfunc.log_model` and `save_model` have in common.

    Args:
        weights: a file of `save_model`.
        card: model card, Markdown.
        staged: an empty folder, which must live until they are done.
    """
    shutil.copyfile(weights, staged / WEIGHTS)
    (staged / CARD).write_text(card, encoding="utf-8")
    package = Path(str(resources.files("inpaintdiff")))
    shutil.copytree(package, staged / "inpaintdiff", ignore=shutil.ignore_patterns("__pycache__", "weights"))
    version = metadata.version("inpaintdiff")
    # importlib.metadata finds it beside the code: records of what was painted say by which version
    about = staged / f"inpaintdiff-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: inpaintdiff\nVersion: {version}\n", encoding="utf-8")
    return {
        "python_model": str(package / "registry_pyfunc.py"),
        "artifacts": {"weights": str(staged / WEIGHTS), "card": str(staged / CARD)},
        "code_paths": [str(staged / "inpaintdiff"), str(about)],
        "pip_requirements": [f"{p}=={metadata.version(p).split('+')[0]}" for p in REQUIREMENTS],
        "signature": SIGNATURE,
        "input_example": input_example(),
        "model_config": CONFIG,
    }
