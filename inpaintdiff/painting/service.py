"""Painting on request: arrays or files in, painted ones out, within limits that are checked before anything is paid for."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from inpaintdiff.data.video import VideoReader
from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.errors import HoleError, PlanError, SettingError, VideoReadError
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.model_config import ModelInfo
from inpaintdiff.painting.api import Painted, paint_job
from inpaintdiff.painting.inputs import as_hole, as_video
from inpaintdiff.painting.job import Job
from inpaintdiff.painting.painters import ModelPainter
from inpaintdiff.schemes import scheme_names

_LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Limits:
    """The most that one request may ask for.

    Attributes:
        max_frames: of a video.
        max_pixels: of a frame, height times width.
        max_calls: network calls: what a request costs is proportional to them.

    Raises:
        SettingError: a limit below 1.
    """

    max_frames: int = 256
    max_pixels: int = 1024 * 1024
    max_calls: int = 4000

    def __post_init__(self) -> None:
        for f in fields(self):
            if getattr(self, f.name) < 1:
                raise SettingError(f"{f.name} must be at least 1, got {getattr(self, f.name)}")


@dataclass(frozen=True)
class Request:
    """How a request wants its answer.

    Attributes:
        steps: network calls a stage; 0 for the model's own number.
        seed: of the answers.
        samples: how many answers.
        scheme: name of a sampling scheme.
        solver: name of a solver; empty for the model's own.
        precision: "fp32", "bf16" or "auto".
        allow_large: accept a hole of more than 60 % of the picture.
    """

    steps: int = 0
    seed: int = 0
    samples: int = 1
    scheme: str = "lookahead-ar++"
    solver: str = ""
    precision: str = "fp32"
    allow_large: bool = False

    @classmethod
    def of(cls, params: Mapping[str, Any] | None) -> "Request":
        """From what came over the wire.

        Raises:
            SettingError: an unknown parameter, or a value of another kind or out of range.
            PlanError: no such scheme.
        """
        known: dict[str, Any] = asdict(cls())
        for name, value in (params or {}).items():
            if name not in known:
                raise SettingError(f"there is no parameter {name!r}; expected some of {', '.join(known)}")
            wanted = type(known[name])
            plain = value.item() if isinstance(value, np.generic) else value
            if type(plain) is not wanted:
                raise SettingError(f"parameter {name} is {plain!r}, expected {_KINDS[wanted]}")
            known[name] = plain
        if not 0 <= known["seed"] <= _LARGEST_SEED:
            raise SettingError(f"parameter seed is {known['seed']}, expected 0 to 2^63 - 1")
        if known["scheme"] not in scheme_names():  # a caller from outside may not name modules to import
            raise PlanError(f"scheme is {known['scheme']!r}, expected one of {', '.join(scheme_names())}")
        return cls(**known)

    def sampling(self) -> SamplingConfig:
        """The same for painters."""
        return SamplingConfig(
            scheme=self.scheme,
            solver=self.solver or None,
            calls=self.steps or None,
            samples=self.samples,
            seed=self.seed,
            precision=self.precision,
        )


_KINDS = {int: "a whole number", str: "a text", bool: "true or false"}


class Service:
    """A model that answers requests of several threads, one after the other: results do not mix, nor does memory add up.

    Args:
        denoiser, info: the model.
        device: where to compute.
        limits: of every request.
    """

    def __init__(
        self, denoiser: Denoiser, info: ModelInfo, device: torch.device | str, limits: Limits | None = None
    ) -> None:
        self.info, self.device, self.limits = info, torch.device(device), limits or Limits()
        self._denoiser = denoiser
        self._turn = threading.Lock()

    def check(self, params: Mapping[str, Any] | None) -> None:
        """Are these parameters of a request?

        Raises:
            InpaintDiffError: they are not.
        """
        Request.of(params).sampling()

    def arrays(
        self, frames: np.ndarray, hole: np.ndarray, params: Mapping[str, Any] | None = None
    ) -> UInt8[np.ndarray, "k t h w 3"]:
        """Paint a clip in memory: the bytes of `inpaintdiff.inpaint(frames, hole, ...)`.

        Args:
            frames: uint8 [t h w 3].
            hole: [t h w], or [1 h w] for all frames; what is not 0 is painted.
            params: see `Request`.

        Raises:
            InpaintDiffError: something is malformed or beyond the limits.
        """
        request = Request.of(params)
        if frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape:
            raise VideoReadError(f"frames have shape {frames.shape}, expected (frames, height, width, 3)")
        t, h, w = frames.shape[:3]
        if hole.ndim != 3 or hole.shape[1:] != (h, w) or hole.shape[0] not in (1, t):
            raise HoleError(f"hole has shape {hole.shape}, expected ({t}, {h}, {w}), or (1, {h}, {w}) for all frames")
        self._check_size(t, h, w)
        return self._paint(as_video(frames), (hole if hole.shape[0] == t else hole[0]) != 0, (), request).videos

    def files(
        self, video: Path, hole: Path | None, boxes: Sequence[str], params: Mapping[str, Any] | None = None
    ) -> Painted:
        """Paint a video file: what `inpaintdiff.inpaint(video, hole, boxes=boxes, ...)` gives.

        Raises:
            InpaintDiffError: something is malformed or beyond the limits.
        """
        request = Request.of(params)
        reader = as_video(video)
        self._check_size(reader.info.frames, reader.info.height, reader.info.width)
        return self._paint(reader, hole, boxes, request)

    def _check_size(self, frames: int, height: int, width: int) -> None:
        if frames > self.limits.max_frames:
            raise VideoReadError(f"the video has {frames} frames; at most {self.limits.max_frames} are painted here")
        if height * width > self.limits.max_pixels:
            raise VideoReadError(
                f"the video is {width} x {height}; frames of at most {self.limits.max_pixels:,} pixels are painted here"
            )

    def _paint(
        self, video: VideoReader, hole: Path | np.ndarray | None, boxes: Sequence[str], request: Request
    ) -> Painted:
        sampling = request.sampling()
        holes = as_hole(video, hole, boxes, allow_large=request.allow_large)
        with self._turn:
            painter = ModelPainter(self.info.source, self._denoiser, self.info, None, sampling, self.device)
            job = Job(video, holes, painter, samples=request.samples, seed=request.seed)
            if job.calls > self.limits.max_calls:
                raise PlanError(
                    f"this takes {job.calls:,} network calls; at most {self.limits.max_calls:,} are made for a request: "
                    "ask for fewer frames, steps or samples"
                )
            return paint_job(job)
