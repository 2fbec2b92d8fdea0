"""`SamplingConfig`: how to paint, as plain values; the one place that turns names into an `Inpainter`."""

from dataclasses import dataclass
from typing import Any

import torch

from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.diffusion.sigma import make_grid
from inpaintdiff.diffusion.solvers import make_solver
from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.inpainter import Inpainter
from inpaintdiff.schemes import make_scheme

# As `SigmaGrid` classes are named in a model's configuration, and as users name them.
_GRID_NAMES = {"DDPMLinearGrid": "ddpm-linear", "KarrasGrid": "karras", "CosineGrid": "cosine"}


@dataclass(frozen=True)
class SamplingConfig:
    """Everything about sampling that a user may choose.

    Attributes:
        scheme: name of a sampling scheme, or `package.module:Class`.
        step: L, frames painted a stage; half the window by default.
        window: K; the model's own by default.
        solver: name of a solver.
        calls: network calls a stage, at most; a second-order solver takes fewer steps for the same calls.
        grid: name of a grid; the model's own by default.
        samples: how many answers.
        seed: of the answers.
        precision: "fp32", or "bf16" for autocast (about twice as fast on CPUs that know bfloat16).
    """

    scheme: str = "lookahead-ar++"
    step: int | None = None
    window: int | None = None
    solver: str = "dpmpp-2m"
    calls: int = 20
    grid: str | None = None
    samples: int = 1
    seed: int = 0
    precision: str = "fp32"

    def __post_init__(self) -> None:
        if self.calls < 1:
            raise SettingError(f"steps must be at least 1, got {self.calls}")
        if self.samples < 1:
            raise SettingError(f"samples must be at least 1, got {self.samples}")
        if self.precision not in ("fp32", "bf16"):
            raise SettingError(f"precision must be fp32 or bf16, got {self.precision!r}")

    def inpainter(
        self, denoiser: Denoiser, config: dict[str, Any], device: torch.device | str | None = None
    ) -> Inpainter:
        """An `Inpainter` for a model.

        Args:
            denoiser: the model.
            config: its plain configuration; "window" and "grid" are its own defaults.
            device: where windows are painted.
        """
        window = self.window or int(config["window"])
        solver = make_solver(self.solver)
        steps = solver.steps_within(self.calls)
        own = config["grid"]
        grid = make_grid(self.grid) if self.grid else make_grid(_GRID_NAMES[own["class"]], **own["args"])
        return Inpainter(
            denoiser,
            make_scheme(self.scheme, window=window, step=self.step or max(1, window // 2)),
            solver,
            grid,
            steps,
            device=device,
            autocast=torch.bfloat16 if self.precision == "bf16" else None,
        )
