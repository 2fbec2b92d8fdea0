"""How long training waits for its data."""

import time
from collections import deque
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from inpaintdiff.data.sampling import ResumableLoader


class DataWait(Callback):
    """Logs `train/data_wait_share`: of the time of the last steps, how much went by while the next window was not there yet.

    What happens between steps otherwise (validation, painting, checkpoints) is not counted. A share near 0 says that the loader keeps
    up; near 1, that more workers or a cache would help.

    Args:
        steps: over how many steps.
    """

    def __init__(self, steps: int = 50) -> None:
        self._spans: deque[tuple[float, float]] = deque(maxlen=steps)
        self._begun = self._before = self._waited = 0.0

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        loader = trainer.train_dataloader
        total = loader.waited if isinstance(loader, ResumableLoader) else 0.0
        # a loader that was made anew counts from 0
        self._waited = total - self._before if total >= self._before else total
        self._before = total
        self._begun = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._spans.append((self._waited, time.perf_counter() - self._begun))
        waited, busy = (sum(column) for column in zip(*self._spans, strict=True))
        pl_module.log("train/data_wait_share", waited / max(1e-9, waited + busy), on_step=True, on_epoch=False)
