"""Readers of frames by number: decord where the packets prove it exact, PyAV by time stamp, folders of images."""

import logging
import queue
import re
import threading
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from inpaintdiff.data.video_container import check_no_pipe, opened, packets
from inpaintdiff.data.video_probe import PacketIndex, VideoInfo
from inpaintdiff.errors import VideoReadError
from inpaintdiff.optional import LazyPackage

if TYPE_CHECKING:
    import av
else:
    av = LazyPackage("av", "reading video files")

try:
    import decord
except ImportError:  # there are no wheels for every platform; the probe then sends every file to PyAV
    decord = None

log = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})

# decord's answer is waited for so many seconds, plus so many a frame.
_PATIENCE = 20.0
_PATIENCE_PER_FRAME = 0.2

# More jumps than this are left to PyAV: decord takes 2 ms for one in a small clip, PyAV a fifth of that.
_JUMPS = 2

Frames = UInt8[np.ndarray, "t h w 3"]
Frame = UInt8[np.ndarray, "h w 3"]


class FrameSource(ABC):
    """Exact frames."""

    @abstractmethod
    def read(self, indices: Sequence[int]) -> Frames:
        """These frames, in this order; numbers are in range and may repeat."""

    @abstractmethod
    def iter(self, wanted: Container[int] | None = None) -> Iterator[Frame]:
        """All frames (of these numbers) in order, one in memory at a time."""

    def scattered(self, indices: Sequence[int]) -> bool:
        """Whether a reader that is slow to jump had better leave these frames to this one."""
        return False


class DecordError(Exception):
    """decord raised, counted otherwise, or did not come back; another reader has to do it."""


class DecordFrames:
    """Random access by decord, opened anew for every read: a reader that is kept hangs in forked workers and leaks."""

    def __init__(self, info: VideoInfo) -> None:
        self.info = info

    def read(self, indices: Sequence[int]) -> Frames:
        wanted = list(indices)
        return self._within(_PATIENCE + _PATIENCE_PER_FRAME * len(wanted), lambda: self._batch(wanted))

    def _batch(self, wanted: list[int]) -> Frames:
        reader = decord.VideoReader(str(self.info.path), num_threads=1)
        if len(reader) != self.info.frames:
            raise DecordError(f"decord counts {len(reader)} frames, there are {self.info.frames}")
        return reader.get_batch(wanted).asnumpy()

    def _within(self, seconds: float, work: Callable[[], Frames]) -> Frames:
        """decord can spin for ever inside a damaged file; its thread is then left behind."""
        answer: queue.SimpleQueue[Frames | Exception] = queue.SimpleQueue()

        def run() -> None:
            try:
                answer.put(work())
            except (RuntimeError, decord.DECORDError, DecordError) as e:
                answer.put(e)

        threading.Thread(target=run, daemon=True).start()
        try:
            result = answer.get(timeout=seconds)
        except queue.Empty as e:
            raise DecordError(f"no answer from decord within {seconds:.0f} s") from e
        if isinstance(result, Exception):
            raise DecordError(f"{type(result).__name__}") from result
        return result


