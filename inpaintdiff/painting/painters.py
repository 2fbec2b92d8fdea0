"""What can paint: a model through the `Inpainter`, or a baseline. Both choose cut-outs, know their stages, and paint on a canvas."""

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool

from inpaintdiff.baselines import Baseline, make_baseline
from inpaintdiff.checkpoint import file_digest, load_denoiser, model_path
from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.diffusion.solvers import make_solver
from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.canvas import Canvas
from inpaintdiff.inpaint.inpainter import Progress
from inpaintdiff.inpaint.regions import Region, choose_regions
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.model_config import ModelInfo
from inpaintdiff.schemes import SamplingScheme, Stage
from inpaintdiff.types import VideoClip

_BASELINE = "baseline:"
_REGISTRY = ("models:/", "runs:/")
# Pixels round a hole that a baseline is given: more than any of them looks at.
_BASELINE_MARGIN = 32
# A baseline is given so many bytes of frames at once, and takes several times as much; and so many frames in any case.
_BASELINE_BYTES = 2**28
_BASELINE_LEAST = 16


class Painter(ABC):
    """Fills the holes of cut-outs.

    Attributes:
        name: as the user named it.
        device: where it computes.
        calls: network calls a stage.
    """

    name: str
    device: torch.device
    calls: int

    @abstractmethod
    def regions(self, union: Bool[np.ndarray, "h w"], context: float) -> list[Region]:
        """The cut-outs of a picture whose holes, over all frames, are `union`."""

    @abstractmethod
    def plan(self, incomplete: Sequence[bool], pixels: int = 1) -> list[Stage]:
        """The stages in which a cut-out is painted.

        Args:
            incomplete: which of its frames have a hole.
            pixels: of one of its frames.
        """

    @abstractmethod
    def paint(self, canvas: Canvas, seed: int, first_stage: int = 0) -> Iterator[Progress]:
        """Paint a cut-out from this stage on, yielding after every stage."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Everything that decides about the result, plain values."""


class ModelPainter(Painter):
    """A trained model.

    Args:
        name: as the user named it.
        denoiser, info: the model.
        digest: of its file, if it came from one.
        sampling: scheme, solver, steps.
        device: where to compute.
    """

    def __init__(
        self,
        name: str,
        denoiser: Denoiser,
        info: ModelInfo,
        digest: str | None,
        sampling: SamplingConfig,
        device: torch.device,
    ) -> None:
        self.name, self.device = name, device
        self.info, self.digest, self.sampling = info, digest, sampling.resolved(info.config, device)
        self._inpainter = self.sampling.inpainter(denoiser, info.config, device)
        # Kernels differ by batch size in the last bits; a sample's bytes must not depend on how many there are.
        self._inpainter.samples_per_batch = 1
        self.calls = self._inpainter.calls

    @property
    def scheme(self) -> SamplingScheme:
        """Which frames are painted when."""
        return self._inpainter.scheme

    @property
    def denoiser(self) -> Denoiser:
        """The model, on its device."""
        return self._inpainter.denoiser

    @property
    def autocast(self) -> torch.dtype | None:
        """Of network arithmetic; None is float32."""
        return self._inpainter.autocast

    def regions(self, union: Bool[np.ndarray, "h w"], context: float) -> list[Region]:
        return choose_regions(union, *self.info.size, context)

    def plan(self, incomplete: Sequence[bool], pixels: int = 1) -> list[Stage]:
        return self._inpainter.plan(incomplete)

    def paint(self, canvas: Canvas, seed: int, first_stage: int = 0) -> Iterator[Progress]:
        return self._inpainter.paint(canvas, seed, first_stage)

    def describe(self) -> dict[str, Any]:
        s, scheme = self.sampling, self._inpainter.scheme
        return {
            "model": {
                "name": self.name,
                "sha256": self.digest,
                "card": self.info.card.get("name"),
                "size": list(self.info.size),
            },
            "sampling": {
                "scheme": s.scheme,
                "window": scheme.window,
                "step": scheme.step,
                "options": {k: _plain(v) for k, v in {**s.options, **scheme.options()}.items()},
                "solver": s.solver,
                "calls_per_stage": self.calls,
                "grid": s.grid or self.info.config["grid"],
                "precision": s.precision,
            },
        }


