"""Hole files: what is written is read back by everybody, and equal holes are equal bytes on every machine."""

import hashlib
import io
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from inpaintdiff.data.hole_bytes import deflate, npz_bytes, png_bytes
from inpaintdiff.data.hole_files import read_levels, write_hole
from inpaintdiff.data.holes import read_hole
from inpaintdiff.data.video import probe_video
from inpaintdiff.errors import VideoWriteError

RUNS = st.lists(st.tuples(st.integers(0, 255), st.one_of(st.integers(1, 12), st.integers(250, 800))), min_size=1)
PICTURES = hnp.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))
HOLES = hnp.arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 12)))


@given(RUNS)
def test_zlib_unpacks_what_was_packed(runs: list[tuple[int, int]]) -> None:
    data = np.repeat(np.array([b for b, _ in runs], dtype=np.uint8), [n for _, n in runs])
    assert zlib.decompress(deflate(data), -zlib.MAX_WBITS) == data.tobytes()


def test_every_length_of_a_run() -> None:
    for n in (*range(1, 530), 100_000):
        data = np.full(n, 200, dtype=np.uint8)
        packed = deflate(data)
        assert zlib.decompress(packed, -zlib.MAX_WBITS) == data.tobytes()
    assert len(packed) < 100_000 / 258 * 2


@given(PICTURES)
def test_png_is_what_pillow_and_ffmpeg_read(picture: np.ndarray) -> None:
    data = png_bytes(picture)
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), picture * np.uint8(255))
    (frame,) = av.CodecContext.create("png", "r").decode(av.Packet(data))
    assert frame.format.name == "gray"
    assert np.array_equal(frame.to_ndarray(), picture * np.uint8(255))


@given(HOLES)
def test_npz_is_what_numpy_reads(hole: np.ndarray) -> None:
    with np.load(io.BytesIO(npz_bytes(hole))) as archive:
        assert archive.files == ["hole"]
        assert archive["hole"].dtype == bool
        assert np.array_equal(archive["hole"], hole)


def test_the_same_bytes_on_every_machine() -> None:
    hole = np.zeros((3, 40, 50), dtype=bool)
    for i in range(3):
        hole[i, 5 + i : 20, 8 : 30 + 2 * i] = True
    digests = [hashlib.sha256(data).hexdigest()[:16] for data in (png_bytes(hole[0]), npz_bytes(hole))]
    assert digests == ["99625affd7172b4f", "43baa532c4f4af34"]


def test_what_an_npz_cannot_hold_is_refused() -> None:
    endless = np.broadcast_to(np.zeros((1, 1, 1), dtype=bool), (70_000, 200, 200))
    with pytest.raises(VideoWriteError, match=r"is written for up to 2147483648 pixels of all frames, these are 28"):
        npz_bytes(endless)


@pytest.mark.parametrize("name", ["m.npz", "m.mkv", "m.mp4", "folder"])
@pytest.mark.parametrize("size", [(16, 20), (17, 23)])
@given(data=st.data())
@settings(max_examples=4)
def test_every_format_reads_back_the_same_hole(
    tmp_path_factory: pytest.TempPathFactory, name: str, size: tuple[int, int], data: st.DataObject
) -> None:
    """From an iterable that can be gone through once, as long holes are written."""
    hole = data.draw(hnp.arrays(bool, (5, *size)))
    hole[0, 3, 3], hole[0, 3, 4] = True, False
    path = write_hole(tmp_path_factory.mktemp("hole") / name, iter(hole), fps=12)
    assert np.array_equal(read_hole(path, 5, *size, allow_large=True), hole)
    assert set(np.unique(read_levels(path, "mask"))) <= {0, 255}
    assert [p.name for p in path.parent.iterdir()] == [name]
    if path.suffix in {".mkv", ".mp4"}:
        assert probe_video(path).fps == 12


def test_a_still_hole_is_one_picture_and_a_moving_one_is_refused(tmp_path: Path) -> None:
    hole = np.zeros((3, 6, 8), dtype=bool)
    hole[:, 2:4, 1:5] = True
    path = write_hole(tmp_path / "a.png", iter(hole))
    assert np.array_equal(read_levels(path, "mask"), hole[:1] * np.uint8(255))
    assert path.read_bytes() == write_hole(tmp_path / "b.png", hole[0]).read_bytes()
    hole[2, 0, 0] = True
    with pytest.raises(VideoWriteError, match=r"c\.png is one picture, but the hole moves"):
        write_hole(tmp_path / "c.png", iter(hole))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]


@pytest.mark.parametrize("name", ["m.npz", "m.png", "m.mkv", "folder"])
def test_existing_files_are_kept_unless_asked_for(tmp_path: Path, name: str) -> None:
    still = np.zeros((2, 6, 8), dtype=bool)
    still[:, 1, 1] = True
    path = write_hole(tmp_path / name, still)
    with pytest.raises(VideoWriteError, match="exists already; give another name, or --overwrite"):
        write_hole(path, ~still)
    assert np.array_equal(read_hole(path, 2, 6, 8), still)
    write_hole(path, ~still, overwrite=True)
    assert np.array_equal(read_hole(path, 2, 6, 8, allow_large=True), ~still)


def test_a_folder_with_other_things_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("years of work")
    with pytest.raises(VideoWriteError, match=r"notes is a folder that holds thesis\.txt"):
        write_hole(tmp_path / "notes", np.ones((1, 2, 2), dtype=bool), overwrite=True)
    (tmp_path / "a.png").mkdir()
    with pytest.raises(VideoWriteError, match=r"a\.png cannot be written: Is a directory"):
        write_hole(tmp_path / "a.png", np.ones((2, 2), dtype=bool), overwrite=True)
    with pytest.raises(VideoWriteError, match=r"m\.gif ends in \.gif; holes are written as"):
        write_hole(tmp_path / "m.gif", np.ones((2, 2), dtype=bool))


@pytest.mark.parametrize("name", ["m.npz", "m.png", "m.mp4", "folder"])
def test_pictures_that_fail_on_the_way_leave_nothing(tmp_path: Path, name: str) -> None:
    def pictures():
        yield np.eye(4, dtype=bool)
        raise VideoWriteError("the source is gone")

    with pytest.raises(VideoWriteError, match="the source is gone"):
        write_hole(tmp_path / name, pictures())
    assert list(tmp_path.iterdir()) == []
