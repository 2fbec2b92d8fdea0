"""What MLflow runs to serve a registered model: this file is stored with every version and executed when it is loaded.

Input: `frames` uint8 [t h w 3] and `hole` uint8 [t h w] or [1 h w], not 0 = paint. Parameters: see `painting.service.Request`.
Output: uint8 [samples t h w 3], equal to `frames` outside the hole, and what `inpaintdiff.inpaint` gives for the same seed.
"""

from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel, PythonModelContext

from inpaintdiff.checkpoint import load_denoiser
from inpaintdiff.errors import InpaintDiffError
from inpaintdiff.painting.painters import choose_device
from inpaintdiff.painting.service import Limits, Service


class ServedInpainter(PythonModel):
    """A model file behind MLflow's interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the weights without pickle; device and limits of requests are the model's configuration."""
        config = dict(context.model_config or {})
        device = choose_device(config.pop("device", None) or None)
        denoiser, info = load_denoiser(context.artifacts["weights"], device)
        self.service = Service(denoiser, info, device, Limits(**config))

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> np.ndarray:
        """Paint one clip; wrong input becomes MLflow's INVALID_PARAMETER_VALUE, which its server answers with status 400.

        `model_input` is a dict of arrays by name; MLflow warns of every annotation but that of a bare array.
        """
        try:
            return self.service.arrays(model_input["frames"], model_input["hole"], params)
        except InpaintDiffError as e:
            raise MlflowException.invalid_parameter_value(str(e)) from e


mlflow.models.set_model(ServedInpainter())
