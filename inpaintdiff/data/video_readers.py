"""Readers of frames by number: decord where the packets prove it exact, PyAV by time stamp, folders of images."""

import logging
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from inpaintdiff.data.video_probe import PacketIndex, VideoInfo, opened
from inpaintdiff.errors import VideoReadError

log = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})

Frames = UInt8[np.ndarray, "t h w 3"]
Frame = UInt8[np.ndarray, "h w 3"]


class FrameSource(Protocol):
    """Exact frames by number."""

    def read(self, indices: Sequence[int]) -> Frames:
        """These frames, in this order; numbers are in range and may repeat."""

    def iter(self) -> Iterator[Frame]:
        """All frames in order, one in memory at a time."""


class DecordFrames:
    """decord, opened anew for every read: a reader that is kept hangs in forked workers and leaks."""

    def __init__(self, info: VideoInfo) -> None:
        self.info = info

    def _open(self) -> Any:
        import decord  # may be absent; importing it also starts its global state

        reader = decord.VideoReader(str(self.info.path), num_threads=1)
        if len(reader) != self.info.frames:
            raise RuntimeError(f"decord counts {len(reader)} frames, there are {self.info.frames}")
        return reader

    def read(self, indices: Sequence[int]) -> Frames:
        return self._open().get_batch(list(indices)).asnumpy()

    def iter(self) -> Iterator[Frame]:
        reader = self._open()
        for i in range(self.info.frames):
            yield reader[i].asnumpy()


class PyavFrames:
    """Frame i is the one whose time stamp has rank i: exact for every container that stamps its packets."""

    def __init__(self, info: VideoInfo, index: PacketIndex) -> None:
        self.info = info
        self.index = index
        self.rank = {stamp: i for i, stamp in enumerate(index.stamps)}

    def read(self, indices: Sequence[int]) -> Frames:
        wanted = sorted(set(indices))
        found: dict[int, Frame] = {}
        with opened(self.info.path) as (container, stream):
            stream.thread_count = 1
            for run in self._runs(wanted):
                for back in range(3):
                    found.update(self._decode(container, stream, run, back))
                    if all(i in found for i in run):
                        break
        missing = [i for i in wanted if i not in found]
        if missing:
            raise VideoReadError(
                f"{self.info.path}: frame {missing[0]} cannot be decoded exactly ({len(missing)} of {len(wanted)} asked for)."
            )
        return np.stack([found[i] for i in indices])

    def _runs(self, wanted: list[int]) -> Iterator[list[int]]:
        """Frames that are best decoded in one go: no key frame lies between neighbours."""
        run: list[int] = []
        for i in wanted:
            if run and self._key(i) > self._key(run[-1]) and self._key(i) > self._key_after(run[-1]):
                yield run
                run = []
            run.append(i)
        if run:
            yield run

    def _key(self, i: int) -> int:
        """Position among the key packets of the last one at or before frame i."""
        return bisect_right(self.index.keys, self.index.stamps[i]) - 1 if self.index.stamps else 0

    def _key_after(self, i: int) -> int:
        return self._key(i) + 1

    def _decode(self, container: Any, stream: Any, run: list[int], back: int) -> dict[int, Frame]:
        """What decoding gives of the frames of `run`, from `back` key frames before the nearest one."""
        key = self._key(run[0]) - back
        if key > 0:
            container.seek(self.index.keys[key], stream=stream, backward=True, any_frame=False)
        else:
            container.seek(0, backward=True) if not self.index.keys else container.seek(
                min(self.index.keys[0], self.index.stamps[0]), stream=stream, backward=True
            )
        found: dict[int, Frame] = {}
        want = set(run)
        for number, frame in enumerate(container.decode(stream)):
            i = self.rank.get(frame.pts, -1) if self.index.stamps else number
            if i in want and not frame.is_corrupt:
                found[i] = self.pixels(frame)
            if i >= run[-1]:
                break
        return found

    def iter(self) -> Iterator[Frame]:
        due = 0
        with opened(self.info.path) as (container, stream):
            stream.thread_count = 1
            for number, frame in enumerate(container.decode(stream)):
                i = self.rank.get(frame.pts, -1) if self.index.stamps else number
                if i < 0:
                    continue
                if i != due or frame.is_corrupt:
                    break
                due += 1
                yield self.pixels(frame)
        if due != self.info.frames:
            raise VideoReadError(f"{self.info.path}: frame {due} of {self.info.frames} cannot be decoded exactly.")

    def pixels(self, frame: av.VideoFrame) -> Frame:
        """RGB as ffmpeg's own default conversion gives it, turned as it is to be shown."""
        array = frame.to_ndarray(format="rgb24")
        turn = self.info.rotation // 90
        array = np.rot90(array, k=turn) if turn else array
        if array.shape[:2] != (self.info.height, self.info.width):
            raise VideoReadError(
                f"{self.info.path} changes its size to {array.shape[1]} x {array.shape[0]} at {frame.time} s; one size is expected."
            )
        return np.ascontiguousarray(array)


class ImageFrames:
    """A folder of pictures in natural order (2 before 10), all of one size."""

    def __init__(self, paths: Sequence[Path], size: tuple[int, int]) -> None:
        self.paths = paths
        self.size = size

    def read(self, indices: Sequence[int]) -> Frames:
        return np.stack([self._one(i) for i in indices])

    def iter(self) -> Iterator[Frame]:
        return (self._one(i) for i in range(len(self.paths)))

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
    """The pictures of a folder in natural order; hidden files are left out."""
    found = (p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))
    return sorted(found, key=natural_key)


def read_image(path: Path) -> Frame:
    """One picture as RGB.

    Raises:
        VideoReadError: missing or no picture.
    """
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as e:
        raise VideoReadError(f"{path} cannot be read as a picture: {e}.") from e
