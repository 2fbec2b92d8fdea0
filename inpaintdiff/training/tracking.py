"""Records of a training in MLflow, and checkpoints that survive a kill."""

import logging
import os
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.trainer.states import TrainerFn

from inpaintdiff.checkpoint import read_checkpoint
from inpaintdiff.errors import CheckpointError, SettingError
from inpaintdiff.registry import DEFAULT_FOLDER
from inpaintdiff.training.run_logger import TrackingLogger

logger = logging.getLogger(__name__)


def continue_run(trainer: pl.Trainer, checkpoint: str | Path) -> None:
    """Let the trainer's TrackingLogger go on with the run that wrote a checkpoint; call it before `fit`.

    Raises:
        CheckpointError: the file is no checkpoint.
    """
    states = read_checkpoint(checkpoint).get("callbacks")
    if not isinstance(states, dict):
        raise CheckpointError(
            f"{checkpoint} holds weights only, so training cannot go on from it; give a last.ckpt of fit"
        )
    run_id = states.get("Checkpoints", {}).get("run_id")
    for target in trainer.loggers:
        if run_id and isinstance(target, TrackingLogger):
            target.continue_run(run_id)


class Checkpoints(ModelCheckpoint):
    """One file, `last.ckpt`, rewritten every so many steps and at the end: `fit --ckpt_path last` goes on from it after a kill.

    The file is replaced only when the new one is complete, wherever the temporary folder lies. It remembers the MLflow run, and
    the state of torch's random numbers, which dropout draws from.

    Args:
        dirpath: folder of the file; a fixed one, so that a new process finds it.
        every_n_steps: optimiser steps between files; the most that a kill costs.
        record: put the last one among the files of the MLflow run when training ends.

    Raises:
        SettingError: `every_n_steps` is below 1.
    """

    def __init__(
        self, dirpath: str = f"{DEFAULT_FOLDER}/checkpoints", every_n_steps: int = 500, record: bool = True
    ) -> None:
        if every_n_steps < 1:
            raise SettingError(f"Checkpoints every_n_steps is {every_n_steps}, expected at least 1")
        super().__init__(dirpath, "last", every_n_train_steps=every_n_steps, enable_version_counter=False)
        self._record = record
        self._run_id: str | None = None
        self._random: dict[str, torch.Tensor] = {}

    @property
    def state_key(self) -> str:
        """Fixed, so that another `every_n_steps` may resume."""
        return "Checkpoints"

    @property
    def file(self) -> Path:
        """Where the checkpoint lies."""
        return Path(str(self.dirpath)) / "last.ckpt"

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the run, and go on with the random numbers of the checkpoint."""
        super().on_train_start(trainer, pl_module)
        if self._random:
            torch.set_rng_state(self._random["cpu"])
            if "cuda" in self._random and torch.cuda.is_available():
                torch.cuda.set_rng_state(self._random["cuda"])
            self._random = {}
        self._run_id = next((str(x.run_id) for x in trainer.loggers if isinstance(x, TrackingLogger)), None)

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """Also write after the last step: Lightning counts the steps of loggers wrongly after files of `on_train_end`."""
        super().on_train_batch_end(trainer, *args)
        if trainer.global_step == trainer.max_steps != self._last_global_step_saved and not trainer.fast_dev_run:
            self._save_checkpoint(trainer, str(self.file))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the last steps of a run that ended otherwise."""
        if self._last_global_step_saved != trainer.global_step and not trainer.fast_dev_run:
            self._save_checkpoint(trainer, str(self.file))
        if self._record and self.file.exists() and not trainer.fast_dev_run:
            for target in trainer.loggers:
                if isinstance(target, TrackingLogger):
                    target.log_files(self.file, "checkpoints")

    def _save_checkpoint(self, trainer: pl.Trainer, filepath: str) -> None:
        # not *last*: Lightning takes every file whose name has that word for a candidate of `--ckpt_path last`
        partial = Path(filepath).with_name(".partial.ckpt")
        super()._save_checkpoint(trainer, str(partial))
        if trainer.is_global_zero:
            os.replace(partial, filepath)  # noqa: PTH105 (Path.replace would do the same; the name says what matters)
        self._last_checkpoint_saved = filepath

    def state_dict(self) -> dict[str, Any]:
        """ModelCheckpoint's, the MLflow run, and torch's random numbers."""
        random = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            random["cuda"] = torch.cuda.get_rng_state()
        return {**super().state_dict(), "run_id": self._run_id, "random": random}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `state_dict`."""
        super().load_state_dict(state_dict)
        self._random = state_dict.get("random", {})


class SaveConfig(SaveConfigCallback):
    """Keeps the whole configuration of a run as the artifact `config.yaml` in MLflow."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "save_to_log_dir": False})

    def save_config(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Called on rank 0."""
        if stage != TrainerFn.FITTING:
            return
        text = self.parser.dump(self.config, skip_none=False)
        for target in trainer.loggers:
            if isinstance(target, TrackingLogger):
                target.log_text(text, self.config_filename)
            elif isinstance(target, MLFlowLogger):
                target.experiment.log_text(target.run_id, text, self.config_filename)
