"""Real trainings of seconds: the real module and data, a network of a few thousand weights."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from inpaintdiff.data.datamodules import ClipDataModule
from inpaintdiff.schemes.tasks import SchemeTasks
from inpaintdiff.training.ema import EMA
from inpaintdiff.training.module import InpaintingModule, NetworkConfig, ObjectiveConfig
from inpaintdiff.training.tracking import Checkpoints

NETWORK = NetworkConfig("tiny", width=8, dropout=0.1)
WINDOW = 4


def module(**options: Any) -> InpaintingModule:
    torch.manual_seed(5)
    objective = ObjectiveConfig(predict="edm", sigmas="log-normal")
    return InpaintingModule(
        **{"network": NETWORK, "objective": objective, "window": WINDOW, "size": 32, "lr": 1e-2, **options}
    )


def data(root: Path, **options: Any) -> ClipDataModule:
    defaults: dict[str, Any] = {
        "window": WINDOW,
        "tasks": SchemeTasks(window=WINDOW),
        "batch_size": 2,
        "num_workers": 0,
    }
    return ClipDataModule(str(root), **{**defaults, **options})


class Losses(Callback):
    """Writes down what every step saw."""

    def __init__(self) -> None:
        self.at: dict[int, tuple[float, tuple[int, ...]]] = {}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, *args: Any
    ) -> None:
        self.at[trainer.global_step] = (float(outputs["loss"]), tuple(batch.index.flatten().tolist()))


class CutError(Exception):
    pass


class Cut(Callback):
    """Ends a run as a kill would: after a step and its checkpoint, with nothing tidied up."""

    def __init__(self, after: int) -> None:
        self.after = after

    def on_train_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        if trainer.global_step == self.after:
            raise CutError


def trainer(folder: Path, steps: int, *callbacks: Callback, **options: Any) -> pl.Trainer:
    defaults: dict[str, Any] = {"max_steps": steps, "max_epochs": -1, "accelerator": "cpu", "logger": False}
    quiet = {
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "limit_val_batches": 0,
    }
    saver = Checkpoints(str(folder), every_n_steps=1)
    return pl.Trainer(
        callbacks=[EMA(0.9), saver, *callbacks], use_distributed_sampler=False, **{**defaults, **quiet, **options}
    )


def same(a: Any, b: Any) -> bool:
    """Bitwise equality of nested states."""
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)
