"""What a model is, as plain values: class names and arguments, looked up in the tables below and never imported by path."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from inpaintdiff.diffusion.denoiser import NetworkDenoiser
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


def _build(table: Mapping[str, type], entry: Mapping[str, Any], key: str, source: str) -> Any:
    args = {k: tuple(v) if isinstance(v, list) else v for k, v in entry["args"].items()}  # JSON knows no tuples
    try:
        return table[entry["class"]](**args)
    except (TypeError, ValueError) as e:
        raise CheckpointError(f"{source}: the {key} {_call(entry)} cannot be built: {first_line(e)}") from e


def _call(entry: Mapping[str, Any]) -> str:
    return f"{entry['class']}({', '.join(f'{k}={v}' for k, v in entry['args'].items())})"


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|").replace("\n", " ")


def first_line(e: BaseException) -> str:
    """What an error of a library says, short enough for a sentence of ours."""
    lines = str(e).strip().splitlines()
    return lines[0].rstrip(".")[:160] if lines else type(e).__name__
