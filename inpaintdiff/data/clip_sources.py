"""Where clips come from: a data set folder with a manifest, or plain videos as somebody has them."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, UInt8

from inpaintdiff.data.format import SPLITS, ClipEntry, read_manifest
from inpaintdiff.data.hole_generators import BlobHole, BoxHole, BrushHole, GridHole, HoleGenerator, HoleMixture
from inpaintdiff.data.holes import read_hole
from inpaintdiff.data.prepare.frames import Crop, centre_crop, shrunk
from inpaintdiff.data.prepare.sources import Source, find_sources
from inpaintdiff.data.video import probe_video, read_frames
from inpaintdiff.errors import DatasetError, SettingError

_HELD_OUT = 0.1  # share of plain videos that go to val, and to test; at least one each


class ClipSource(ABC):
    """The clips of one split.

    Attributes:
        root: folder.
        height, width: of every clip, pixels.
        fps: frames a second.
        entries: what is known of each clip.
        shares: probabilities of labels that nothing seen tells of, see `Manifest`.
    """

    root: Path
    height: int
    width: int
    fps: float
    entries: Sequence[ClipEntry]
    shares: Mapping[str, Mapping[str, float]] = MappingProxyType({})

    def name(self, i: int) -> str:
        """A name for tables and files: the video's path within the folder, without suffix."""
        return str(Path(self.entries[i].video).with_suffix(""))

    @abstractmethod
    def own_hole(self, i: int) -> Bool[np.ndarray, "t h w"]:
        """The hole that belongs to a clip; all False where there is none."""

    @abstractmethod
    def frames(self, i: int, ixs: tuple[int, ...]) -> UInt8[np.ndarray, "t h w 3"]:
        """Frames `ixs` of a clip."""


class FolderSource(ClipSource):
    """A split of a data set folder, see `data/format.py`.

    Args:
        root: folder that holds dataset.json.
        split: train, val or test.

    Raises:
        DatasetError: no data set, or no clips in this split.
    """

    def __init__(self, root: Path | str, split: str) -> None:
        self.root = Path(root)
        manifest = read_manifest(self.root)
        self.height, self.width, self.fps = manifest.height, manifest.width, manifest.fps
        self.entries, self.shares = tuple(manifest.splits.get(split, ())), manifest.shares
        if not self.entries:
            filled = sorted(name for name, clips in manifest.splits.items() if clips)
            raise DatasetError(f"{self.root} has no clips in split {split!r}; it has {filled}")

    def own_hole(self, i: int) -> Bool[np.ndarray, "t h w"]:
        entry = self.entries[i]
        if entry.hole is None:
            return np.zeros((entry.frames, self.height, self.width), dtype=bool)
        return read_hole(self.root / entry.hole, entry.frames, self.height, self.width, allow_large=True)

    def frames(self, i: int, ixs: tuple[int, ...]) -> UInt8[np.ndarray, "t h w 3"]:
        return read_frames(self.root / self.entries[i].video, ixs)


class VideoFolderSource(ClipSource):
    """A split of a folder of plain videos: cut into clips and made smaller while they are read; nothing is written.

    Which split a video is in depends on the hash of seed and name. Every clip has a hole of its own, drawn from its name.

    Args:
        root: folder of videos, searched to any depth; at least 3.
        split: train, val or test.
        size: height and width of clips, pixels: the middle of the picture, made smaller without aliasing.
        clip_frames: length of clips; what is left at a video's end is a clip of its own from half of it on.
        seed: of splits and holes.

    Raises:
        DatasetError: no folder, fewer than 3 videos, or one that is too small.
        VideoReadError: one that cannot be read.
    """

    def __init__(self, root: Path | str, split: str, size: int, clip_frames: int, seed: int = 0) -> None:
        if size < 16 or clip_frames < 1:
            raise SettingError(f"size is {size} and clip_frames {clip_frames}; expected at least 16 pixels and 1 frame")
        self.root = Path(root)
        self.height = self.width = size
        self.seed = seed
        chosen = _split(find_sources([self.root], False), seed, self.root)[split]
        entries: list[ClipEntry] = []
        self._places: list[tuple[Path, Crop, int]] = []
        rates = []
        for source in chosen:
            info = probe_video(source.path)
            try:
                crop = centre_crop(info, size, size)
            except SettingError as e:
                raise DatasetError(f"{source.path} does not fit: {e}") from e
            rates.append(info.fps)
            for first in range(0, info.frames, clip_frames):
                frames = min(clip_frames, info.frames - first)
                if first == 0 or 2 * frames >= clip_frames:
                    entries.append(ClipEntry(f"{split}/{source.name}-{first:06d}", frames, source=source.label))
                    self._places.append((source.path, crop, first))
        self.entries = tuple(entries)
        self.fps = float(sorted(rates)[len(rates) // 2] if rates else Fraction(25))

    def name(self, i: int) -> str:
        return self.entries[i].video

    def own_hole(self, i: int) -> Bool[np.ndarray, "t h w"]:
        entry = self.entries[i]
        number = hashlib.sha256(f"{self.seed}/{entry.video}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(number[:8], "big"))
        return plain_holes().draw(rng, np.zeros((entry.frames, self.height, self.width), dtype=bool))

    def frames(self, i: int, ixs: tuple[int, ...]) -> UInt8[np.ndarray, "t h w 3"]:
        path, crop, first = self._places[i]
        return np.stack([shrunk(f, crop, self.height, self.width) for f in read_frames(path, [first + k for k in ixs])])


def plain_holes() -> HoleGenerator:
    """Holes for videos that have none."""
    return HoleMixture([BoxHole(), BlobHole(), GridHole(), BrushHole()])


def _split(sources: list[Source], seed: int, root: Path) -> dict[str, list[Source]]:
    if len(sources) < len(SPLITS):
        raise DatasetError(
            f"{root} has {len(sources)} videos; expected at least {len(SPLITS)}, one a split"
            " (inpaintdiff data prepare folder cuts long ones)"
        )
    order = sorted(sources, key=lambda s: hashlib.sha256(f"{seed}/{s.label}".encode()).hexdigest())
    n = max(1, round(_HELD_OUT * len(order)))
    parts = {"test": order[:n], "val": order[n : 2 * n], "train": order[2 * n :]}
    return {split: sorted(chosen, key=lambda s: s.label) for split, chosen in parts.items()}
