"""Trained models as files: safetensors with their configuration inside, or Lightning checkpoints, without pickled code.

A model is rebuilt from plain values, see `model_config`. This module needs neither lightning nor mlflow.
"""

import hashlib
import json
import os
import pickle
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.errors import CheckpointError
from inpaintdiff.model_config import ModelInfo, build_denoiser, check_config, first_line
from inpaintdiff.stored_weights import pack, unpack

# the word alone stands for the first
BUILTIN: dict[str, str] = {
    "builtin:traffic": "traffic-64.safetensors",
    "builtin:traffic-fast": "traffic-64-fast.safetensors",
    "builtin:dashcam": "dashcam-64.safetensors",
    "builtin:cars": "cars-64.safetensors",
}

_METADATA_KEY = "inpaintdiff"
# of its own for int8: a version that knows only the first format would take such a file for a wrong network
_FORMATS: dict[str, int] = {"float32": 1, "float16": 1, "int8": 2}
_PREFIX = "denoiser."
# What torch.load raises beside UnpicklingError for damaged files (cut and flipped at random, tests/test_checkpoint.py).
_UNREADABLE = (
    RuntimeError,
    ValueError,
    OSError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    AssertionError,
    MemoryError,
    OverflowError,
)


def save_model(
    path: str | Path,
    denoiser_config: Mapping[str, Any],
    state_dict: Mapping[str, Tensor],
    card: Mapping[str, Any],
    dtype: str = "float32",
) -> Path:
    """Write weights, configuration and card to one safetensors file; the same input gives the same bytes.

    Args:
        path: where to; an existing file is replaced only when the new one is complete.
        denoiser_config: see `check_config`.
        state_dict: of the denoiser that `build_denoiser(denoiser_config)` gives.
        card: plain values for the model card; `name` and `about` head it.
        dtype: how weights are stored, see `stored_weights.pack`. They are float32 again when they are loaded.

    Raises:
        CheckpointError: weights and configuration do not fit, or a weight is not finite.
        OSError: the folder cannot be written.
    """
    path = Path(path)
    config = check_config(denoiser_config)
    _check_keys(build_denoiser(config).state_dict(), state_dict, "the state dict")
    packed = pack(state_dict, dtype)
    if bad := [k for k, v in packed.items() if v.is_floating_point() and not bool(torch.isfinite(v).all())]:
        raise CheckpointError(
            f"{len(bad)} weights are not finite (first: {bad[0]}); the training has diverged, nothing was saved"
        )
    try:
        text = json.dumps({"format": _FORMATS[dtype], "config": config, "card": dict(card)}, sort_keys=True)
    except (TypeError, ValueError) as e:
        raise CheckpointError(f"the model card holds a value that is not plain: {e}") from e
    # cloned: safetensors refuses tensors that share memory, and channels_last ones
    tensors = {k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in packed.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    os.close(handle)
    try:
        save_file(tensors, partial, metadata={_METADATA_KEY: text})
        umask = os.umask(0)
        os.umask(umask)
        Path(partial).chmod(0o666 & ~umask)  # mkstemp makes files that nobody else may read
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
    return path


def load_denoiser(source: str | Path, device: torch.device | str = "cpu") -> tuple[Denoiser, ModelInfo]:
    """Load a model for sampling: float32, in evaluation mode.

    Args:
        source: `builtin`, a .safetensors file of `save_model`, or a Lightning checkpoint of this package. The kind is told by
            the file's content, not by its name.
        device: where the weights go.

    Raises:
        CheckpointError: the file is missing, unreadable, not a model of this package, or does not fit itself.
    """
    path = model_path(source)
    try:
        with path.open("rb") as f:
            head = f.read(16)
    except OSError as e:
        raise CheckpointError(f"cannot read the model file {path}: {e.strerror or e}") from e
    if head[:4] == b"PK\x03\x04":
        config, card, state = _read_lightning(path)
    elif len(head) > 8 and head[8:9] == b"{":
        config, card, state = _read_safetensors(path)
    else:
        raise CheckpointError(
            f"{path} is not a model file; expected .safetensors or .ckpt as written by inpaintdiff, or the word builtin"
        )
    denoiser = build_denoiser(config, str(path))
    _check_keys(denoiser.state_dict(), state, str(path))
    denoiser.load_state_dict(state)
    # requires_grad stays on: torch picks other matrix kernels without it, and the module being trained must give the same bits
    denoiser.eval().to(device)
    return denoiser, ModelInfo(check_config(config, str(path)), card, str(source))


def model_path(source: str | Path) -> Path:
    """The file behind `builtin`, `builtin:NAME` or a path.

    Raises:
        CheckpointError: there is no such file.
    """
    if str(source).partition(":")[0] == "builtin":
        name = next(iter(BUILTIN)) if str(source) == "builtin" else str(source)
        if name not in BUILTIN:
            raise CheckpointError(f"there is no built-in model {name}; expected builtin or {', '.join(BUILTIN)}")
        path = Path(str(resources.files("inpaintdiff") / "weights" / BUILTIN[name]))
        if not path.is_file():
            raise CheckpointError(
                f"this installation lacks the built-in model ({path}); install again, or give --model FILE"
            )
        return path
    path = Path(source)
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, expected a model file (.safetensors or .ckpt) or the word builtin")
    if not path.is_file():
        raise CheckpointError(f"there is no model file {path}; give a .safetensors or .ckpt file, or the word builtin")
    return path


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The content of a Lightning checkpoint; pickled code in it is never run.

    Raises:
        CheckpointError: missing, damaged, or holding more than plain values and tensors.
    """
    path = model_path(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as e:
        raise CheckpointError(
            f"{path} is damaged or holds pickled code, which is never run; expected a checkpoint of inpaintdiff fit"
        ) from e
    except _UNREADABLE as e:
        raise CheckpointError(f"{path} is damaged or not a checkpoint: {first_line(e)}") from e
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f"{path} holds a {type(checkpoint).__name__}, expected a checkpoint of inpaintdiff fit")
    return checkpoint


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal: the identity of a model in sidecar files and in the registry."""
    with Path(path).open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _read_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(str(path), framework="pt", device="cpu") as f:
            metadata = f.metadata() or {}
            stored = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118 (safe_open is no mapping)
    except (SafetensorError, OSError, ValueError, RuntimeError) as e:
        raise CheckpointError(f"{path} is damaged or not a safetensors file: {first_line(e)}") from e
    if _METADATA_KEY not in metadata:
        raise CheckpointError(
            f"{path} holds weights but not how to build their network; expected a file of inpaintdiff's save_model"
        )
    try:
        inside = json.loads(metadata[_METADATA_KEY])
    except ValueError as e:
        raise CheckpointError(f"{path} holds a damaged configuration: {first_line(e)}") from e
    if not isinstance(inside, dict) or inside.get("format") not in _FORMATS.values():
        raise CheckpointError(
            f"{path} has a format that this version does not know (it reads formats 1 to {max(_FORMATS.values())}); update inpaintdiff"
        )
    config, card = inside.get("config"), inside.get("card")
    state = unpack(stored, str(path))
    return config if isinstance(config, dict) else {}, card if isinstance(card, dict) else {}, state


def _read_lightning(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    checkpoint = read_checkpoint(path)
    state, hyper = (
        checkpoint.get(k) if isinstance(checkpoint, dict) else None for k in ("state_dict", "hyper_parameters")
    )
    config = hyper.get("denoiser") if isinstance(hyper, dict) else None
    if not isinstance(state, dict) or not isinstance(config, dict):
        raise CheckpointError(f"{path} is not a checkpoint of inpaintdiff fit: it does not say which network it holds")
    card = {"name": path.name, "epoch": checkpoint.get("epoch"), "optimizer_steps": checkpoint.get("global_step")}
    weights = {k.removeprefix(_PREFIX): v for k, v in state.items() if isinstance(k, str) and k.startswith(_PREFIX)}
    return config, card, weights


def _check_keys(own: Mapping[str, Tensor], given: Mapping[str, Tensor], source: str) -> None:
    """Raise CheckpointError unless names and shapes agree; one sentence instead of torch's page."""
    if missing := [k for k in own if k not in given]:
        raise CheckpointError(
            f"{source} lacks {len(missing)} of the network's {len(own)} weights (first: {missing[0]})"
        )
    if extra := [k for k in given if k not in own]:
        raise CheckpointError(f"{source} holds {len(extra)} weights that its network does not have (first: {extra[0]})")
    for k, v in own.items():
        if given[k].shape != v.shape:
            raise CheckpointError(
                f"{source}: weight {k} has shape {tuple(given[k].shape)}, its network wants {tuple(v.shape)}"
            )
