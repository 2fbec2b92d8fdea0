"""LightningDataModules: thin doors to the one folder format and the one training data set."""

from pathlib import Path

import lightning.pytorch as pl
from torch.utils.data import DataLoader

from inpaintdiff.data.clips import TaskClips, WholeClips
from inpaintdiff.data.hole_generators import HoleGenerator
from inpaintdiff.data.sampling import ResumableLoader, TaskBatches
from inpaintdiff.data.synthetic.write import synthesize_traffic
from inpaintdiff.errors import DatasetError
from inpaintdiff.schemes.tasks import FDMTasks, TaskSampler
from inpaintdiff.types import VideoClip


class ClipDataModule(pl.LightningDataModule):
    """Windows for training and validation loss, whole clips for painting, from a folder of `data/format.py`.

    Args:
        root: folder that holds dataset.json.
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
    """

    def __init__(
        self,
        root: str,
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
    ) -> None:
        super().__init__()
        self.root = Path(root)
        self.window = window
        self.tasks = tasks or FDMTasks(window=window)
        self.holes = holes
        self.batch_size, self.num_workers = batch_size, num_workers
        self.flip, self.crop, self.seed = flip, crop, seed
        self.predict_split, self.frames = predict_split, frames

    def _windows(self, split: str, holes: HoleGenerator | None, flip: bool, reshuffle: bool) -> ResumableLoader:
        data = TaskClips(self.root, split, holes, flip)
        rank, ranks = self._rank()
        batch_size = min(self.batch_size, len(data) // ranks)
        if batch_size < 1:
            raise DatasetError(f"{self.root} has {len(data)} clips in a split, expected one a device ({ranks})")
        batches = TaskBatches(
            [e.frames for e in data.entries], self.tasks, batch_size, self.seed, rank, ranks, reshuffle
        )
        return ResumableLoader(
            data,
            batch_sampler=batches,
            num_workers=self.num_workers,
            collate_fn=VideoClip.collate,
            persistent_workers=self.num_workers > 0,
        )

    def train_dataloader(self) -> ResumableLoader:
        return self._windows("train", self.holes, self.flip, True)

    def val_dataloader(self) -> ResumableLoader:
        return self._windows("val", None, False, False)

    def test_dataloader(self) -> ResumableLoader:
        return self._windows("test", None, False, False)

    def predict_dataloader(self) -> DataLoader[VideoClip]:
        clips = WholeClips(self.root, self.predict_split, self.frames)
        rank, ranks = self._rank()
        return DataLoader(clips, batch_size=1, collate_fn=VideoClip.collate, sampler=range(rank, len(clips), ranks))

    def _rank(self) -> tuple[int, int]:
        """This process, and how many there are."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def clips(self, split: str, n: int | None = None) -> list[tuple[str, VideoClip]]:
        """The first n whole clips of a split, with their names."""
        data = WholeClips(self.root, split, self.frames)
        return [(data.name(i), data[i]) for i in range(min(len(data), n or len(data)))]

    def val_clips(self, n: int) -> list[tuple[str, VideoClip]]:
        """The first n whole validation clips, with their names."""
        return self.clips("val", n)


class TrafficScenesDataModule(ClipDataModule):
    """Traffic-Scenes: fixed cameras over junctions; a region is hidden for the whole clip and behaviour must be invented.

    Reads a folder of `data/format.py`. Where the folder does not exist and `synthesize` is given, the synthetic twin is written
    there first.

    Args:
        root: folder that holds dataset.json.
        synthesize: number of training clips of the synthetic twin to write when `root` does not exist; a sixteenth of it,
            at least 4, for validation and as many for test.
        size: height and width of synthesised clips, pixels.
        clip_frames: length of synthesised clips.
        others: see `ClipDataModule`.
    """

    def __init__(
        self,
        root: str = "data/traffic",
        synthesize: int | None = None,
        size: int = 64,
        clip_frames: int = 64,
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
    ) -> None:
        super().__init__(root, window, tasks, holes, batch_size, num_workers, flip, crop, seed, predict_split, frames)
        self.synthesize, self.size, self.clip_frames = synthesize, size, clip_frames

    def prepare_data(self) -> None:
        """Write the synthetic twin if asked to and nothing is there."""
        if self.synthesize and not (self.root / "dataset.json").exists():
            held_out = max(4, self.synthesize // 16)
            clips = {"train": self.synthesize, "val": held_out, "test": held_out}
            synthesize_traffic(self.root, clips, frames=self.clip_frames, size=self.size, seed=self.seed)
