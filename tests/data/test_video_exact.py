"""Random access gives the frame that sequential decoding gives, whatever the container does to make that hard."""

import multiprocessing
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import barcode
import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

from inpaintdiff.data import video_readers
from inpaintdiff.data.video import open_video, probe_video, read_frames
from inpaintdiff.data.video_probe import index_video
from inpaintdiff.data.video_readers import DecordFrames, PyavFrames
from inpaintdiff.data.video_write import write_video
from inpaintdiff.errors import VideoReadError

N = 40
GOP = {"g": "12", "bf": "3"}
OPEN = {**GOP, "x264-params": "open-gop=1:scenecut=0:log-level=none"}
CLOSED = {**GOP, "x264-params": "open-gop=0:scenecut=0:log-level=none"}
UNEVEN = np.cumsum([0, *np.random.default_rng(0).integers(10, 90, N - 1)]).tolist()


def _x264(name: str, **settings: object) -> Callable[[Path], Path]:
    return lambda folder: barcode.encode(folder / name, "libx264", **{"options": CLOSED, **settings})  # type: ignore[arg-type]


def _cut(name: str, of: str, drop: int, options: dict[str, str]) -> Callable[[Path], Path]:
    return lambda d: barcode.remux(barcode.encode(d / of, "libx264", options=options), d / name, drop)


