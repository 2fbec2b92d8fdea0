"""An arm of an experiment: one training of the project's own module, which differs from the other arms in its data only."""

import random
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from jaxtyping import Bool
from lightning.pytorch.callbacks import Callback, Timer
from lightning.pytorch.trainer.states import RunningStage
from numpy import ndarray
from torch import Tensor

from inpaintdiff.checkpoint import read_checkpoint
from inpaintdiff.data.clips import TaskClips, TaskRequest
from inpaintdiff.data.datamodules import ClipDataModule
from inpaintdiff.data.sampling import ResumableLoader, TaskBatches
from inpaintdiff.schemes.tasks import TaskSampler
from inpaintdiff.training.ema import EMA
from inpaintdiff.training.module import InpaintingModule
from inpaintdiff.training.tracking import Checkpoints
from inpaintdiff.types import VideoClip

_EVERY = 50  # steps between checkpoints: what a kill costs at most


class _ClipsInMemory(TaskClips):
    """Small clips that every step reads: each is decoded once."""

    def __init__(self, root: Path, split: str) -> None:
        super().__init__(root, split)
        self._frames: dict[int, Tensor] = {}
        self._holes: dict[int, Bool[ndarray, "t h w"]] = {}

    def frames(self, i: int, ixs: tuple[int, ...]) -> Tensor:
        if i not in self._frames:
            self._frames[i] = super().frames(i, tuple(range(self.entries[i].frames)))
        return self._frames[i][list(ixs)]

    def own_hole(self, i: int) -> Bool[ndarray, "t h w"]:
        if i not in self._holes:
            self._holes[i] = super().own_hole(i)
        return self._holes[i]


class _EqualBatches(TaskBatches):
    """Batches of about the same number of frames: small windows come in larger batches, so that steps and frames both are equal."""

    def __init__(self, lengths: list[int], tasks: TaskSampler, batch_size: int, frames: int, seed: int) -> None:
        super().__init__(lengths, tasks, batch_size, seed)
        self.frames = frames

    def __iter__(self) -> Iterator[list[TaskRequest]]:
        # only this pass begins in the middle
        start, self.start = self.start, 0
        for k in range(start, len(self)):
            rng = random.Random(f"{self.seed}/{self.epoch}/{k}")
            order = rng.sample(range(len(self.lengths)), len(self.lengths))
            stage = self.tasks.sample(min(self.lengths), rng)
            clips = order[: max(1, round(self.frames / len(stage.frames)))]
            yield [TaskRequest(i, stage, rng.getrandbits(63)) for i in clips]


class ArmData(ClipDataModule):
    """A `ClipDataModule` for sets of small clips, whose steps all compute about as many frames as `batch_size` full windows have."""

    def train_dataloader(self) -> ResumableLoader:
        data = _ClipsInMemory(self.root, "train")
        batches = _EqualBatches(
            [e.frames for e in data.entries], self.tasks, self.batch_size, self.batch_size * self.window, self.seed
        )
        return ResumableLoader(data, batch_sampler=batches, collate_fn=VideoClip.collate)


class _Cost(Callback):
    """Counts frames and time, through resumes."""

    def __init__(self, report: Callable[[int, float], None], clock: Callable[[], float]) -> None:
        self.report, self.clock = report, clock
        self.frames = 0
        self.seconds, self.cpu_seconds = 0.0, 0.0
        self._begun = (time.monotonic(), clock())

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begun = (time.monotonic(), self.clock())

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: VideoClip, batch_idx: int
    ) -> None:
        wall, cpu = self._begun
        self._begun = (time.monotonic(), self.clock())
        self.seconds, self.cpu_seconds = self.seconds + self._begun[0] - wall, self.cpu_seconds + self._begun[1] - cpu
        self.frames += batch.index.numel()
        self.report(trainer.global_step, self.cpu_seconds)

    def state_dict(self) -> dict[str, Any]:
        return {"frames": self.frames, "seconds": self.seconds, "cpu_seconds": self.cpu_seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.frames = int(state_dict["frames"])
        self.seconds, self.cpu_seconds = float(state_dict["seconds"]), float(state_dict["cpu_seconds"])


class _Budget(Timer):
    """Ends training when the processor seconds that `_Cost` counted are used up; a learning rate that decays does so by them too.

    Put it behind `_Cost`, so that the step that has just ended is counted.
    """

    def __init__(self, seconds: int, cost: _Cost) -> None:
        super().__init__(timedelta(seconds=seconds), verbose=False)
        self.cost = cost

    def time_elapsed(self, stage: str = RunningStage.TRAINING) -> float:
        return self.cost.cpu_seconds


def train_arm(
    make: Callable[[], InpaintingModule],
    data: ClipDataModule,
    steps: int | None,
    folder: Path,
    seed: int,
    report: Callable[[int, float], None] = lambda *_: None,
    *,
    seconds: int | None = None,
    every: int = _EVERY,
    clock: Callable[[], float] = time.process_time,
) -> tuple[InpaintingModule, dict[str, Any]]:
    """Train, or go on with what a killed process left in `folder`.

    Args:
        make: makes the module; its weights depend on `seed` alone.
        data: what it is trained on.
        steps: optimiser steps; None where `seconds` alone decide.
        folder: of the checkpoint.
        seed: of the initialisation.
        report: called after every step with the steps and the processor seconds of the weights so far.
        seconds: of the processor that these weights may take, those of earlier processes included; the step in which they are used up
            is the last. What a kill lost is not counted. Training is on the CPU then.
        every: steps between checkpoints.
        clock: what processor seconds are read from.

    Returns:
        The module with its averaged weights, and what the training cost: steps, frames, seconds, seconds of the processor.
    """
    torch.manual_seed(seed)
    module = make()
    cost, saver = _Cost(report, clock), Checkpoints(str(folder), every_n_steps=every)
    budget = [] if seconds is None else [_Budget(seconds, cost)]
    trainer = pl.Trainer(
        max_steps=-1 if steps is None else steps,
        max_epochs=-1,
        accelerator="auto" if seconds is None else "cpu",
        devices=1,
        logger=False,
        callbacks=[EMA(0.995), cost, *budget, saver],
        gradient_clip_val=1.0,
        num_sanity_val_steps=0,
        limit_val_batches=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    if not saver.file.exists() or _unfinished(read_checkpoint(saver.file), steps, seconds, cost):
        with warnings.catch_warnings():
            # what is there is gone on with; clips are in memory, so that processes that load them would only wait
            warnings.filterwarnings("ignore", ".*exists and is not empty")
            warnings.filterwarnings("ignore", ".*does not have many workers")
            try:
                trainer.fit(module, data, ckpt_path=str(saver.file) if saver.file.exists() else None, weights_only=True)
            except SystemExit:
                if trainer.interrupted:
                    raise KeyboardInterrupt from None  # Lightning ends the process with code 1
                raise
    # from the file also when training has just ended: a process that only scores has nothing else
    held = read_checkpoint(saver.file)
    about = {"steps": held["global_step"], **held["callbacks"][cost.state_key]}
    return InpaintingModule.load_from_checkpoint(saver.file).eval(), {k: round(v, 1) for k, v in about.items()}


def _unfinished(held: dict[str, Any], steps: int | None, seconds: int | None, cost: _Cost) -> bool:
    """Has the training that wrote a checkpoint something left of its steps and of its seconds?"""
    used = held["callbacks"][cost.state_key]["cpu_seconds"]
    return (steps is None or held["global_step"] < steps) and (seconds is None or used < seconds)
