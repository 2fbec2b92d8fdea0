"""Records of a training in MLflow, and checkpoints that survive a kill."""

import logging
import math
import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from inpaintdiff.checkpoint import read_checkpoint
from inpaintdiff.errors import CheckpointError, SettingError
from inpaintdiff.registry import DEFAULT_FOLDER, connected, experiment_id, run_exists, tracking

logger = logging.getLogger(__name__)


class TrackingLogger(MLFlowLogger):
    """Records a run in the package's MLflow store (`inpaintdiff.registry.tracking`), and goes on with it after a resume.

    Args:
        experiment: name of the experiment.
        run_name: name of the run; MLflow invents one for None.
        folder: where the embedded store lies; MLFLOW_TRACKING_URI overrides it.
        run_id: a run to go on with.
        tags: of a new run.
    """

    def __init__(
        self,
        experiment: str = "inpaintdiff",
        run_name: str | None = None,
        folder: str = DEFAULT_FOLDER,
        run_id: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        self.store = tracking(folder)
        if self.store.database is not None:
            self.store.database.parent.mkdir(parents=True, exist_ok=True)
        self._folder = str(folder)
        super().__init__(experiment, run_name, self.store.uri, tags, run_id=run_id, log_model=False)

    @property
    def experiment(self) -> Any:
        """The MLflow client; makes experiment and run on first use."""
        if self._initialized or rank_zero_only.rank != 0:
            return super().experiment
        if self._run_id is None:
            self._experiment_id = experiment_id(self.store, self._experiment_name)
        with connected(self.store):  # MLFlowLogger leaves the whole process pointed at its store
            return super().experiment

    @property
    def save_dir(self) -> str:
        """Where callbacks without a folder of their own write."""
        return self._folder

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace) -> None:
        """Record settings once: MLflow refuses new values, so a resumed run keeps its first ones."""
        flat = _flat(vars(params) if isinstance(params, Namespace) else params)
        known = self.experiment.get_run(self.run_id).data.params
        super().log_hyperparams({k: v for k, v in flat.items() if k not in known})

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers; infinite ones are left out, MLflow would show them as 1.8e308."""
        super().log_metrics({k: v for k, v in metrics.items() if not math.isinf(float(v))}, step)

    @rank_zero_only
    def continue_run(self, run_id: str) -> bool:
        """Record into this earlier run from now on, if the store has it; False if it does not."""
        if not run_exists(self.store, run_id):
            logger.info("the run of the checkpoint is not in %s: a new one begins", self.store.uri)
            return False
        self._run_id, self._initialized = run_id, False
        self._mlflow_client.update_run(run_id, status="RUNNING")
        return True


def _flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for k, v in params.items():
        name = f"{prefix}{k}"
        out |= _flat(v, f"{name}/") if isinstance(v, Mapping) and v else {name: v}
    return out


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

    Raises:
        SettingError: `every_n_steps` is below 1.
    """

    def __init__(self, dirpath: str = f"{DEFAULT_FOLDER}/checkpoints", every_n_steps: int = 500) -> None:
        if every_n_steps < 1:
            raise SettingError(f"Checkpoints every_n_steps is {every_n_steps}, expected at least 1")
        super().__init__(dirpath, "last", every_n_train_steps=every_n_steps, enable_version_counter=False)
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
        for target in trainer.loggers:
            if stage == TrainerFn.FITTING and isinstance(target, MLFlowLogger):
                text = self.parser.dump(self.config, skip_none=False)
                target.experiment.log_text(target.run_id, text, self.config_filename)
