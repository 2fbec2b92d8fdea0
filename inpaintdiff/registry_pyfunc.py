"""What MLflow runs to serve a registered model: this file is stored with every version and executed when it is loaded.

Input: `frames` uint8 [t h w 3] and `hole` uint8 [t h w] or [1 h w], not 0 = paint. Parameters: `steps` (network calls a stage),
`seed`, `samples`, `scheme`. Output: uint8 [samples t h w 3], equal to `frames` outside the hole.
"""

from typing import Any

import mlflow
import numpy as np
import torch
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel, PythonModelContext

from inpaintdiff.checkpoint import load_denoiser
from inpaintdiff.data.video import to_uint8, to_unit
from inpaintdiff.errors import HoleError, InpaintDiffError, PlanError
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.schemes import scheme_names
from inpaintdiff.types import VideoClip


class ServedInpainter(PythonModel):
    """A model file behind MLflow's interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the weights without pickle."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.denoiser, self.info = load_denoiser(context.artifacts["weights"], device)
        self.device = device

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> np.ndarray:
        """Paint one clip; wrong input becomes MLflow's INVALID_PARAMETER_VALUE, which its server answers with status 400.

        `model_input` is a dict of arrays by name; MLflow warns of every annotation but that of a bare array.
        """
        p = {"steps": 20, "seed": 0, "samples": 1, "scheme": "lookahead-ar++", **(params or {})}
        try:
            if p["scheme"] not in scheme_names():  # a caller from outside may not name modules to import
                raise PlanError(f"scheme is {p['scheme']!r}, expected one of {', '.join(scheme_names())}")
            clip = _clip(model_input["frames"], model_input["hole"])
            sampling = SamplingConfig(scheme=p["scheme"], calls=int(p["steps"]))
            inpainter = sampling.inpainter(self.denoiser, self.info.config, self.device)
            painted = inpainter(clip, samples=int(p["samples"]), seed=int(p["seed"])).frames
        except (InpaintDiffError, ValueError) as e:
            raise MlflowException.invalid_parameter_value(str(e)) from e
        unknown = clip.hole.permute(0, 2, 3, 1).numpy()
        return np.stack([np.where(unknown, to_uint8(s), model_input["frames"]) for s in painted.cpu()])


def _clip(frames: np.ndarray, hole: np.ndarray) -> VideoClip:
    if frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape:
        raise HoleError(f"frames have shape {frames.shape}, expected (frames, height, width, 3)")
    t, h, w = frames.shape[:3]
    if hole.ndim != 3 or hole.shape[1:] != (h, w) or hole.shape[0] not in (1, t):
        raise HoleError(f"hole has shape {hole.shape}, expected ({t}, {h}, {w}), or (1, {h}, {w}) for all frames")
    unknown = torch.from_numpy(np.broadcast_to(hole != 0, (t, h, w)).copy())
    return VideoClip(to_unit(frames), unknown.unsqueeze(1), torch.arange(t))


mlflow.models.set_model(ServedInpainter())
