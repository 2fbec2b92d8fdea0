"""`SamplingConfig`: how to paint, as plain values; the one place that turns names into an `Inpainter`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from inpaintdiff.diffusion.denoiser import Denoiser
from inpaintdiff.diffusion.sigma import make_grid
from inpaintdiff.diffusion.solvers import make_solver
from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.embedding import read_embedding
from inpaintdiff.inpaint.inpainter import Inpainter
from inpaintdiff.model_config import build_grid
from inpaintdiff.schemes import SamplingScheme, make_scheme

# Instructions that multiply bfloat16, as `torch.cpu.get_capabilities` names them.
_BF16 = ("avx512_bf16", "amx_bf16", "bf16")

# Of models that say nothing of their own.
SOLVER, CALLS = "dpmpp-2m", 20

# Far more of anything than can be meant; what is typed by mistake must not fill the memory.
_MOST = 10_000


@dataclass(frozen=True)
class SamplingConfig:
    """Everything about sampling that a user may choose.

    Attributes:
        scheme: name of a sampling scheme, or `package.module:Class`.
        step: L, frames painted a stage; half the window by default.
        window: K; the model's own by default.
        solver: name of a solver; the model's own by default (a distilled model has one), or dpmpp-2m.
        calls: network calls a stage, at most; a second-order solver takes fewer steps for the same calls. The model's own by default,
            or 20.
        grid: name of a grid; the model's own by default.
        samples: how many answers.
        seed: of the answers.
        precision: "fp32"; "bf16" for autocast (about twice as fast on CPUs that know bfloat16, slower on others); "auto" for bf16 where
            the device knows it.
        options: of the scheme, by name; `embedding` is the name of a file, see `read_embedding`.

    Raises:
        SettingError: a value is out of range.
        PlanError: there is no such scheme, or it does not take these options.
    """

    scheme: str = "lookahead-ar++"
    step: int | None = None
    window: int | None = None
    solver: str | None = None
    calls: int | None = None
    grid: str | None = None
    samples: int = 1
    seed: int = 0
    precision: str = "fp32"
    # equal settings have equal hashes without it, and a dict has none
    options: dict[str, bool | int | float | str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name, value in (
            ("steps", self.calls), ("samples", self.samples), ("window", self.window), ("step", self.step),
        ):  # fmt: skip
            if value is not None and value < 1:
                raise SettingError(f"{name} must be at least 1, got {value}")
            if value is not None and value > _MOST:
                raise SettingError(f"{name} must be at most {_MOST}, got {value}")
        if self.precision not in ("fp32", "bf16", "auto"):
            raise SettingError(f"precision must be fp32, bf16 or auto, got {self.precision!r}")
        if wrong := sorted({"name", "window", "step"} & set(self.options)):
            raise SettingError(f"{wrong[0]} is no option of a scheme; it is a setting of its own")
        # the caller's dict may change later
        object.__setattr__(self, "options", dict(self.options))
        # a wrong name or option is said now, not when a model has been loaded or trained; files are read when they are needed
        self._scheme(16, {k: v for k, v in self.options.items() if k != "embedding"})

    def resolved(self, config: Mapping[str, Any], device: torch.device | str | None = None) -> "SamplingConfig":
        """The same with solver and calls of the model whose plain configuration this is, and the device's precision, where left to them."""
        return replace(
            self,
            solver=self.solver_of(config),
            calls=self.calls_of(config),
            precision=_precision_of(torch.device(device or "cpu")) if self.precision == "auto" else self.precision,
        )

    def solver_of(self, config: Mapping[str, Any]) -> str:
        """Name of the solver that this model is painted with."""
        return self.solver or str(config.get("sampling", {}).get("solver", SOLVER))

    def calls_of(self, config: Mapping[str, Any]) -> int:
        """Network calls a stage, at most, that this model is painted with."""
        return self.calls or int(config.get("sampling", {}).get("calls", CALLS))

    def sampling_scheme(self, window: int) -> SamplingScheme:
        """The scheme, for a model of this window.

        Raises:
            SettingError: the embedding cannot be read.
            PlanError: an option does not fit.
        """
        options: dict[str, Any] = dict(self.options)
        if "embedding" in options:
            options["embedding"] = read_embedding(str(options["embedding"]))
        return self._scheme(window, options)

    def _scheme(self, window: int, options: dict[str, Any]) -> SamplingScheme:
        window = window if self.window is None else self.window
        step = max(1, window // 2) if self.step is None else self.step
        return make_scheme(self.scheme, window=window, step=step, **options)

    def inpainter(
        self, denoiser: Denoiser, config: dict[str, Any], device: torch.device | str | None = None
    ) -> Inpainter:
        """An `Inpainter` for a model.

        Args:
            denoiser: the model.
            config: its plain configuration; "window", "grid" and "sampling" are its own defaults.
            device: where windows are painted.

        Raises:
            SettingError: an unknown solver or grid, or a number of calls that the model's grid does not have.
        """
        solver = make_solver(self.solver_of(config))
        steps = solver.steps_within(self.calls_of(config))
        grid = make_grid(self.grid) if self.grid else build_grid(config)
        return Inpainter(
            denoiser,
            self.sampling_scheme(int(config["window"])),
            solver,
            grid,
            steps,
            device=device,
            autocast=torch.bfloat16 if self.resolved(config, device).precision == "bf16" else None,
        )


def _precision_of(device: torch.device) -> str:
    """The faster precision of a device."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    # older versions of torch cannot be asked
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return "bf16" if device.type == "cpu" and any(known.get(k) for k in _BF16) else "fp32"
