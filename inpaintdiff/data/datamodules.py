"""LightningDataModules: thin doors to the one folder format, plain videos, and the one training data set."""

import time
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import ClassVar

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities import rank_zero_info
from torch.utils.data import DataLoader

from inpaintdiff.data.cache import CachedSource
from inpaintdiff.data.clip_sources import ClipSource, FolderSource, VideoFolderSource, plain_holes
from inpaintdiff.data.clips import TaskClips, WholeClips
from inpaintdiff.data.format import MANIFEST
from inpaintdiff.data.hole_generators import HoleGenerator
from inpaintdiff.data.sampling import ResumableLoader, StreamBatches, TaskBatches, kept_clips
from inpaintdiff.data.simulated import SimulatedSource
from inpaintdiff.data.synthetic.write import CLIPS_A_SPLIT
from inpaintdiff.data.synthetic.write import synthesize as write_twin
from inpaintdiff.errors import DatasetError, SettingError
from inpaintdiff.schemes.tasks import FDMTasks, TaskSampler
from inpaintdiff.types import VideoClip


class ClipDataModule(pl.LightningDataModule):
    """Windows for training and validation loss, whole clips for painting, from a folder of `data/format.py`.

    Where the folder has no data set and `synthesize` is given, the subclass's synthetic twin is written there first.

    Args:
        root: folder that holds dataset.json; the subclass's own by default.
        window: K, frames a window at most.
        tasks: which frames a window has, and which of them are painted; FDM's sampler by default.
        holes: how training holes are drawn; the data set's own by default.
        batch_size: windows a step on each device.
        num_workers: processes that decode; 0 decodes in the training process.
        flip: mirror training windows left to right half of the time.
        crop: train on squares of so many pixels around the hole; None on whole pictures. Validation is on whole pictures.
        seed: of everything drawn.
        predict_split: which split `predict` paints.
        frames: whole clips are cut to this length; None keeps all.
        synthesize: number of training clips of the synthetic twin to write when `root` has no data set; a sixteenth of it, at least 4,
            for validation and as many for test.
        variant: of the twin, see `inpaintdiff data synthesize --help`.
        size: height and width of clips that are made, pixels.
        clip_frames: length of clips that are made.
        stream: train on clips that are simulated meanwhile, each used for about so many windows, instead of on files: nothing is
            written, nothing has an end, and video packages need not be installed. Every worker keeps four batches of clips. Validation
            and test clips are simulated too. None reads `root`.
        cache: "memory" keeps decoded clips in every worker, a folder keeps them in files that all share, see `CachedSource`; None
            decodes the frames of a window every time.

    Attributes:
        world: the twin's simulator; None where there is none.
        folder: the root where none is given; None where one must be.

    Raises:
        SettingError: `tasks` draws more frames than `window`, no root, or a twin is asked of a class that has none.
    """

    world: ClassVar[str | None] = None
    folder: ClassVar[str | None] = None

    def __init__(
        self,
        root: str | None = None,
        window: int = 16,
        tasks: TaskSampler | None = None,
        holes: HoleGenerator | None = None,
        batch_size: int = 8,
        num_workers: int = 1,
        flip: bool = False,
        crop: int | None = None,
        seed: int = 0,
        predict_split: str = "test",
        frames: int | None = None,
        synthesize: int | None = None,
        variant: str | None = None,
        size: int = 64,
        clip_frames: int = 64,
        cache: str | None = None,
        stream: int | None = None,
    ) -> None:
        super().__init__()
        if (chosen := root or self.folder) is None:
            raise SettingError(f"{type(self).__name__} wants root, the folder of the clips")
        if synthesize and self.world is None:
            raise SettingError(
                f"{type(self).__name__} has no synthetic twin; leave synthesize out, or take one of"
                " BDDInpaintingDataModule, InpaintingCarsDataModule, TrafficScenesDataModule"
            )
        self.root = Path(chosen)
        self.window = window
        self.tasks = tasks or FDMTasks(window=window)
        if self.tasks.window is not None and self.tasks.window > window:
            raise SettingError(
                f"data.tasks draws up to {self.tasks.window} frames, but model.window is {window}; give the tasks a window of at"
                f" most {window}, or the model one of {self.tasks.window}"
            )
        self.holes = holes
        self.batch_size, self.num_workers = batch_size, num_workers
        self.flip, self.crop, self.seed = flip, crop, seed
        self.predict_split, self.frames = predict_split, frames
        self.synthesize, self.variant, self.size, self.clip_frames = synthesize, variant, size, clip_frames
        self.cache = cache
        if stream is not None and (self.world is None or stream < 1):
            raise SettingError(
                f"stream is {stream} for {type(self).__name__}; expected at least 1 window a clip, and a class that has a simulated twin"
            )
        self.stream = stream

    def prepare_data(self) -> None:
        """Write the synthetic twin if asked to and nothing is there."""
        if self.world and self.synthesize and self.stream is None and not (self.root / MANIFEST).exists():
            held_out = _held_out(self.synthesize)
            write_twin(
                self.world,
                self.root,
                {"train": self.synthesize, "val": held_out, "test": held_out},
                variant=self.variant,
                frames=self.clip_frames,
                size=self.size,
                seed=self.seed,
                progress=_tell(self.root),
            )

    def source(self, split: str) -> ClipSource:
        """The clips of a split."""
        if self.stream is not None and self.world is not None:
            count = CLIPS_A_SPLIT if split == "train" else _held_out(self.synthesize or 0)
            keep = kept_clips(self.batch_size) if split == "train" else count
            return SimulatedSource(self.world, split, count, keep, self.variant, self.clip_frames, self.size, self.seed)
        return FolderSource(self.root, split)

    def _windows(self, split: str, holes: HoleGenerator | None, flip: bool, reshuffle: bool) -> ResumableLoader:
        source = self.source(split)
        if self.cache is not None:
            source = CachedSource(source, self.cache)
        data = TaskClips(source, split, holes, flip, self.crop if reshuffle else None)
        batches = self._batches(data, reshuffle)
        return ResumableLoader(
            data,
            batch_sampler=batches,
            num_workers=self.num_workers,
            collate_fn=VideoClip.collate,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def _batches(self, data: TaskClips, reshuffle: bool) -> TaskBatches:
        """Which windows of these clips, in which order."""
        rank, ranks = self._rank()
        if self.stream is not None and reshuffle:
            return StreamBatches(
                self.clip_frames,
                self.tasks,
                self.batch_size,
                self.stream,
                lanes=max(1, self.num_workers),
                seed=self.seed,
                rank=rank,
                ranks=ranks,
            )
        batch_size = min(self.batch_size, len(data) // ranks)
        if batch_size < 1:
            raise DatasetError(f"{self.root} has {len(data)} clips in a split, expected one a device ({ranks})")
        return TaskBatches([e.frames for e in data.entries], self.tasks, batch_size, self.seed, rank, ranks, reshuffle)

    def train_dataloader(self) -> ResumableLoader:
        return self._windows("train", self.holes, self.flip, True)

    def val_dataloader(self) -> ResumableLoader:
        return self._windows("val", None, False, False)

    def test_dataloader(self) -> ResumableLoader:
        return self._windows("test", None, False, False)

    def predict_dataloader(self) -> DataLoader[int]:
        """Numbers of clips: what is painted are their files, whole, see `PredictionWriter`."""
        count = len(self.source(self.predict_split).entries)
        rank, ranks = self._rank()
        return DataLoader(range(count), collate_fn=itemgetter(0), sampler=range(rank, count, ranks))  # type: ignore[arg-type]

    def _rank(self) -> tuple[int, int]:
        """This process, and how many there are."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def whole_clips(self, split: str) -> WholeClips:
        """The clips of a split; nothing is read yet."""
        return WholeClips(self.source(split), split, self.frames)

    def clips(self, split: str, n: int | None = None) -> list[tuple[str, VideoClip]]:
        """The first n whole clips of a split, with their names."""
        data = self.whole_clips(split)
        return [(data.name(i), data[i]) for i in range(min(len(data), n or len(data)))]

    def val_clips(self, n: int) -> list[tuple[str, VideoClip]]:
        """The first n whole validation clips, with their names."""
        return self.clips("val", n)


def _held_out(clips: int) -> int:
    """Clips of the validation split, and of the test split, beside so many for training."""
    return max(4, clips // 16)


def _tell(root: Path) -> Callable[[int, int], None]:
    """Says now and then how many clips are written, and how long the rest will take."""
    begin = time.monotonic()

    def report(done: int, of: int) -> None:
        if done % max(1, of // 10) == 0:
            left = (time.monotonic() - begin) / done * (of - done)
            rank_zero_info(f"{root}: {done} of {of} clips are simulated, {left:.0f} s to go")

    return report


class TrafficScenesDataModule(ClipDataModule):
    """Traffic-Scenes: fixed cameras over junctions; a region is hidden for the whole clip and behaviour must be invented."""

    world = "traffic"
    folder = "data/traffic"


class BDDInpaintingDataModule(ClipDataModule):
    """BDD-Inpainting: first-person driving; grids, blobs and boxes are hidden and what is partly seen must be completed."""

    world = "dashcam"
    folder = "data/bdd"


class InpaintingCarsDataModule(ClipDataModule):
    """Inpainting-Cars: clips that follow one car, whose box is the hole: an appearance must be invented."""

    world = "cars"
    folder = "data/cars"


class VideoFolderDataModule(ClipDataModule):
    """Any folder of videos, without a manifest and without holes: both are made while it is read, see `VideoFolderSource`.

    `inpaintdiff data prepare folder` makes a data set of them, which is read many times faster; `ClipDataModule` takes that.
    """

    def source(self, split: str) -> ClipSource:
        """The clips of a split."""
        return VideoFolderSource(self.root, split, self.size, self.clip_frames, self.seed)

    def train_dataloader(self) -> ResumableLoader:
        return self._windows("train", self.holes or plain_holes(), self.flip, True)
