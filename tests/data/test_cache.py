"""Cached clips are the clips; each is decoded once."""

from pathlib import Path

import numpy as np
import pytest

from inpaintdiff.data.cache import CachedSource
from inpaintdiff.data.clip_sources import FolderSource, VideoFolderSource
from inpaintdiff.data.datamodules import ClipDataModule
from inpaintdiff.data.video import write_video
from inpaintdiff.errors import SettingError
from inpaintdiff.schemes.tasks import FDMTasks


class Counted(FolderSource):
    """Counts what is decoded."""

    decoded = 0

    def frames(self, i: int, ixs: tuple[int, ...]) -> np.ndarray:
        self.decoded += len(ixs)
        return super().frames(i, ixs)


@pytest.mark.parametrize("kind", ["memory", "files"])
def test_the_same_frames_and_holes_decoded_once(traffic: Path, tmp_path: Path, kind: str) -> None:
    source = Counted(traffic, "train")
    cached = CachedSource(source, "memory" if kind == "memory" else str(tmp_path / "cache"))
    for ixs in ((3, 1, 7), (0,), tuple(range(12))):
        assert np.array_equal(cached.frames(1, ixs), FolderSource(traffic, "train").frames(1, ixs))
    assert source.decoded == 12
    assert np.array_equal(cached.own_hole(1), source.own_hole(1))
    assert np.array_equal(cached.own_hole(1), source.own_hole(1)), "from memory"
    assert (cached.name(1), cached.fps) == (source.name(1), source.fps)


def test_files_are_shared_and_called_by_content(traffic: Path, tmp_path: Path) -> None:
    first = CachedSource(Counted(traffic, "train"), str(tmp_path))
    first.frames(0, (0,))
    entry = first.entries[0]
    assert [p.name for p in tmp_path.iterdir()] == [f"{entry.sha256[entry.video]}.npy"]
    again = Counted(traffic, "train")
    CachedSource(again, str(tmp_path)).frames(0, (5,))
    assert again.decoded == 0


def test_what_is_given_out_may_be_written_to(traffic: Path, tmp_path: Path) -> None:
    cached = CachedSource(FolderSource(traffic, "train"), str(tmp_path))
    cached.frames(0, (0, 1))[:] = 0
    assert cached.frames(0, (0, 1)).any()


def test_files_want_digests(tmp_path: Path) -> None:
    for name in "abc":
        write_video(tmp_path / f"{name}.mp4", np.full((4, 32, 32, 3), 90, np.uint8), 10)
    plain = VideoFolderSource(tmp_path, "train", 16, 4)
    assert CachedSource(plain, "memory").frames(0, (0,)).shape == (1, 16, 16, 3)
    with pytest.raises(SettingError, match=r"no dataset\.json with digests"):
        CachedSource(plain, str(tmp_path / "cache"))


def test_windows_are_the_same_with_and_without(traffic: Path) -> None:
    def windows(cache: str | None) -> list[np.ndarray]:
        data = ClipDataModule(str(traffic), window=4, tasks=FDMTasks(4), batch_size=2, num_workers=0, cache=cache)
        return [batch.frames.numpy() for batch in data.train_dataloader()]

    for a, b in zip(windows(None), windows("memory"), strict=True):
        assert np.array_equal(a, b)
