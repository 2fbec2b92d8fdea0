"""Datasets over a source of clips. For training, only the frames that the drawn stage needs are decoded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from torch.utils.data import Dataset

from inpaintdiff.data.clip_sources import ClipSource, FolderSource
from inpaintdiff.data.hole_generators import DataSetHole, HoleGenerator
from inpaintdiff.data.video import to_unit
from inpaintdiff.errors import SettingError
from inpaintdiff.schemes.stage import Stage
from inpaintdiff.types import VideoClip


class _Clips(Dataset[VideoClip]):
    """The clips of one split, and how to read their parts."""

    def __init__(self, source: Path | str | ClipSource, split: str) -> None:
        self.source = source if isinstance(source, ClipSource) else FolderSource(source, split)
        self.root, self.fps = self.source.root, self.source.fps
        self.height, self.width = self.source.height, self.source.width
        self.entries = self.source.entries

    def __len__(self) -> int:
        return len(self.entries)

    def name(self, i: int) -> str:
        """A name for tables."""
        return self.source.name(i)

    def own_hole(self, i: int) -> Bool[np.ndarray, "t h w"]:
        """The hole that belongs to the clip; all False where there is none."""
        return self.source.own_hole(i)

    def frames(self, i: int, ixs: tuple[int, ...]) -> torch.Tensor:
        """Frames `ixs` of clip i, float32 [t c h w] in [-1, 1]."""
        return to_unit(self.source.frames(i, ixs))


class WholeClips(_Clips):
    """Whole clips with the hole that the data set fixes: for validation, test and prediction.

    Args:
        root: folder that holds dataset.json, or a source of clips.
        split: "val" or "test" (or "train").
        frames: the first so many frames of each clip; all by default.
    """

    def __init__(self, root: Path | str | ClipSource, split: str, frames: int | None = None) -> None:
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


class TaskClips(_Clips):
    """Windows for training: the frames of a stage, with holes on its latent and look-ahead frames only.

    Observed frames are given whole: at sampling time they never had a hole or are already painted.

    Args:
        root: folder that holds dataset.json, or a source of clips.
        split: usually "train".
        holes: how holes are drawn; the data set's own by default.
        flip: mirror a window left to right half of the time.
        crop: train on squares of so many pixels, placed at random around the hole, instead of whole pictures.

    Raises:
        SettingError: `crop` is larger than the pictures.
    """

    def __init__(
        self,
        root: Path | str | ClipSource,
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
