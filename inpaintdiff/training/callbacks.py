"""Callbacks of a training: the finished model in the registry.

Also the door to `quality` and `tracking`: what a configuration names lies here.
"""

import logging
import time
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from inpaintdiff.checkpoint import save_model
from inpaintdiff.errors import RegistryError
from inpaintdiff.model_config import ModelInfo
from inpaintdiff.registry import DEFAULT_FOLDER, register_model
from inpaintdiff.registry_store import brief
from inpaintdiff.training.ema import EMA
from inpaintdiff.training.module import InpaintingModule
from inpaintdiff.training.quality import QualityCallback
from inpaintdiff.training.tracking import Checkpoints, SaveConfig, TrackingLogger, continue_run

__all__ = [
    "Checkpoints",
    "QualityCallback",
    "RegisterCallback",
    "SaveConfig",
    "TrackingLogger",
    "continue_run",
]

logger = logging.getLogger(__name__)


class RegisterCallback(Callback):
    """At the end of `fit` writes the averaged weights to a safetensors file with a model card and registers it.

    Args:
        name: registered model.
        alias: points at the new version if it points at none yet; None leaves aliases alone.
        candidate: points at the new version if `alias` is taken: the new model must prove itself (`inpaintdiff models promote`).
        folder: where the file goes, as NAME.safetensors.
        about: a sentence for the card.
        licence: of the weights, for the card.
    """

    def __init__(
        self,
        name: str = "inpaintdiff-traffic",
        alias: str | None = "champion",
        candidate: str = "candidate",
        folder: str = f"{DEFAULT_FOLDER}/models",
        about: str | None = None,
        licence: str | None = None,
    ) -> None:
        self.name, self.alias, self.candidate, self.folder = name, alias, candidate, Path(folder)
        self.about, self.licence = about, licence
        self.version: str | None = None
        self._begun = time.monotonic()
        self._before = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Seconds of training so far: a resumed run counts from there."""
        return {"seconds": self._before + time.monotonic() - self._begun}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `state_dict`."""
        self._before = float(state_dict["seconds"])

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._begun = time.monotonic()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Export and register; not after an interruption, and not in a dry run (`fast_dev_run`)."""
        assert isinstance(pl_module, InpaintingModule)
        if not trainer.is_global_zero or trainer.fast_dev_run or trainer.interrupted:
            return
        card = self.card(trainer)
        path = self.folder / f"{self.name}.safetensors"
        save_model(path, pl_module.config, pl_module.denoiser.state_dict(), card)
        target = next((x for x in trainer.loggers if isinstance(x, TrackingLogger)), None)
        scores = {k.removeprefix("val/"): str(card[k]) for k in card if k.startswith("val/") and k.endswith("_v1")}
        options: dict[str, Any] = {
            "alias": self.alias,
            "spare_alias": self.candidate,
            "tags": {
                "optimizer_steps": str(trainer.global_step),
                "data": str(card.get("data")),
                "window": str(pl_module.config["window"]),
                "size": f"{pl_module.config['height']}x{pl_module.config['width']}",
                **scores,
            },
            "card_text": ModelInfo(pl_module.config, card, str(path)).card_markdown(),
        }
        self._register(path, target, options)

    def _register(self, path: Path, target: TrackingLogger | None, options: dict[str, Any]) -> None:
        """In the registry; if that does not answer, with the run that is kept."""
        try:
            if (kept := target and target.kept) or find_spec("mlflow") is None:
                raise RegistryError("the run is kept, too" if kept else "MLflow is not installed here")
            run_id, store = (target.run_id, target.store) if target else (None, None)
            with brief():
                self.version = register_model(path, self.name, run_id=run_id, store=store, **options)
        except RegistryError as e:
            logger.warning("the model is not registered (%s): it is in %s", e, path)
            if target:
                folder = target.keep_registration(path, self.name, **options)
                logger.warning("it will be registered by: inpaintdiff runs upload %s", folder)
            else:
                logger.warning("register it with: inpaintdiff models register %s --name %s", path, self.name)
            return
        logger.info(
            "registered %s version %s; use it with --model models:/%s/%s, make it the champion with: inpaintdiff models promote %s",
            self.name,
            self.version,
            self.name,
            self.version,
            f"{self.name} --version {self.version}",
        )
        if target:
            logger.info("look at the run with: %s", target.store.open_with())

    def card(self, trainer: pl.Trainer) -> dict[str, Any]:
        """Facts of this training as plain values."""
        ema = next((c for c in trainer.callbacks if isinstance(c, EMA)), None)
        data = trainer.datamodule
        facts: dict[str, Any] = {
            "name": self.name,
            "about": self.about,
            "licence_of_the_weights": self.licence,
            "data": f"{type(data).__name__}, {Path(data.root).name}" if data is not None else None,
            "optimizer_steps": trainer.global_step,
            "epochs": trainer.current_epoch,
            "weights": f"exponential moving average, decay {ema.decay}" if ema else "as trained, no average",
            "trained_hours": round(self.state_dict()["seconds"] / 3600, 2),
            "trained_on": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
            "date": datetime.now(UTC).date().isoformat(),
            "versions": f"inpaintdiff {metadata.version('inpaintdiff')}, torch {torch.__version__}",
        }
        scores = {k: round(float(v), 4) for k, v in trainer.callback_metrics.items() if k.startswith("val/")}
        return {k: v for k, v in {**facts, **scores}.items() if v is not None}