class BaselinePainter(Painter):
    """Content propagation, from all of a video or, where that is too much to hold, from as many frames around as `_BASELINE_BYTES` hold."""

    def __init__(self, name: str, baseline: Baseline) -> None:
        self.name, self.device, self.calls = name, torch.device("cpu"), 0
        self._baseline = baseline

    def regions(self, union: Bool[np.ndarray, "h w"], context: float) -> list[Region]:
        rows, columns = np.flatnonzero(union.any(axis=1)), np.flatnonzero(union.any(axis=0))
        top, left = max(0, int(rows[0]) - _BASELINE_MARGIN), max(0, int(columns[0]) - _BASELINE_MARGIN)
        bottom = min(union.shape[0], int(rows[-1]) + 1 + _BASELINE_MARGIN)
        right = min(union.shape[1], int(columns[-1]) + 1 + _BASELINE_MARGIN)
        return [Region(top, left, bottom - top, right - left, 1, union)]

    def plan(self, incomplete: Sequence[bool], pixels: int = 1) -> list[Stage]:
        frames = len(incomplete)
        window = min(frames, max(_BASELINE_LEAST, _BASELINE_BYTES // (3 * 4 * pixels)))
        step = frames if window == frames else window // 2
        stages = []
        for begin in range(0, frames, step):
            first = min(max(0, begin - (window - step) // 2), frames - window)
            marked = [i for i in range(first, first + window) if incomplete[i]]
            latent = tuple(i for i in marked if begin <= i < begin + step)
            others = tuple(i for i in marked if i not in latent)
            observed = tuple(i for i in range(first, first + window) if not incomplete[i])
            if latent:
                stages.append(Stage(latent, others, observed))
        return stages

    def paint(self, canvas: Canvas, seed: int, first_stage: int = 0) -> Iterator[Progress]:
        begin, incomplete = time.monotonic(), canvas.incomplete()
        stages = self.plan(incomplete, canvas.hole([0]).numel())
        done = sum(len(s.latent) for s in stages[:first_stage])
        for k, stage in enumerate(stages[first_stage:], first_stage + 1):
            at = stage.frames
            clip = VideoClip(canvas.window(at, slice(0, 1))[0], canvas.hole(at), canvas.index(at))
            painted = self._baseline.paint(clip)[[at.index(i) for i in stage.latent]]
            canvas.paste(stage.latent, slice(0, 1), painted[None])
            done += len(stage.latent)
            yield Progress(stage, k, len(stages), done, sum(incomplete), time.monotonic() - begin, canvas)

    def describe(self) -> dict[str, Any]:
        return {"model": {"name": self.name}}


def model_file(source: str | Path, tracking_uri: str | None = None) -> Path:
    """The weights file behind `builtin`, a path, `models:/NAME@ALIAS` or `runs:/ID/path`.

    Raises:
        CheckpointError: there is no such file.
        RegistryError: the registry does not hold it.
    """
    if str(source).startswith(_REGISTRY):
        from inpaintdiff import registry  # mlflow takes seconds to import

        return registry.resolve_model(str(source), registry.tracking(uri=tracking_uri))
    return model_path(source)


def load_model(
    source: str | Path, device: torch.device | str = "cpu", tracking_uri: str | None = None
) -> tuple[Denoiser, ModelInfo]:
    """A model by any of its names, for sampling; see `model_file`.

    Raises:
        CheckpointError: no such file, or not a model.
        RegistryError: the registry does not hold it.
    """
    return load_denoiser(model_file(source, tracking_uri), device)


def baseline_name(source: str | Path) -> str | None:
    """`nearest` of `baseline:nearest`, None for anything else."""
    return str(source).removeprefix(_BASELINE) if str(source).startswith(_BASELINE) else None


def check_names(source: str | Path, sampling: SamplingConfig) -> None:
    """What can be said about a model and its sampling without loading anything.

    Raises:
        SettingError, PlanError: an unknown solver, scheme or baseline, an embedding that cannot be read, or several samples of
            a baseline.
    """
    if sampling.solver is not None:
        make_solver(sampling.solver)
    sampling.sampling_scheme(window=16)
    if name := baseline_name(source):
        make_baseline(name)
        if sampling.samples > 1:
            raise SettingError(
                f"{source} gives one answer, {sampling.samples} samples were asked for; give --samples 1"
            )


def load_painter(
    source: str | Path, sampling: SamplingConfig, device: torch.device, tracking_uri: str | None = None
) -> Painter:
    """What `--model` names.

    Raises:
        CheckpointError, RegistryError: see `load_model`.
        SettingError: an unknown baseline, or several samples of one: baselines give one answer.
        PlanError: the scheme's options do not fit the model.
    """
    check_names(source, sampling)
    if name := baseline_name(source):
        return BaselinePainter(str(source), make_baseline(name))
    path = model_file(source, tracking_uri)
    denoiser, info = load_denoiser(path, device)
    return ModelPainter(str(source), denoiser, info, file_digest(path), sampling, device)


def _plain(value: Any) -> Any:
    """A scheme's option as it is; of an embedding, or whatever else is no plain value, its identity."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return f"sha256:{hashlib.sha256(repr(value).encode()).hexdigest()}"


def choose_device(name: str | None) -> torch.device:
    """The device of that name; by default cuda where there is one.

    Raises:
        SettingError: no such device here.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as e:
        here = ["cpu", *(f"cuda:{k}" for k in range(torch.cuda.device_count()))]
        raise SettingError(f"device {name!r} cannot be used here; expected one of {', '.join(here)}") from e
    return device
