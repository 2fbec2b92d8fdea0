"""`DistillationModule`: makes a model that paints in a few network calls a stage from one that takes many."""

import inspect
from typing import Any

from torch import Tensor

from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.diffusion.distillation import distillation_loss, segments
from inpaintdiff.diffusion.sigma import LevelsGrid
from inpaintdiff.diffusion.solvers import make_solver
from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.model_config import ModelInfo
from inpaintdiff.models.unet import VideoUNet
from inpaintdiff.painting.painters import load_model
from inpaintdiff.training.module import InpaintingModule, NetworkConfig, ObjectiveConfig
from inpaintdiff.types import VideoClip

_PREDICTS: dict[str, Any] = {"NoisePrediction": "noise", "VPrediction": "v", "EDMPrediction": "edm"}


class DistillationModule(InpaintingModule):
    """Trains a student, which starts as a copy of its teacher, to go in one step where the teacher goes in several.

    The student is a model like any other; its file says which levels it paints at, so that nothing need be chosen when it is used.

    Args:
        teacher: as `--model` of `inpaintdiff inpaint` names it. Network, parametrisation and picture size are its own.
        calls: network calls a stage of the student.
        substeps: steps of the teacher for one of the student.
        solver: of the teacher; its own by default, or dpmpp-2m.
        window: K, frames a window; must be the teacher's.
        lr, warmup_steps, decay_steps, seed: as `InpaintingModule`.

    Raises:
        CheckpointError: there is no such teacher.
        SettingError: the window is not the teacher's, or a number is out of range.
    """

    def __init__(
        self,
        teacher: str = "builtin",
        calls: int = 4,
        substeps: int = 3,
        solver: str | None = None,
        window: int = 16,
        lr: float = 2e-4,
        warmup_steps: int = 50,
        decay_steps: int | None = None,
        seed: int = 0,
    ) -> None:
        denoiser, info = load_model(teacher)
        if window != info.window:
            raise SettingError(
                f"window is {window}, but {teacher} has windows of {info.window} frames; give it the same"
            )
        super().__init__(_network(info), _objective(info), window, info.size[0], lr, warmup_steps, decay_steps, seed)
        solver = SamplingConfig(solver=solver).solver_of(info.config)
        self.solver, self.steps = make_solver(solver), segments(info.grid(), calls, substeps)
        own = {
            "grid": {"class": LevelsGrid.__name__, "args": {"levels": [float(levels[0]) for levels in self.steps]}},
            "sampling": {"solver": "ddim", "calls": calls},
            "height": info.size[0],
            "width": info.size[1],
        }
        self.config.update(own)
        about = {"teacher": teacher, "calls": calls, "substeps": substeps, "solver": solver}
        self.save_hyperparameters({"denoiser": self.config, **about})
        self.denoiser.load_state_dict(denoiser.state_dict())
        # in a list, so that it is neither trained, averaged nor part of checkpoints
        self._teacher: list[Denoiser] = [denoiser.eval().requires_grad_(False)]

    def _loss(self, batch: VideoClip, stream: str, batch_size: int) -> Tensor:
        self._teacher[0].to(self.device)
        return distillation_loss(
            self.denoiser,
            self._teacher[0],
            batch.frames,
            self._conditioning(batch),
            self.steps,
            self.solver,
            self.sigmas,
            self._generators(stream, batch_size),
        )


def _network(info: ModelInfo) -> NetworkConfig:
    """All that the teacher's network is built from, what is left to defaults included: presets do not matter."""
    defaults = {k: p.default for k, p in inspect.signature(VideoUNet).parameters.items() if k != "channels"}
    given = {**defaults, **info.config["network"]["args"]}
    plain: dict[str, Any] = {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}
    return NetworkConfig(**plain)


def _objective(info: ModelInfo) -> ObjectiveConfig:
    args = info.config["precondition"]["args"]
    return ObjectiveConfig(_PREDICTS[info.config["precondition"]["class"]], "log-normal", **args)
