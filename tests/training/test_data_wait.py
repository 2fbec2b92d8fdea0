"""The share of time that training waits for data, with a loader and a step that take known times."""

import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from inpaintdiff.data.datamodules import ClipDataModule
from inpaintdiff.data.sampling import ResumableLoader
from inpaintdiff.schemes.tasks import FDMTasks
from inpaintdiff.training.data_wait import DataWait


class Slow(ClipDataModule):
    """Takes `delay` seconds for every window, and no more: all are the same one."""

    delay = 0.0

    def train_dataloader(self) -> ResumableLoader:
        loader = super().train_dataloader()
        delay, kind = self.delay, type(loader.dataset)
        window = loader.dataset[next(iter(loader.batch_sampler))[0]]

        class Delayed(kind):  # type: ignore[misc, valid-type]
            def __getitem__(self, request: Any) -> Any:
                time.sleep(delay)
                return window

        loader.dataset.__class__ = Delayed
        return loader


class Sleeper(pl.LightningModule):
    """Takes `delay` seconds for every step."""

    def __init__(self, delay: float) -> None:
        super().__init__()
        self.delay = delay
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        time.sleep(self.delay)
        return self.weight * 1.0

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Lightning warns where there is none."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.parametrize(("read", "step", "low", "high"), [(0.03, 0.01, 0.5, 0.95), (0.0, 0.06, 0.0, 0.4)])
def test_the_share_is_that_of_the_loader(
    traffic: Path, tmp_path: Path, read: float, step: float, low: float, high: float
) -> None:
    data = Slow(str(traffic), window=4, tasks=FDMTasks(4), batch_size=1, num_workers=0)
    data.delay = read
    trainer = pl.Trainer(
        max_steps=6, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, limit_val_batches=0, callbacks=[DataWait()], default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(Sleeper(step), datamodule=data)
    assert low < float(trainer.callback_metrics["train/data_wait_share"]) < high
