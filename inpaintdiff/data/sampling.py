"""Which windows training sees, in an order that is a pure function of (seed, epoch, position): what makes resuming exact."""

import random
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from inpaintdiff.data.clips import TaskRequest
from inpaintdiff.schemes.tasks import TaskSampler
from inpaintdiff.types import VideoClip


class TaskBatches(Sampler[list[TaskRequest]]):
    """Batches of windows. One stage is drawn a batch, so that no window has to be padded.

    Args:
        lengths: number of frames of every clip.
        tasks: draws the stage, within the shortest clip of the batch.
        batch_size: windows a batch on each rank.
        seed: of the whole order.
        rank, ranks: this process and how many there are; all ranks draw the same stage, for equal work.
        reshuffle: False gives every epoch the windows of the first one, so that validations can be compared.
    """

    def __init__(
        self,
        lengths: list[int],
        tasks: TaskSampler,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        ranks: int = 1,
        reshuffle: bool = True,
    ) -> None:
        if not 1 <= batch_size * ranks <= len(lengths):
            raise ValueError(
                f"{ranks} x {batch_size} windows a batch do not fit {len(lengths)} clips; expected 1 to that many"
            )
        self.lengths, self.tasks, self.batch_size = lengths, tasks, batch_size
        self.seed, self.rank, self.ranks = seed, rank, ranks
        self.reshuffle = reshuffle
        self.epoch = 0
        self.start = 0

    @property
    def sampler(self) -> "TaskBatches":
        """Lightning announces the epoch to `batch_sampler.sampler`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """The order of this epoch."""
        self.epoch = epoch if self.reshuffle else 0

    def __len__(self) -> int:
        return len(self.lengths) // (self.batch_size * self.ranks)

    def __iter__(self) -> Iterator[list[TaskRequest]]:
        order = list(range(len(self.lengths)))
        random.Random(f"{self.seed}/{self.epoch}").shuffle(order)
        size = self.batch_size * self.ranks
        # only this pass begins in the middle
        start, self.start = self.start, 0
        for k in range(start, len(self)):
            rng = random.Random(f"{self.seed}/{self.epoch}/{k}")
            clips = order[k * size : (k + 1) * size]
            stage = self.tasks.sample(min(self.lengths[i] for i in clips), rng)
            seeds = [rng.getrandbits(63) for _ in clips]
            mine = slice(self.rank * self.batch_size, (self.rank + 1) * self.batch_size)
            yield [TaskRequest(i, stage, s) for i, s in zip(clips[mine], seeds[mine], strict=True)]


class StreamBatches(TaskBatches):
    """Batches from a series of clips without an end: each clip is used for a while, then newer ones take its place.

    Batch k draws from the clips that its lane keeps at that time. Batches go to workers in turn, so with as many lanes as workers a
    clip is simulated by one worker only. As everywhere, the order depends on (seed, epoch, position) alone, and on the number of lanes.

    Args:
        clip_frames: length of every clip.
        tasks, batch_size, seed, rank, ranks: as `TaskBatches`.
        reuse: windows that are drawn of a clip, on average, before it is gone.
        lanes: series that take turns.
        batches: of an epoch; rounded up to a multiple of the lanes.
    """

    def __init__(
        self,
        clip_frames: int,
        tasks: TaskSampler,
        batch_size: int,
        reuse: int,
        lanes: int = 1,
        batches: int = 1000,
        seed: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if min(reuse, lanes, batches, batch_size) < 1:
            raise ValueError(
                f"reuse {reuse}, lanes {lanes}, batches {batches} and batch size {batch_size} must be 1 or more"
            )
        super().__init__([clip_frames] * batch_size * ranks, tasks, batch_size, seed, rank, ranks)
        self.clip_frames, self.reuse, self.lanes = clip_frames, reuse, lanes
        self.batches = -(-batches // lanes) * lanes
        self.kept = kept_clips(batch_size)

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[TaskRequest]]:
        start, self.start = self.start, 0
        for k in range(start, len(self)):
            stage_rng = random.Random(f"{self.seed}/{self.epoch}/{k}")
            stage = self.tasks.sample(self.clip_frames, stage_rng)
            rng = random.Random(f"{self.seed}/{self.epoch}/{k}/{self.rank}")
            turn = (self.epoch * len(self) + k) // self.lanes
            # a batch brings batch_size / reuse new clips; the first one must not wait for a batch of them
            last = -(-self.batch_size // 4) + turn * self.batch_size // self.reuse
            pool = range(max(0, last - self.kept), last)
            fits = len(pool) >= self.batch_size
            chosen = rng.sample(pool, self.batch_size) if fits else rng.choices(pool, k=self.batch_size)
            lane = k % self.lanes + self.lanes * self.rank
            lanes = self.lanes * self.ranks
            yield [TaskRequest(c * lanes + lane, stage, rng.getrandbits(63)) for c in chosen]


def kept_clips(batch_size: int) -> int:
    """Clips that a lane of `StreamBatches` draws from at a time."""
    return 4 * batch_size


class ResumableLoader(DataLoader[VideoClip]):
    """A DataLoader over `TaskBatches` whose position within the epoch is part of a checkpoint.

    Attributes:
        waited: seconds, so far, in which a batch was asked for and not there yet; workers are started within the first.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # of its own: an iterator made after a resume must not take a number from the stream that dropout draws from
        kwargs.setdefault("generator", torch.Generator())
        super().__init__(*args, **kwargs)
        self._given = 0
        self.waited = 0.0

    def __iter__(self) -> Iterator[VideoClip]:  # type: ignore[override]
        batches = self.batch_sampler
        assert isinstance(batches, TaskBatches)
        self._given = batches.start
        begun = time.perf_counter()
        for batch in super().__iter__():
            self.waited += time.perf_counter() - begun
            self._given += 1
            yield batch
            begun = time.perf_counter()

    def state_dict(self) -> dict[str, int]:
        """Batches of the present epoch that were handed out."""
        return {"given": self._given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after the batches that were handed out before the checkpoint."""
        batches = self.batch_sampler
        assert isinstance(batches, TaskBatches)
        batches.start = self._given = int(state["given"]) % len(batches)
