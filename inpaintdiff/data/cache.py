"""Decoded clips kept for the next epoch: in memory, or in files that all workers map into theirs."""

import secrets
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from inpaintdiff.data.clip_sources import ClipSource
from inpaintdiff.errors import SettingError

MEMORY = "memory"


class CachedSource(ClipSource):
    """A source of clips of which each is decoded once.

    A clip takes 3 x frames x height x width bytes: 0.8 MB for 64 frames of 64 x 64. In memory every worker holds its own; files are
    written once and shared, also by later runs.

    Args:
        source: where clips come from.
        cache: "memory", or a folder for files, which are called by the digests of the videos.

    Raises:
        SettingError: files are asked for, but the source has no digests to call them by.
    """

    def __init__(self, source: ClipSource, cache: str) -> None:
        self.source = source
        self.root, self.height, self.width = source.root, source.height, source.width
        self.fps, self.entries, self.shares = source.fps, source.entries, source.shares
        self.folder = None if cache == MEMORY else Path(cache)
        self._clips: dict[int, UInt8[np.ndarray, "t h w 3"]] = {}
        # eight pixels a byte: a hole is as large as a clip's 24th part
        self._holes: dict[int, UInt8[np.ndarray, " n"]] = {}
        if self.folder is not None and any(e.video not in e.sha256 for e in self.entries):
            raise SettingError(
                f"cache {cache!r} is a folder, but {self.root} has no dataset.json with digests to call its files by; give"
                f" {MEMORY!r}, or make a data set with: inpaintdiff data prepare folder"
            )

    def name(self, i: int) -> str:
        return self.source.name(i)

    def own_hole(self, i: int) -> Bool[np.ndarray, "t h w"]:
        shape = self.entries[i].frames, self.height, self.width
        if i not in self._holes:
            self._holes[i] = np.packbits(self.source.own_hole(i))
        return np.unpackbits(self._holes[i], count=int(np.prod(shape))).view(bool).reshape(shape)

    def frames(self, i: int, ixs: tuple[int, ...]) -> UInt8[np.ndarray, "t h w 3"]:
        if i not in self._clips:
            self._clips[i] = self._whole(i) if self.folder is None else self._mapped(i, self.folder)
        return np.ascontiguousarray(self._clips[i][list(ixs)])

    def _whole(self, i: int) -> UInt8[np.ndarray, "t h w 3"]:
        return self.source.frames(i, tuple(range(self.entries[i].frames)))

    def _mapped(self, i: int, folder: Path) -> UInt8[np.ndarray, "t h w 3"]:
        entry = self.entries[i]
        path = folder / f"{entry.sha256[entry.video]}.npy"
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f".{path.name}.{secrets.token_hex(4)}.part"
            try:
                with part.open("wb") as file:
                    np.save(file, self._whole(i))
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        return np.load(path, mmap_mode="r", allow_pickle=False)
