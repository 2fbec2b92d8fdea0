"""Exponential moving average of the weights: Lightning's `WeightAveraging` with a warm-up and with its known faults mended."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from inpaintdiff.errors import SettingError

logger = logging.getLogger(__name__)


class EMA(WeightAveraging):
    """Averages the weights while training; validation, test, prediction and every checkpoint's `state_dict` use the average.

    avg <- d avg + (1 - d) w after every `update_every`-th optimiser step, with d = min(decay, (1 + t) / (10 + t)) after t updates,
    so that the weights of the initialisation are soon forgotten (arXiv 2206.00364 and the ADM line use the same remedy).

    What differs from Lightning's callback:

    - the average is in place from `on_validation_start` until `on_validation_end`, so in all `*_epoch_end` hooks too;
    - an exception, or Ctrl-C, in validation puts the weights that were being trained back;
    - nothing is swapped or saved as an average before the first update;
    - after `fit` the module holds the average, and a checkpoint written then still holds both, so that training can go on;
    - buffers are copied, not averaged (the average of a counter is no counter);
    - the average lives on the module's device, and all its tensors are updated by one fused call.

    Put it before callbacks that look at weights in `on_validation_start`. The average of half-precision weights would never
    move, and `ModelCheckpoint(save_weights_only=True)` passes callbacks by: both are refused.

    Args:
        decay: d of the long run, per update, in [0, 1).
        warmup: False uses `decay` from the first update on.
        update_every: optimiser steps between updates.
        device: where the average lives; None is where the module is, "cpu" saves GPU memory.

    Raises:
        SettingError: an argument is out of range.
    """

    def __init__(
        self, decay: float = 0.9999, warmup: bool = True, update_every: int = 1, device: str | None = None
    ) -> None:
        if not 0 <= decay < 1:
            raise SettingError(f"EMA decay is {decay}, expected at least 0 and below 1; usual is 0.9999")
        if update_every < 1:
            raise SettingError(f"EMA update_every is {update_every}, expected at least 1")
        super().__init__(device=device, use_buffers=False, multi_avg_fn=self._average)
        self.decay = decay
        self.warmup = warmup
        self.update_every = update_every
        self._swapped = False
        self._of: pl.LightningModule | None = None

    def decay_at(self, updates: int) -> float:
        """d after that many updates."""
        return min(self.decay, (1 + updates) / (10 + updates)) if self.warmup else self.decay

    def _average(self, averages: list[Tensor], weights: list[Tensor], updates: Tensor | int) -> None:
        with torch.no_grad():
            if averages[0].is_floating_point():
                torch._foreach_lerp_(averages, weights, 1 - self.decay_at(int(updates)))
            else:
                torch._foreach_copy_(averages, weights)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """After every `update_every`-th optimiser step, never at an epoch's end."""
        return step_idx is not None and (step_idx + 1) % self.update_every == 0

    @property
    def started(self) -> bool:
        """Is there an average that differs from a mere copy of the initial weights?"""
        return self._average_model is not None and int(self._average_model.n_averaged) > 0

    @contextmanager
    def averaged(self, pl_module: pl.LightningModule) -> Iterator[pl.LightningModule]:
        """The module with the averaged weights, for the length of a `with` block; the former weights come back in any case."""
        swap = self.started and not self._swapped
        if swap:
            self._swap(pl_module)
        try:
            yield pl_module
        finally:
            if swap:
                self._swap(pl_module)

    def _swap(self, pl_module: pl.LightningModule) -> None:
        self._swap_models(pl_module)
        self._swapped = not self._swapped

    def _swap_models(self, pl_module: pl.LightningModule) -> None:
        assert self._average_model is not None
        own, other = self._average_model.module, pl_module
        with torch.no_grad():
            for a, b in zip(
                chain(own.parameters(), own.buffers()), chain(other.parameters(), other.buffers()), strict=True
            ):
                kept = a.detach().clone()
                a.detach().copy_(b)
                b.detach().copy_(kept)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Make the average's copy when fit begins; a second fit of the same module goes on with both sets of weights."""
        if stage != "fit":
            return
        half = {str(p.dtype) for p in pl_module.parameters() if p.dtype in (torch.float16, torch.bfloat16)}
        if half:
            raise SettingError(
                f"EMA needs float32 weights, the module has {', '.join(sorted(half))}; use precision bf16-mixed instead of bf16-true"
            )
        if any(isinstance(c, ModelCheckpoint) and c.save_weights_only for c in trainer.callbacks):
            raise SettingError("save_weights_only would write weights that are not averaged; remove it beside EMA")
        if self._of is pl_module and self.started:
            if self._swapped:
                self._swap(pl_module)
        else:
            super().setup(trainer, pl_module, stage)
            self._of, self._swapped = pl_module, False
        # a new trainer counts its steps from 0
        self._latest_update_step = trainer.global_step

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Bring the average to the module's device: at `setup` the module was still on the CPU."""
        assert self._average_model is not None
        if self._device is None:
            self._average_model.to(pl_module.device)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the average in the module; the weights that were being trained stay here for checkpoints."""
        if self.started and not self._swapped:
            self._swap(pl_module)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As `on_train_end`, which Lightning leaves out where a resumed run has no step left to do."""
        self.on_train_end(trainer, pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the average in place, if fit is running and there is one."""
        if trainer.state.fn == TrainerFn.FITTING and self.started and not self._swapped:
            self._swap(pl_module)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Nothing: the average is in place already."""

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Nothing: the average stays for the hooks that come after this one."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the weights that are being trained back."""
        if trainer.state.fn == TrainerFn.FITTING and self._swapped:
            self._swap(pl_module)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Put the weights that are being trained back, should validation have been cut off."""
        if trainer.state.fn == TrainerFn.FITTING and self._swapped:
            self._swap(pl_module)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """`state_dict` becomes the average, `current_model_state` the weights being trained, whichever the module holds now."""
        if self._average_model is None or not self.started:
            return
        other = {k: v.detach().clone() for k, v in self._average_model.module.state_dict().items()}
        here = checkpoint["state_dict"]
        average, current = (here, other) if self._swapped else (other, here)
        checkpoint["state_dict"] = average
        checkpoint["current_model_state"] = current
        checkpoint["averaging_state"] = {"n_averaged": self._average_model.n_averaged.clone()}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """On resume restore both sets of weights; test, validate and predict keep `state_dict`, the average.

        A checkpoint without an average (written before the first update, or without this callback) starts a new one.
        """
        if trainer.state.fn != TrainerFn.FITTING:
            return
        assert self._average_model is not None
        self._swapped = False
        module = self._average_model.module
        module.load_state_dict(checkpoint["state_dict"])
        if "current_model_state" in checkpoint and "averaging_state" in checkpoint:
            self._average_model.n_averaged.copy_(checkpoint["averaging_state"]["n_averaged"])
            # `state_dict`, the average, has been loaded into the module already
            pl_module.load_state_dict(checkpoint["current_model_state"])
        else:
            self._average_model.n_averaged.zero_()
            logger.info("the checkpoint holds no average of the weights: a new one starts from its weights")