# name -> (how it is made, reader that the probe must choose, frames that are shown)
ZOO: dict[str, tuple[Callable[[Path], Path], str, range]] = {
    "closed.mp4": (_x264("closed.mp4"), "decord", range(N)),
    "closed.mkv": (_x264("closed.mkv"), "decord", range(N)),
    "open.mp4": (_x264("open.mp4", options=OPEN), "pyav", range(N)),
    "open.mkv": (_x264("open.mkv", options=OPEN), "pyav", range(N)),
    "uneven.mp4": (_x264("uneven.mp4", pts=UNEVEN, time_base=Fraction(1, 1000)), "decord", range(N)),
    "one.mp4": (_x264("one.mp4", n=1), "decord", range(1)),
    "odd.mkv": (_x264("odd.mkv", size=(47, 65), pixels="yuv444p"), "decord", range(N)),
    "stream.ts": (_x264("stream.ts"), "pyav", range(N)),
    "raw.h264": (_x264("raw.h264"), "pyav", range(N)),
    "ten_bit.mp4": (_x264("ten_bit.mp4", pixels="yuv420p10le"), "pyav", range(N)),
    "hevc.mp4": (
        lambda d: barcode.encode(
            d / "hevc.mp4",
            "libx265",
            options={"g": "12", "preset": "ultrafast", "x265-params": "bframes=3:log-level=none"},
        ),
        "pyav",
        range(N),
    ),
    "b_frames.avi": (
        lambda d: barcode.encode(d / "b_frames.avi", "mpeg4", options={"g": "12", "bf": "2"}),
        "pyav",
        range(N),
    ),
    "vp9.webm": (
        lambda d: barcode.encode(
            d / "vp9.webm", "libvpx-vp9", options={"g": "12", "cpu-used": "8", "deadline": "realtime"}
        ),
        "pyav",
        range(N),
    ),
    "av1.mp4": (
        lambda d: barcode.encode(d / "av1.mp4", "libsvtav1", options={"g": "12", "preset": "12"}),
        "pyav",
        range(N),
    ),
    "motion.avi": (lambda d: barcode.encode(d / "motion.avi", "mjpeg", pixels="yuvj420p"), "decord", range(N)),
    "old.mpg": (
        lambda d: barcode.encode(d / "old.mpg", "mpeg2video", options={"g": "12", "bf": "2"}),
        "pyav",
        range(N),
    ),
    "pictures.gif": (lambda d: barcode.encode(d / "pictures.gif", "gif", pixels="rgb8"), "pyav", range(N)),
    # What lacks its key frame cannot be shown: 5 packets are dropped, the next key frames are 12 (shown first) and 24.
    "inside.mp4": (_cut("inside.mp4", "closed.mp4", 5, CLOSED), "pyav", range(12, N)),
    "inside.mkv": (_cut("inside.mkv", "closed.mp4", 5, CLOSED), "pyav", range(12, N)),
    # Stamps before 0 become an edit list: 7 frames are decoded, but not shown. A tick is 1/12800 s.
    "edit_list.mp4": (
        lambda d: barcode.remux(_x264("closed.mp4")(d), d / "edit_list.mp4", earlier=7 * 512),
        "pyav",
        range(7, N),
    ),
    "inside_open.mkv": (_cut("inside_open.mkv", "open.mp4", 5, OPEN), "pyav", range(12, N)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(scope="module", params=list(ZOO))
def case(request: pytest.FixtureRequest, folder: Path) -> tuple[Path, str, range]:
    make, reader, shown = ZOO[request.param]
    return make(folder), reader, shown


def test_random_access_equals_sequential_decoding(case: tuple[Path, str, range]) -> None:
    path, reader, shown = case
    video = open_video(path)
    assert video.info.reader == reader, video.info.reason
    assert len(video) == len(shown)

    whole = np.stack(list(video.iter()))
    assert [barcode.number(f) for f in whole] == list(shown)

    rng = np.random.default_rng(0)
    for size in (1, 2, 5, len(shown) + 3):
        ixs = rng.integers(len(shown), size=size).tolist()
        assert np.array_equal(video.read(ixs), whole[ixs]), ixs
    assert np.array_equal(video.read(range(len(shown))[::-1]), whole[::-1])


@pytest.mark.parametrize("name", [name for name, (_, reader, _) in ZOO.items() if reader == "decord"])
def test_decord_gives_the_very_pixels_of_pyav_where_it_is_used(folder: Path, name: str) -> None:
    make, _, shown = ZOO[name]
    info, index = index_video(make(folder))
    ixs = np.random.default_rng(1).integers(len(shown), size=6).tolist()
    assert np.array_equal(DecordFrames(info).read(ixs), PyavFrames(info, index).read(ixs))


def test_the_probe_is_needed(folder: Path) -> None:
    """The planted fault: sent to decord, files of the other kind do give wrong frames. Else the rule would be idle."""
    info, index = index_video(barcode.encode(folder / "open_again.mp4", "libx264", options=OPEN))
    true = PyavFrames(info, index).read(range(N))
    wrong = [i for i in range(N) if not np.array_equal(DecordFrames(info).read([i])[0], true[i])]
    assert wrong


@pytest.mark.parametrize("matrix", [2, 1, 5, 9])
@pytest.mark.parametrize("full_range", [False, True])
def test_pixels_are_those_of_ffmpegs_own_conversion(tmp_path: Path, matrix: int, full_range: bool) -> None:
    """Both readers against ffmpeg's filter graph with the scaler that its command line inserts."""
    path = barcode.encode(tmp_path / "a.mp4", "libx264", n=3, matrix=matrix, full_range=full_range, options=CLOSED)
    info, index = index_video(path)
    reference = []
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            graph = av.filter.Graph()
            nodes = [graph.add_buffer(template=file.streams.video[0]), graph.add("scale", "flags=bicubic")]
            nodes += [graph.add("format", "rgb24"), graph.add("buffersink")]
            graph.link_nodes(*nodes).configure()
            graph.push(frame)
            reference.append(graph.pull().to_ndarray())
    assert np.array_equal(PyavFrames(info, index).read(range(3)), np.stack(reference))
    assert np.array_equal(open_video(path).read(range(3)), np.stack(reference))
    # The colours are the encoded ones: a wrong matrix or range would be off by 10 and more.
    assert np.abs(np.stack(reference).astype(int) - barcode.frames(3)).mean() < 5


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_frames_are_given_as_they_are_shown(tmp_path: Path, rotation: int) -> None:
    path = barcode.encode(tmp_path / "turned.mp4", "libx264", n=4, rotation=rotation, options=CLOSED)
    info, index = index_video(path)
    stored = barcode.frames(4)
    shown = np.rot90(stored, k=rotation // 90, axes=(1, 2))
    assert (info.rotation, info.height, info.width) == (rotation, *shown.shape[1:3])
    for given in (open_video(path).read(range(4)), PyavFrames(info, index).read(range(4))):
        assert np.abs(given.astype(int) - shown).mean() < 5


def test_time_stamps(folder: Path) -> None:
    even, uneven = (ZOO[name][0](folder) for name in ("closed.mp4", "uneven.mp4"))
    assert (probe_video(even).fps, probe_video(even).pts) == (25, None)
    info = probe_video(uneven)
    assert info.pts is not None
    assert [round(p * info.time_base * 1000) for p in info.pts] == UNEVEN


def test_who_wants_memory_to_be_steady_never_gets_decord(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ZOO["closed.mp4"][0](folder)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("decord was asked")

    before = open_video(path).read(range(N))
    monkeypatch.setattr("inpaintdiff.data.video_readers.decord.VideoReader", refuse)
    assert np.array_equal(open_video(path, steady=True).read(range(N)), before)
    with pytest.raises(AssertionError, match="decord was asked"):
        DecordFrames(open_video(path).info)._batch([0])


def test_decord_that_gives_up_or_hangs_is_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ZOO["closed.mp4"][0](folder)
    true = np.stack(list(open_video(path).iter()))
    monkeypatch.setattr(video_readers, "_PATIENCE", 0.0)
    monkeypatch.setattr(video_readers, "_PATIENCE_PER_FRAME", 0.0)
    video = open_video(path)
    assert np.array_equal(video.read([7, 3]), true[[7, 3]])


class _Frames(Dataset[int]):
    """Reads inside __getitem__, as the package's own data sets do."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return 12

    def __getitem__(self, i: int) -> int:
        return barcode.number(read_frames(self.paths[i % len(self.paths)], [i * 3])[0])


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_read_right(folder: Path, start: str) -> None:
    paths = [ZOO[name][0](folder) for name in ("closed.mp4", "open.mp4")]
    data = _Frames(paths)
    before = [data[i] for i in range(12)]  # the parent has used decord: what would hang a forked worker
    assert before == [i * 3 for i in range(12)]
    context = multiprocessing.get_context(start)
    loader = DataLoader(data, batch_size=4, num_workers=1, multiprocessing_context=context, timeout=120)
    assert [int(x) for batch in loader for x in batch] == before


@pytest.mark.parametrize("ixs", [[-1], [N], [0, 10**9]])
def test_numbers_outside_the_video(folder: Path, ixs: list[int]) -> None:
    with pytest.raises(VideoReadError, match=f"has frames 0 to {N - 1}"):
        read_frames(ZOO["closed.mp4"][0](folder), ixs)


@pytest.mark.parametrize("width", [16, 24, 48, 72])
def test_narrow_pictures_are_not_left_to_decord(tmp_path: Path, width: int, caplog: pytest.LogCaptureFixture) -> None:
    frames = np.random.default_rng(0).integers(0, 256, size=(3, 32, width, 3), dtype=np.uint8)
    assert read_frames(write_video(tmp_path / "x.mp4", frames, 10), [0, 2]).shape == (2, 32, width, 3)
    assert not caplog.records