class PyavFrames(FrameSource):
    """Frame i is the one whose time stamp has rank i: exact for every container that stamps its packets."""

    def __init__(self, info: VideoInfo, index: PacketIndex) -> None:
        self.info = info
        self.index = index

    def read(self, indices: Sequence[int]) -> Frames:
        found: dict[int, Frame] = {}
        wanted = sorted(set(indices))
        # opening costs as much as decoding a few small frames, so that all runs share one container
        rgb = _Rgb(self.info)
        with opened(self.info.path) as (container, stream):
            stream.codec_context.thread_count = 1
            for run in self._runs(wanted):
                for key in self._starts(run[0]):
                    frames = self._from_start() if key is None else self._from_key(container, stream, key)
                    found |= _take(run, frames, rgb)
                    if all(i in found for i in run):
                        break
        missing = [i for i in wanted if i not in found]
        if missing:
            raise VideoReadError(
                f"{self.info.path}: frame {missing[0]} cannot be decoded exactly"
                f" ({len(missing)} of the {len(wanted)} frames that were asked for)."
            )
        return np.stack([found[i] for i in indices])

    def iter(self, wanted: Container[int] | None = None) -> Iterator[Frame]:
        due = 0
        rgb = _Rgb(self.info)
        for i, frame in self._from_start():
            if i < 0:
                continue
            if i != due or frame.is_corrupt:
                break
            due += 1
            if wanted is None or i in wanted:
                yield rgb(frame)
        if due != self.info.frames:
            raise VideoReadError(f"{self.info.path}: frame {due} of {self.info.frames} cannot be decoded exactly.")

    def _runs(self, wanted: list[int]) -> Iterator[list[int]]:
        """Frames that are best decoded in one go: not more than one key frame lies between neighbours."""
        run: list[int] = []
        for i in wanted:
            if run and self.index.keys and self._key(i) > self._key(run[-1]) + 1:
                yield run
                run = []
            run.append(i)
        if run:
            yield run

    def scattered(self, indices: Sequence[int]) -> bool:
        return len(list(self._runs(sorted(set(indices))))) > _JUMPS

    def _key(self, i: int) -> int:
        """Position among the key packets of the last one that is shown at or before frame i."""
        return bisect_right(self.index.keys, self.index.stamps[i]) - 1

    def _starts(self, i: int) -> Iterator[int | None]:
        """Where to begin for frame i: the nearest key packet, the one before it, the start of the file (None)."""
        if self.index.keys:
            yield from (self.index.keys[k] for k in (self._key(i), self._key(i) - 1) if k > 0)
        yield None

    def _from_start(self) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """All decoded frames with their numbers (-1: not to be shown), from a file that is opened anew."""
        with opened(self.info.path) as (container, stream):
            stream.codec_context.thread_count = 1
            for count, frame in enumerate(f for packet in packets(container, stream) for f in packet.decode()):
                yield (self._rank(frame.pts) if self.index.stamps else count), frame

    def _from_key(self, container: Any, stream: Any, key: int) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """As `_from_start`, from exactly this key packet on; none if it is not found."""
        try:
            container.seek(key, stream=stream)
        except av.error.FFmpegError:
            log.debug("%s: no seek to %d", self.info.path, key)
            return
        begun = False
        for packet in packets(container, stream):
            # some containers seek to somewhere near; what is decoded from there could be wrong without a sign
            begun = begun or (packet.pts == key and packet.is_keyframe)
            if begun:
                for frame in packet.decode():
                    yield self._rank(frame.pts), frame

    def _rank(self, stamp: int | None) -> int:
        if stamp is None:
            return -1
        i = bisect_left(self.index.stamps, stamp)
        return i if i < len(self.index.stamps) and self.index.stamps[i] == stamp else -1


class _Rgb:
    """RGB as ffmpeg's own default conversion gives it, turned as it is to be shown.

    One converter for many frames: setting one up costs many times what it takes to convert a small frame.
    """

    def __init__(self, info: VideoInfo) -> None:
        self.info = info
        self._converter = av.video.reformatter.VideoReformatter()

    def __call__(self, frame: "av.VideoFrame") -> Frame:
        converted = self._converter.reformat(frame, format="rgb24").to_ndarray()
        array = np.rot90(converted, k=self.info.rotation // 90)
        if array.shape[:2] != (self.info.height, self.info.width):
            h, w = array.shape[:2]
            raise VideoReadError(
                f"{self.info.path} changes its size to {w} x {h} at {frame.time} s; one size is expected."
            )
        return np.ascontiguousarray(array)


def _take(run: list[int], frames: Iterator[tuple[int, "av.VideoFrame"]], rgb: _Rgb) -> dict[int, Frame]:
    """Those of the frames that belong to this run."""
    found: dict[int, Frame] = {}
    want = set(run)
    for i, frame in frames:
        if i in want and not frame.is_corrupt:
            found[i] = rgb(frame)
        if i >= run[-1]:
            break
    return found


class ImageFrames(FrameSource):
    """A folder of pictures in natural order (2 before 10), all of one size."""

    def __init__(self, paths: Sequence[Path], size: tuple[int, int]) -> None:
        self.paths = paths
        self.size = size

    def read(self, indices: Sequence[int]) -> Frames:
        return np.stack([self._one(i) for i in indices])

    def iter(self, wanted: Container[int] | None = None) -> Iterator[Frame]:
        return (self._one(i) for i in range(len(self.paths)) if wanted is None or i in wanted)

    def _one(self, i: int) -> Frame:
        array = read_image(self.paths[i])
        if array.shape[:2] != self.size:
            (h, w), (h0, w0) = array.shape[:2], self.size
            raise VideoReadError(f"{self.paths[i]} is {w} x {h}, the first picture of its folder is {w0} x {h0}.")
        return array


def natural_key(path: Path) -> tuple[tuple[int, int | str], ...]:
    """Sorts 2 before 10, as people do."""
    parts = re.findall(r"\d+|\D+", path.name.lower())
    return tuple((0, int(p)) if p.isdigit() else (1, p) for p in parts)


def image_paths(folder: Path) -> list[Path]:
    """The pictures of a folder in natural order; hidden files are left out.

    Raises:
        VideoReadError: a folder that may not be looked into.
    """
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
    except OSError as e:
        raise VideoReadError(f"{folder} cannot be read: {e.strerror}.") from e
    return sorted(found, key=natural_key)


def read_image(path: Path) -> Frame:
    """One picture as RGB.

    Raises:
        VideoReadError: missing or no picture.
    """
    check_no_pipe(path)
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as e:
        raise VideoReadError(f"{path} cannot be read as a picture: {e}.") from e
