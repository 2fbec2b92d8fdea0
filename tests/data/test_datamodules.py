"""The doors to data: one constructor for all, twins on first use, and plain videos without a manifest."""

from pathlib import Path

import numpy as np
import pytest

from inpaintdiff.cli import main
from inpaintdiff.data.clip_sources import VideoFolderSource
from inpaintdiff.data.datamodules import (
    BDDInpaintingDataModule,
    ClipDataModule,
    InpaintingCarsDataModule,
    TrafficScenesDataModule,
    VideoFolderDataModule,
)
from inpaintdiff.data.format import read_manifest
from inpaintdiff.data.video import write_video
from inpaintdiff.errors import DatasetError, SettingError, VideoReadError
from inpaintdiff.schemes.tasks import FDMTasks, MixtureTasks, SchemeTasks

TWINS = {TrafficScenesDataModule: "traffic", BDDInpaintingDataModule: "dashcam", InpaintingCarsDataModule: "cars"}


# a drive's traffic runs for a while before its first frame is taken
@pytest.mark.parametrize(
    "door", [pytest.param(d, marks=[pytest.mark.slow] if d is BDDInpaintingDataModule else []) for d in TWINS]
)
def test_the_twin_is_written_on_first_use(door: type[ClipDataModule], tmp_path: Path) -> None:
    options = {"synthesize": 1, "size": 16, "clip_frames": 2, "window": 2, "num_workers": 0}
    data = door(str(tmp_path / "set"), **options)
    with pytest.raises(DatasetError, match=r"has no dataset\.json"):
        data.train_dataloader()
    # the seed of a twin is the module's; four clips each are held out
    data.prepare_data()
    manifest = read_manifest(tmp_path / "set")
    assert manifest.name == TWINS[door]
    assert {s: len(c) for s, c in manifest.splits.items()} == {"train": 1, "val": 4, "test": 4}
    before = (tmp_path / "set" / "dataset.json").read_bytes()
    data.prepare_data()
    assert (tmp_path / "set" / "dataset.json").read_bytes() == before
    (batch,) = list(data.train_dataloader())
    assert batch.frames.shape[-3:] == (3, 16, 16)
    assert len(data.val_clips(2)) == 2


def test_training_windows_are_cropped_and_those_of_validation_are_not(traffic: Path) -> None:
    data = ClipDataModule(str(traffic), window=4, crop=16, batch_size=2, num_workers=0)
    assert next(iter(data.train_dataloader())).frames.shape[-2:] == (16, 16)
    assert next(iter(data.val_dataloader())).frames.shape[-2:] == (32, 32)


def test_wrong_options_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="ClipDataModule wants root"):
        ClipDataModule()
    with pytest.raises(SettingError, match="VideoFolderDataModule has no synthetic twin"):
        VideoFolderDataModule(str(tmp_path), synthesize=3)
    assert TrafficScenesDataModule().root == Path("data/traffic")


def test_tasks_fit_the_models_window(traffic: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Smaller windows are meant, larger ones are refused; of a mixture the largest counts."""
    mixture = MixtureTasks([FDMTasks(4), SchemeTasks(("ar",), window=12)])
    assert mixture.window == 12
    assert ClipDataModule(str(traffic), window=12, tasks=mixture).window == 12
    with pytest.raises(
        SettingError, match=r"draws up to 12 frames, but model.window is 8; give the tasks a window of at most 8"
    ):
        ClipDataModule(str(traffic), window=8, tasks=mixture)
    config = str(Path(__file__).parents[2] / "conf" / "demo.yaml")
    assert main(["fit", "--config", config, f"--data.init_args.root={traffic}", "--model.window=4"]) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert "data.tasks draws up to 8 frames, but model.window is 4" in err[-1]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five videos of two sizes in two folders, each of one brightness that tells which it is."""
    root = tmp_path_factory.mktemp("videos")
    for k in range(5):
        size = (24, 40) if k % 2 else (40, 24)
        frames = np.full((13, *size, 3), 40 * k + 20, dtype=np.uint8)
        frames += np.arange(13, dtype=np.uint8)[:, None, None, None]
        path = root / ("more" if k > 2 else ".") / f"v{k}.mp4"
        write_video(path, frames, 25, crf=0)
    (root / "notes.txt").write_text("no video")
    return root


def test_plain_videos_are_split_cut_and_made_smaller(videos: Path) -> None:
    sources = {s: VideoFolderSource(videos, s, size=16, clip_frames=8) for s in ("train", "val", "test")}
    files = {s: {e.source for e in source.entries} for s, source in sources.items()}
    assert {s: len(f) for s, f in files.items()} == {"train": 3, "val": 1, "test": 1}
    assert len(set.union(*files.values())) == 5
    for source in sources.values():
        # 13 frames are a clip of 8 and one of 5, which is more than half of one
        assert [e.frames for e in source.entries] == [8, 5] * (len(source.entries) // 2)
        assert source.fps == 25
        for i in range(len(source.entries)):
            shade = 40 * int(Path(source.entries[i].source or "").stem[1]) + 20
            first = int(source.name(i).rpartition("-")[2])
            frames = source.frames(i, (0, 3))
            assert frames.shape == (2, 16, 16, 3)
            assert np.abs(frames.astype(int).mean(axis=(1, 2, 3)) - [shade + first, shade + first + 3]).max() < 2.5
    other = {s: {e.source for e in VideoFolderSource(videos, s, 16, 8, seed=4).entries} for s in files}
    assert other != files


def test_plain_videos_get_holes_of_their_own(videos: Path) -> None:
    source = VideoFolderSource(videos, "train", size=16, clip_frames=8)
    holes = [source.own_hole(i) for i in range(len(source.entries))]
    assert all(0 < h.mean() < 1 for h in holes)
    assert all(np.array_equal(source.own_hole(i), h) for i, h in enumerate(holes))
    assert not np.array_equal(holes[0], holes[2])


def test_plain_videos_train(videos: Path) -> None:
    data = VideoFolderDataModule(str(videos), size=16, clip_frames=8, window=4, batch_size=2, num_workers=0)
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        batch = next(iter(loader))
        assert batch.frames.shape[2:] == (3, 16, 16)
        assert batch.hole.any()
    ((name, clip),) = data.val_clips(1)
    assert name.startswith("val/v")
    assert clip.frames.shape == (8, 3, 16, 16)
    assert list(data.predict_dataloader()) == [0, 1]


def test_videos_that_do_not_do_are_refused_by_name(videos: Path, tmp_path: Path) -> None:
    def load(root: Path, size: int = 16) -> None:
        for split in ("train", "val", "test"):
            VideoFolderSource(root, split, size, 8)

    with pytest.raises(DatasetError, match=r"v\d.mp4 does not fit: its middle is 24 x 24 pixels"):
        load(videos, 32)
    for path in videos.rglob("*.mp4"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "v3.mp4").write_bytes(b"no video at all")
    with pytest.raises(VideoReadError, match=r"v3\.mp4"):
        load(tmp_path)
    for k in (1, 2, 3):
        (tmp_path / f"v{k}.mp4").unlink()
    with pytest.raises(DatasetError, match="has 2 videos; expected at least 3"):
        load(tmp_path)
    with pytest.raises(SettingError, match="size is 4"):
        load(videos, 4)
