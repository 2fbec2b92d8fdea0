"""What a video file is and how it can be read exactly: a look at its packets, and at one decoded frame."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import av

from inpaintdiff.errors import VideoReadError

# decord is right for these if the packets below are in order; on others it fails or silently gives wrong frames.
_DECORD_CODECS = frozenset({"h264", "hevc", "mpeg4", "mjpeg", "vp8"})
_DECORD_PIXELS = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray"})
# A header that promises this much more than the packets give belongs to a file that was cut off.
_CUT_OFF_SECONDS = 0.5


@dataclass(frozen=True)
class VideoInfo:
    """Facts about a video.

    Attributes:
        path: file or folder of images.
        frames: how many.
        height, width: in pixels, as shown (after rotation).
        fps: frames a second; the mean where they are not evenly spaced.
        codec, pix_fmt: ffmpeg's names; for images the file type and "rgb24".
        time_base: seconds a tick of `pts`.
        pts: time stamp of every frame, in ticks since the start of the file, where these are not i / fps; else None.
        rotation: degrees counter-clockwise by which stored frames are turned for showing: 0, 90, 180 or 270.
        has_audio: whether there is an audio stream.
        reader: which reader gives exact frames.
        reason: why this reader, half a sentence.
        colorspace, color_range: ffmpeg's numbers (2 and 0: not stated).
    """

    path: Path
    frames: int
    height: int
    width: int
    fps: Fraction
    codec: str
    pix_fmt: str
    time_base: Fraction
    pts: tuple[int, ...] | None
    rotation: int
    has_audio: bool
    reader: Literal["decord", "pyav", "images"]
    reason: str
    colorspace: int = 2
    color_range: int = 0


@dataclass(frozen=True)
class PacketIndex:
    """Where frames are in a file.

    Attributes:
        stamps: pts of every frame that can be shown, increasing; empty where the container has none.
        keys: pts of the key packets, increasing.
    """

    stamps: tuple[int, ...]
    keys: tuple[int, ...]


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its video stream, for reading.

    Raises:
        VideoReadError: instead of every error of ffmpeg.
    """
    try:
        with av.open(str(path)) as container:
            streams = [s for s in container.streams.video if s.codec_context is not None]
            if not streams:
                kinds = sorted({s.type for s in container.streams}) or ["nothing"]
                raise VideoReadError(f"{path} holds {' and '.join(kinds)} but no video that can be decoded.")
            yield container, streams[0]
    except av.error.FFmpegError as e:
        raise VideoReadError(f"{path} cannot be read as a video: {e.strerror or e}.") from e


def index_video(path: Path) -> tuple[VideoInfo, PacketIndex]:
    """Facts and packet index of a video file; kept for unchanged files.

    Raises:
        VideoReadError: missing, empty, not a video, cut off, or not decodable.
    """
    try:
        if path.is_dir():
            raise VideoReadError(f"{path} is a folder, not a video file.")
        state = path.stat()
    except OSError as e:
        raise VideoReadError(f"{path} cannot be read: {os.strerror(e.errno or 0)}.") from e
    if state.st_size == 0:
        raise VideoReadError(f"{path} is empty (0 bytes).")
    info, index = _index(path.absolute(), state.st_size, state.st_mtime_ns)
    return replace(info, path=path), index


@lru_cache(maxsize=4096)
def _index(path: Path, size: int, mtime: int) -> tuple[VideoInfo, PacketIndex]:
    with opened(path) as (container, stream):
        scan = _Scan(container, stream)
        end = scan.promised_end(container)
    if scan.packets == 0:
        raise VideoReadError(f"{path} has a video stream without a single frame.")
    if end is not None and end - scan.end > max(_CUT_OFF_SECONDS, 2 / float(scan.mean_rate or 25)):
        raise VideoReadError(
            f"{path} is cut off: its header promises {float(end):.2f} s, its data ends after {float(scan.end):.2f} s."
        )
    with opened(path) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None:
            raise VideoReadError(f"{path} has a video stream of which no frame can be decoded.")
        turn = first.rotation % 360
        info = VideoInfo(
            path=path,
            frames=len(scan.stamps),
            height=first.width if turn % 180 else first.height,
            width=first.height if turn % 180 else first.width,
            fps=Fraction(1),
            codec=stream.codec_context.name,
            pix_fmt=first.format.name,
            time_base=stream.time_base,
            pts=None,
            rotation=turn,
            has_audio=bool(container.streams.audio),
            reader="pyav",
            reason="",
            colorspace=int(first.colorspace),
            color_range=int(first.color_range),
        )
    if scan.unstamped:
        with opened(path) as (container, stream):
            count = sum(1 for _ in container.decode(stream))
        fps = scan.mean_rate or Fraction(25)
        reason = "frames without time stamps are counted one by one"
        return replace(info, frames=count, fps=fps, reason=reason), PacketIndex((), ())
    fps, pts = scan.timing()
    why_not = scan.unsafe(info)
    info = replace(
        info,
        fps=fps,
        pts=pts,
        reader="pyav" if why_not else "decord",
        reason=why_not or "closed groups of pictures with a complete set of time stamps",
    )
    return info, PacketIndex(tuple(scan.stamps), tuple(sorted(scan.keys)))


