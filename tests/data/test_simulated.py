"""Clips that are simulated when they are asked for are those that `data synthesize` writes, and no more of them are kept than said."""

from pathlib import Path

import numpy as np
import pytest
import torch

from inpaintdiff.data import simulated
from inpaintdiff.data.clip_sources import FolderSource
from inpaintdiff.data.datamodules import TrafficScenesDataModule, VideoFolderDataModule
from inpaintdiff.data.simulated import SimulatedSource
from inpaintdiff.data.synthetic.write import synthesize
from inpaintdiff.errors import SettingError
from inpaintdiff.schemes.tasks import FDMTasks


@pytest.mark.parametrize("split", ["train", "test"])
def test_it_is_the_written_data_set_before_the_codec(tmp_path: Path, split: str) -> None:
    synthesize("traffic", tmp_path / "d", {"train": 2, "test": 2}, frames=5, size=64, seed=3, workers=0)
    written, live = FolderSource(tmp_path / "d", split), SimulatedSource("traffic", split, 2, 2, None, 5, 64, 3)
    for i in range(2):
        frames = live.frames(i, (0, 3, 4)).astype(float)
        assert np.abs(written.frames(i, (0, 3, 4)) - frames).mean() < 6  # h264's loss; another clip is at 30 and more
        np.testing.assert_array_equal(written.own_hole(i), live.own_hole(i))
    other = live.frames(0, (0,)).astype(float) - live.frames(1, (0,))
    assert np.abs(other).mean() > 12


def test_it_keeps_the_clips_used_last(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    source = SimulatedSource("balls", "train", 100, 2, None, 3, 16)
    simulate = source._simulate
    monkeypatch.setattr(source, "_simulate", lambda seed, *a: (made.append(seed), simulate(seed, *a))[1])
    for i in (5, 6, 5, 7, 5, 6):
        source.frames(i, (0,))
    assert made == [5, 6, 7, 6]


def test_splits_are_as_long_as_said_and_know_it() -> None:
    entries = SimulatedSource("balls", "train", 10_000_000, 1, None, 9, 16).entries
    assert len(entries) == 10_000_000
    assert entries[9_999_999].frames == 9
    assert [e.video for e in entries[2:4]] == ["train/000002", "train/000003"]
    with pytest.raises(IndexError):
        entries[10_000_000]


def test_what_cannot_be_simulated_is_refused() -> None:
    with pytest.raises(SettingError, match="expected at least 1 clip"):
        SimulatedSource("balls", "train", 0, 1)
    with pytest.raises(SettingError, match="no world"):
        SimulatedSource("moon", "train", 1, 1)
    with pytest.raises(SettingError, match="simulated twin"):
        VideoFolderDataModule(root="x", stream=4)
    with pytest.raises(SettingError, match="at least 1 window"):
        TrafficScenesDataModule(stream=0)


def test_a_data_module_streams_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = TrafficScenesDataModule(
        stream=2, batch_size=2, num_workers=0, window=4, tasks=FDMTasks(4), size=32, clip_frames=6, synthesize=64
    )
    data.prepare_data()
    batches = iter(data.train_dataloader())
    first, second = next(batches), next(batches)
    assert first.frames.shape[0] == 2
    assert first.frames.shape[2:] == (3, 32, 32)
    assert first.hole.any()
    assert not torch.equal(first.frames[:, :1], second.frames[:, :1])
    assert len(data.val_clips(10)) == 4
    assert not list(tmp_path.iterdir()), "nothing is written"
    assert data.source("val").fps == simulated.FPS
