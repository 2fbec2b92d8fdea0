"""What goes wrong with files is said in one sentence; pictures are videos too; uint8 and [-1, 1] convert without loss."""

import logging
import re
from pathlib import Path

import av
import barcode
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp
from PIL import Image

from inpaintdiff.data.video import open_video, probe_video, read_frames, to_uint8, to_unit, write_video
from inpaintdiff.errors import InpaintDiffError, VideoReadError, VideoWriteError


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An mp4 of 60 frames whose index comes first, as files for the web have it."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (60, 32, 48, 3), dtype=np.uint8)
    return write_video(tmp_path_factory.mktemp("clip") / "a.mp4", noise, 25, gop=10).read_bytes()


def test_all_256_values_survive_both_ways() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    unit = to_unit(values)
    assert unit.shape == (1, 3, 16, 16)
    assert unit.dtype == torch.float32
    assert (unit.min(), unit.max()) == (-1, 1)
    assert np.array_equal(to_uint8(unit), values)


@given(hnp.arrays(np.uint8, (2, 3, 4, 3)))
def test_conversion_keeps_every_pixel_in_its_place(frames: np.ndarray) -> None:
    unit = to_unit(frames)
    assert np.array_equal(to_uint8(unit), frames)
    assert torch.equal(unit[1, 2, 0], torch.from_numpy(frames[1, 0, :, 2]).float() / 127.5 - 1)


def test_conversion_rounds_and_clips_and_leaves_its_input_alone() -> None:
    x = torch.tensor([-3.0, -1.0, 0.0, 0.002, 0.99999, 7.0]).reshape(1, 1, 1, 6).expand(1, 3, 1, 6).clone()
    before = x.clone()
    assert to_uint8(x)[0, 0, :, 0].tolist() == [0, 0, 128, 128, 255, 255]
    assert torch.equal(x, before)
    frames = np.zeros((1, 1, 1, 3), np.uint8)
    to_unit(frames)
    assert not frames.any()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(VideoReadError, match=r"none\.mp4 cannot be read: No such file or directory\.$"):
        open_video(tmp_path / "none.mp4")


@pytest.mark.parametrize("name", ["a\0b.mp4", "x" * 5000])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(VideoReadError, match="cannot be read"):
        probe_video(name)


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoReadError, match=r"empty\.mp4 is empty \(0 bytes\)"):
        open_video(tmp_path / "empty.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.gif", "a"])
def test_random_bytes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(np.random.default_rng(0).bytes(4000))
    with pytest.raises(VideoReadError, match="cannot be read as a video"):
        open_video(tmp_path / name)


def test_folder_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(VideoReadError, match="is a folder without pictures"):
        open_video(tmp_path)


def test_sound_only(tmp_path: Path) -> None:
    path = barcode.add_sound(tmp_path / "sound.m4a", seconds=0.2)
    with pytest.raises(VideoReadError, match="holds no video that can be decoded, only audio"):
        open_video(path)


def test_a_stream_without_frames(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "nothing.mkv"), "w") as out:
        out.add_stream("libx264", rate=25).width = 64
        out.start_encoding()
    with pytest.raises(VideoReadError):
        open_video(tmp_path / "nothing.mkv")


@pytest.mark.parametrize("share", [0.1, 0.35, 0.5, 0.8])
def test_cut_off_file(tmp_path: Path, clip: bytes, share: float) -> None:
    (tmp_path / "cut.mp4").write_bytes(clip[: int(len(clip) * share)])
    with pytest.raises(VideoReadError, match=r"is cut off|cannot be read"):
        open_video(tmp_path / "cut.mp4")


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bits_end_in_a_sentence_or_in_frames(tmp_path: Path, clip: bytes, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(clip)
    for at in rng.integers(len(data), size=2 + 3 * seed):
        data[at] ^= 1 << int(rng.integers(8))
    (tmp_path / "flipped.mp4").write_bytes(data)
    try:
        video = open_video(tmp_path / "flipped.mp4")
        assert video.read([len(video) - 1]).shape[1:] == (video.info.height, video.info.width, 3)
        assert sum(1 for _ in video.iter()) == len(video)
    except InpaintDiffError as e:
        assert re.fullmatch(r"[^\n]+\.", str(e)), str(e)  # noqa: PT017 - either outcome is right


def test_a_changed_file_is_looked_at_again(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", barcode.frames(5), 25)
    assert len(open_video(path)) == 5
    write_video(path, barcode.frames(9), 25, overwrite=True)
    assert len(open_video(path)) == 9


def test_more_bits_are_announced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = barcode.encode(tmp_path / "ten.mp4", "libx264", n=2, pixels="yuv420p10le")
    with caplog.at_level(logging.INFO, "inpaintdiff"):
        open_video(path)
    assert "has 10 bits a value; they are read as 8" in caplog.text


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_folder_of_pictures_in_natural_order(tmp_path: Path, suffix: str) -> None:
    frames = barcode.frames(12)
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"frame{i}.{suffix}", quality=95)
    (tmp_path / ".hidden.png").write_bytes(b"not a picture")
    (tmp_path / "notes.txt").write_text("left out")
    video = open_video(tmp_path)
    assert (len(video), video.info.reader, video.info.height, video.info.width) == (12, "images", 48, 64)
    assert [barcode.number(f) for f in video.iter()] == list(range(12))
    assert [barcode.number(f) for f in video.read([11, 2, 2])] == [11, 2, 2]
    if suffix == "png":
        assert np.array_equal(video.read(range(12)), frames)


def test_pictures_of_two_sizes(tmp_path: Path) -> None:
    for i, size in enumerate([(48, 64), (48, 62)]):
        Image.fromarray(np.zeros((*size, 3), np.uint8)).save(tmp_path / f"{i}.png")
    with pytest.raises(VideoReadError, match=r"1\.png is 62 x 48, the first picture of its folder is 64 x 48"):
        read_frames(tmp_path, [0, 1])


def test_a_broken_picture(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"\x89PNG no more")
    with pytest.raises(VideoReadError, match=r"0\.png cannot be read as a picture"):
        open_video(tmp_path)


def test_no_frames_asked_for(tmp_path: Path) -> None:
    assert read_frames(write_video(tmp_path / "a.mp4", barcode.frames(2), 25), []).shape == (0, 48, 64, 3)


def test_an_output_below_a_file_is_refused_before_a_frame_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    frames = iter([np.zeros((16, 16, 3), np.uint8)])
    for below in ("a.mp4", "new/a.mp4"):
        with pytest.raises(VideoWriteError, match=r"file is a file, not a folder; give another output\.$"):
            write_video(tmp_path / "file" / below, frames, 25)
    assert len(list(frames)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
