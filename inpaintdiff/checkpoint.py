"""Trained models as files: safetensors with their configuration inside, or Lightning checkpoints, without pickled code.

A model is rebuilt from plain values: class names are looked up in the tables below, never imported by path. This module needs
neither lightning nor mlflow.
"""

import hashlib
import json
import os
import pickle
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from inpaintdiff.diffusion.denoiser import Denoiser, NetworkDenoiser
from inpaintdiff.diffusion.precondition import EDMPrediction, NoisePrediction, Precondition, VPrediction
from inpaintdiff.diffusion.sigma import DDPMLinearGrid, KarrasGrid, LevelsGrid, SigmaGrid
from inpaintdiff.errors import CheckpointError
from inpaintdiff.models.unet import VideoUNet

NETWORKS: dict[str, type[nn.Module]] = {"VideoUNet": VideoUNet}
PRECONDITIONS: dict[str, type[Precondition]] = {
    "NoisePrediction": NoisePrediction,
    "VPrediction": VPrediction,
    "EDMPrediction": EDMPrediction,
}
GRIDS: dict[str, type[SigmaGrid]] = {
    "DDPMLinearGrid": DDPMLinearGrid,
    "KarrasGrid": KarrasGrid,
    "LevelsGrid": LevelsGrid,
}
# the word alone stands for the first
BUILTIN: dict[str, str] = {
    "builtin:traffic": "traffic-64.safetensors",
    "builtin:traffic-fast": "traffic-64-fast.safetensors",
}

