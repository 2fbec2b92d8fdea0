"""Datasets over a folder of `data/format.py`. For training, only the frames that the drawn stage needs are decoded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from torch.utils.data import Dataset

from inpaintdiff.data.format import ClipEntry, read_manifest
from inpaintdiff.data.hole_generators import DataSetHole, HoleGenerator
from inpaintdiff.data.holes import read_hole
from inpaintdiff.data.video import read_frames, to_unit
from inpaintdiff.errors import DatasetError, SettingError
from inpaintdiff.schemes.stage import Stage
from inpaintdiff.types import VideoClip


class _Folder:
    """The clips of one split, and how to read their parts."""

    def __init__(self, root: Path | str, split: str) -> None:
        self.root = Path(root)
        manifest = read_manifest(self.root)
        self.height, self.width = manifest.height, manifest.width
        self.entries: tuple[ClipEntry, ...] = tuple(manifest.splits.get(split, ()))
        if not self.entries:
            filled = sorted(name for name, clips in manifest.splits.items() if clips)
            raise DatasetError(f"{self.root} has no clips in split {split!r}; it has {filled}")

    def __len__(self) -> int:
        return len(self.entries)

    def name(self, i: int) -> str:
        """A name for tables: the video's path within the data set, without suffix."""
        return str(Path(self.entries[i].video).with_suffix(""))

    def own_hole(self, i: int) -> Bool[np.ndarray, "t h w"]:
        """The hole file beside the clip; all False where there is none."""
        entry = self.entries[i]
        if entry.hole is None:
            return np.zeros((entry.frames, self.height, self.width), dtype=bool)
        return read_hole(self.root / entry.hole, entry.frames, self.height, self.width, allow_large=True)

    def frames(self, i: int, ixs: tuple[int, ...]) -> torch.Tensor:
        """Frames `ixs` of clip i, float32 [t c h w] in [-1, 1]."""
        return to_unit(read_frames(self.root / self.entries[i].video, ixs))


class WholeClips(_Folder, Dataset[VideoClip]):
    """Whole clips with the hole that the data set fixes: for validation, test and prediction.

    Args:
        root: folder that holds dataset.json.
        split: "val" or "test" (or "train").
        frames: the first so many frames of each clip; all by default.
    """

    def __init__(self, root: Path | str, split: str, frames: int | None = None) -> None:
        super().__init__(root, split)
        self.limit = frames

    def __getitem__(self, i: int) -> VideoClip:
        n = min(self.entries[i].frames, self.limit or self.entries[i].frames)
        hole = torch.from_numpy(self.own_hole(i)[:n]).unsqueeze(1)
        return VideoClip(self.frames(i, tuple(range(n))), hole, torch.arange(n))


@dataclass(frozen=True)
class TaskRequest:
    """Which clip, which stage, and the seed of everything random about this window."""

    clip: int
    stage: Stage
    seed: int


class TaskClips(_Folder, Dataset[VideoClip]):
    """Windows for training: the frames of a stage, with holes on its latent and look-ahead frames only.

    Observed frames are given whole: at sampling time they never had a hole or are already painted.

    Args:
        root: folder that holds dataset.json.
        split: usually "train".
        holes: how holes are drawn; the data set's own by default.
        flip: mirror a window left to right half of the time.
        crop: train on squares of so many pixels, placed at random around the hole, instead of whole pictures.

    Raises:
        SettingError: `crop` is larger than the pictures.
    """

    def __init__(
        self,
        root: Path | str,
        split: str = "train",
        holes: HoleGenerator | None = None,
        flip: bool = False,
        crop: int | None = None,
    ) -> None:
        super().__init__(root, split)
        if crop is not None and not 0 < crop <= min(self.height, self.width):
            raise SettingError(f"crop is {crop}, but the clips of {self.root} are {self.width} x {self.height} pixels")
        self.holes = holes or DataSetHole()
        self.flip, self.crop = flip, crop

    def __getitem__(self, request: TaskRequest) -> VideoClip:
        rng = np.random.default_rng(request.seed)
        ixs = request.stage.frames
        hole = torch.from_numpy(self.holes.draw(rng, self.own_hole(request.clip))[list(ixs)]).unsqueeze(1)
        observed = torch.tensor([i in set(request.stage.observed) for i in ixs])
        unknown = hole & ~observed.view(-1, 1, 1, 1)
        pixels = self.frames(request.clip, ixs)
        if self.flip and rng.random() < 0.5:
            pixels, unknown = pixels.flip(-1), unknown.flip(-1)
        if self.crop is not None:
            at = crop_around(unknown.any(dim=0)[0].numpy(), self.crop, rng)
            pixels, unknown = pixels[:, :, *at].contiguous(), unknown[:, :, *at].contiguous()
        return VideoClip(pixels, unknown, torch.tensor(ixs))


def crop_around(hole: Bool[np.ndarray, "h w"], size: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """A square of `size` pixels drawn among those that hold the whole hole, or as much of it as fits.

    Returns:
        Rows and columns.
    """

    def along(marked: Bool[np.ndarray, " n"]) -> slice:
        ends = np.flatnonzero(marked)
        first, last = (int(ends[0]), int(ends[-1]) + 1) if len(ends) else (0, 0)
        # where the hole is larger, the square lies within it
        low, high = sorted((last - size, first))
        start = int(rng.integers(max(0, low), min(len(marked) - size, max(0, high)) + 1))
        return slice(start, start + size)

    return along(np.asarray(hole.any(axis=1))), along(np.asarray(hole.any(axis=0)))