class _Scan:
    """One walk over all packets of a file."""

    def __init__(self, container: Any, stream: Any) -> None:
        self.time_base: Fraction = stream.time_base
        self.rates = [r for r in (stream.average_rate, stream.base_rate, stream.guessed_rate) if r]
        self.header_frames: int = stream.frames
        self.format: str = container.format.name
        self.origin = Fraction(container.start_time or 0, av.time_base)
        self.stream_start = stream.start_time
        self.packets = 0
        self.unstamped = self.faulty = self.reordered_key = False
        self.first_is_key: bool | None = None
        self.keys: list[int] = []
        self.ends: list[Fraction] = []
        stamps: list[int] = []
        for packet in container.demux():
            if packet.size == 0:
                continue
            at = packet.pts if packet.pts is not None else packet.dts
            if at is not None and packet.time_base:
                self.ends.append((at + (packet.duration or 0)) * packet.time_base)
                self.ends = [max(self.ends)]
            if packet.stream_index != stream.index:
                continue
            self.packets += 1
            if self.first_is_key is None:
                self.first_is_key = packet.is_keyframe
            if packet.pts is None:
                self.unstamped = True
                continue
            if self.keys and packet.pts < self.keys[-1]:
                self.reordered_key = True
            if packet.is_keyframe:
                self.keys.append(packet.pts)
            if packet.is_discard or packet.is_corrupt:
                self.faulty = True
            if not packet.is_discard:
                stamps.append(packet.pts)
        self.stamps = sorted(set(stamps))
        self.doubled = len(self.stamps) != len(stamps)

    @property
    def end(self) -> Fraction:
        """Seconds at which the last packet of any stream ends."""
        return self.ends[0] if self.ends else Fraction(0)

    @property
    def mean_rate(self) -> Fraction | None:
        return self.rates[0] if self.rates else None

    def promised_end(self, container: Any) -> Fraction | None:
        """Seconds at which the file ends according to its header."""
        if not container.duration or self.format in {"mpegts", "mpeg", "gif", "avi"}:
            return None
        return self.origin + Fraction(container.duration, av.time_base)

    def timing(self) -> tuple[Fraction, tuple[int, ...] | None]:
        """The rate; and the stamps since the start of the file, unless they are those that the rate gives."""
        start = round(self.origin / self.time_base)
        since = tuple(s - start for s in self.stamps)
        span = (since[-1] - since[0]) * self.time_base
        if len(since) == 1:
            return (self.mean_rate or Fraction(25)), (None if since[0] == 0 else since)
        mean = Fraction(len(since) - 1) / span
        for rate in [*self.rates, mean.limit_denominator(1001)]:
            step = 1 / (rate * self.time_base)
            # A tick of play where ticks are fine: containers round stamps to their time base.
            play = 1.0 if step >= 8 else 0.0
            if all(abs(s - i * step) <= play for i, s in enumerate(since)):
                return rate, None
        return (self.mean_rate or mean), since

    def unsafe(self, info: VideoInfo) -> str | None:
        """Why decord might give wrong frames here; None where it is exact."""
        if info.codec not in _DECORD_CODECS:
            return f"decord does not read {info.codec} exactly"
        if info.pix_fmt not in _DECORD_PIXELS:
            return f"pixels are {info.pix_fmt}, not plain 8-bit"
        if self.format == "mpegts":
            return "transport streams have no exact index"
        if not self.first_is_key:
            return "it starts inside a group of pictures"
        if self.faulty:
            return "it has packets that are not to be shown (an edit list) or are damaged"
        if self.reordered_key:
            return "it has open groups of pictures"
        if self.doubled:
            return "time stamps occur twice"
        if self.header_frames not in {0, self.packets}:
            return f"its header counts {self.header_frames} frames, there are {self.packets}"
        if importlib.util.find_spec("decord") is None:
            return "decord is not installed"
        return None