_METADATA_KEY = "inpaintdiff"
_FORMAT = 1
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


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says about itself.

    Attributes:
        config: constructor calls as plain values, see `check_config`.
        card: facts for the model card (data, steps, scores, licence), plain values.
        source: where the model came from, for messages and sidecar files.
    """

    config: dict[str, Any]
    card: dict[str, Any]
    source: str

    @property
    def window(self) -> int:
        """K, frames of a window in training."""
        return int(self.config["window"])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in training, pixels."""
        return int(self.config["height"]), int(self.config["width"])

    @property
    def step(self) -> int:
        """L, frames painted in a stage; half a window unless the file says otherwise."""
        return int(self.config.get("step") or max(1, self.window // 2))

    def grid(self) -> SigmaGrid:
        """The noise levels that the model was trained for, as a sampling grid."""
        return build_grid(self.config, self.source)

    def card_markdown(self) -> str:
        """The model card as Markdown."""
        height, width = self.size
        lines = [f"# {self.card.get('name', 'inpaintdiff model')}", ""]
        if about := self.card.get("about"):
            lines += [str(about), ""]
        facts = {
            "window": f"{self.window} frames of {height}x{width} pixels",
            "network": _call(self.config["network"]),
            "parametrisation": _call(self.config["precondition"]),
            "grid": _call(self.config["grid"]),
            **{k: v for k, v in self.card.items() if k not in ("name", "about")},
        }
        lines += ["| | |", "| --- | --- |"]
        lines += [f"| {k.replace('_', ' ')} | {_plain(v)} |" for k, v in facts.items()]
        return "\n".join(lines) + "\n"


def check_config(config: Mapping[str, Any], source: str = "the configuration") -> dict[str, Any]:
    """Return `config` as plain JSON values if a denoiser can be built from it.

    Expected: `network`, `precondition`, `grid` as `{"class": name, "args": {...}}` with names of the tables above; positive
    integers `window` (frames), `height`, `width` (pixels) and optionally `step` (frames); optionally `sampling`, how the model paints
    unless somebody says otherwise: `{"solver": name, "calls": network calls a stage}`.

    Raises:
        CheckpointError: something is missing, of the wrong type or unknown.
    """
    try:
        plain = json.loads(json.dumps(config))
    except (TypeError, ValueError) as e:
        raise CheckpointError(f"{source} holds a value that is not plain: {e}") from e
    if not isinstance(plain, dict):
        raise CheckpointError(f"{source} holds a {type(plain).__name__} as model configuration, expected a table")
    for key, table in (("network", NETWORKS), ("precondition", PRECONDITIONS), ("grid", GRIDS)):
        entry = plain.get(key)
        if (
            not isinstance(entry, dict)
            or not isinstance(entry.get("class"), str)
            or not isinstance(entry.get("args"), dict)
        ):
            raise CheckpointError(
                f"{source} does not say which {key} the model has, expected {{'class': ..., 'args': ...}}"
            )
        if entry["class"] not in table:
            raise CheckpointError(f"{source} names the {key} {entry['class']!r}; this version knows {', '.join(table)}")
    for key in ("window", "height", "width", "step"):
        value = plain.get(key)
        if (value is not None or key != "step") and not (type(value) is int and value > 0):
            raise CheckpointError(f"{source} gives {key} as {value!r}, expected a positive whole number")
    if "sampling" in plain and not _is_sampling(plain["sampling"]):
        raise CheckpointError(
            f"{source} gives sampling as {plain['sampling']!r}, expected {{'solver': a name, 'calls': a positive whole number}}"
        )
    return plain


def _is_sampling(own: object) -> bool:
    if not isinstance(own, dict) or own.keys() != {"solver", "calls"}:
        return False
    return isinstance(own["solver"], str) and type(own["calls"]) is int and own["calls"] > 0


def build_denoiser(config: Mapping[str, Any], source: str = "the configuration") -> NetworkDenoiser:
    """A denoiser with fresh weights from a configuration (see `check_config`).

    Raises:
        CheckpointError: the configuration is not one, or its arguments do not fit the classes.
    """
    plain = check_config(config, source)
    network: nn.Module = _build(NETWORKS, plain["network"], "network", source)
    precondition: Precondition = _build(PRECONDITIONS, plain["precondition"], "precondition", source)
    return NetworkDenoiser(network, precondition)


def build_grid(config: Mapping[str, Any], source: str = "the configuration") -> SigmaGrid:
    """The grid of a configuration, see `check_config`.

    Raises:
        CheckpointError: its arguments do not fit the class.
    """
    grid: SigmaGrid = _build(GRIDS, config["grid"], "grid", source)
    return grid


def save_model(
    path: str | Path,
    denoiser_config: Mapping[str, Any],
    state_dict: Mapping[str, Tensor],
    card: Mapping[str, Any],
    half: bool = False,
) -> Path:
    """Write weights, configuration and card to one safetensors file; the same input gives the same bytes.

    Args:
        path: where to; an existing file is replaced only when the new one is complete.
        denoiser_config: see `check_config`.
        state_dict: of the denoiser that `build_denoiser(denoiser_config)` gives.
        card: plain values for the model card; `name` and `about` head it.
        half: keep weights as float16: half the bytes, each weight to 0.05 %. They are float32 again when they are loaded.

    Raises:
        CheckpointError: weights and configuration do not fit, or a weight is not finite.
        OSError: the folder cannot be written.
    """
    path = Path(path)
    config = check_config(denoiser_config)
    _check_keys(build_denoiser(config).state_dict(), state_dict, "the state dict")
    if half:
        state_dict = {k: v.half() if v.is_floating_point() else v for k, v in state_dict.items()}
    if bad := [k for k, v in state_dict.items() if v.is_floating_point() and not bool(torch.isfinite(v).all())]:
        raise CheckpointError(
            f"{len(bad)} weights are not finite (first: {bad[0]}); the training has diverged, nothing was saved"
        )
    try:
        text = json.dumps({"format": _FORMAT, "config": config, "card": dict(card)}, sort_keys=True)
    except (TypeError, ValueError) as e:
        raise CheckpointError(f"the model card holds a value that is not plain: {e}") from e
    # cloned: safetensors refuses tensors that share memory, and channels_last ones
    tensors = {k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in state_dict.items()}
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
        raise CheckpointError(f"{path} is damaged or not a checkpoint: {_first_line(e)}") from e
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
            state = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118 (safe_open is no mapping)
    except (SafetensorError, OSError, ValueError, RuntimeError) as e:
        raise CheckpointError(f"{path} is damaged or not a safetensors file: {_first_line(e)}") from e
    if _METADATA_KEY not in metadata:
        raise CheckpointError(
            f"{path} holds weights but not how to build their network; expected a file of inpaintdiff's save_model"
        )
    try:
        inside = json.loads(metadata[_METADATA_KEY])
    except ValueError as e:
        raise CheckpointError(f"{path} holds a damaged configuration: {_first_line(e)}") from e
    if not isinstance(inside, dict) or inside.get("format") != _FORMAT:
        raise CheckpointError(
            f"{path} has a format that this version does not know (it reads format {_FORMAT}); update inpaintdiff"
        )
    config, card = inside.get("config"), inside.get("card")
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


def _build(table: Mapping[str, type], entry: Mapping[str, Any], key: str, source: str) -> Any:
    args = {k: tuple(v) if isinstance(v, list) else v for k, v in entry["args"].items()}  # JSON knows no tuples
    try:
        return table[entry["class"]](**args)
    except (TypeError, ValueError) as e:
        raise CheckpointError(f"{source}: the {key} {_call(entry)} cannot be built: {_first_line(e)}") from e


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


def _call(entry: Mapping[str, Any]) -> str:
    return f"{entry['class']}({', '.join(f'{k}={v}' for k, v in entry['args'].items())})"


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|").replace("\n", " ")


def _first_line(e: BaseException) -> str:
    lines = str(e).strip().splitlines()
    return lines[0].rstrip(".")[:160] if lines else type(e).__name__
