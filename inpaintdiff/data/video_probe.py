"""What a video file is and how it can be read exactly: a look at its packets, and at one decoded frame."""

import importlib.util
import logging
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from inpaintdiff.data.video_container import TICKS_A_SECOND, check_no_pipe, is_folder, opened, packets, short_name
from inpaintdiff.errors import VideoReadError

log = logging.getLogger(__name__)

# decord is right for these if the packets below are in order; on others it fails or silently gives wrong frames.
_DECORD_CODECS = frozenset({"h264", "hevc", "mpeg4", "mjpeg", "vp8"})
# A header that promises this much more than the packets give belongs to a file that was cut off.
_CUT_OFF_SECONDS = Fraction(1, 2)
# Their headers promise nothing; their durations are guesses from the size of the file.
_NO_PROMISE = frozenset({"mpegts", "mpeg", "gif", "avi", "h264", "hevc", "mjpeg"})
# Time 0 of these is where showing starts; others start anywhere.
_FROM_ZERO = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
_UNSTATED = 2


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
        bits: bits a value; frames are always given with 8.
        pixel_shape: width over height of a pixel; 1 for nearly all videos.
        colorspace, color_range, color_primaries, color_trc: ffmpeg's numbers (2, and 0 for the range: not stated).
        source_start: seconds that are taken off the time stamps of the file, so that they start at 0.
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
    bits: int = 8
    pixel_shape: Fraction = Fraction(1)
    colorspace: int = _UNSTATED
    color_range: int = 0
    color_primaries: int = _UNSTATED
    color_trc: int = _UNSTATED
    source_start: Fraction = Fraction(0)


@dataclass(frozen=True)
class PacketIndex:
    """Where frames are in a file.

    Attributes:
        stamps: pts of every frame, increasing; empty where the container has none to go by.
        keys: pts of the key packets, increasing.
    """

    stamps: tuple[int, ...]
    keys: tuple[int, ...]


def index_video(path: Path) -> tuple[VideoInfo, PacketIndex]:
    """Facts and packet index of a video file; remembered as long as its size and time of change stay.

    Raises:
        VideoReadError: missing, empty, not a video, cut off, or not decodable.
    """
    if is_folder(path):
        raise VideoReadError(f"{path} is a folder, not a video file.")
    check_no_pipe(path)
    try:
        state = path.stat()
        with path.open("rb"):
            pass
    except (OSError, ValueError) as e:
        raise VideoReadError(f"{short_name(path)} cannot be read: {getattr(e, 'strerror', None) or e}.") from e
    if state.st_size == 0:
        raise VideoReadError(f"{path} is empty (0 bytes).")
    info, index = _index(path.absolute(), state.st_size, state.st_mtime_ns)
    return replace(info, path=path), index


@lru_cache(maxsize=1024)
def _index(path: Path, size: int, mtime: int) -> tuple[VideoInfo, PacketIndex]:
    with opened(path) as (container, stream):
        scan = _Scan(container, stream)
    scan.check_whole(path)
    info = _first_frame(path, scan)
    if not scan.has_index:
        with opened(path) as (container, stream):
            count = sum(1 for _ in container.decode(stream))
        reason = "without a complete set of time stamps frames are counted one by one"
        return replace(info, frames=count, fps=scan.mean_rate, reason=reason), PacketIndex((), ())
    if scan.lost:
        log.warning("%s: the first %d frames lack their key frame; they are left out.", path, scan.lost)
    fps, pts = scan.timing()
    why_not = scan.unsafe(info)
    reason = why_not or "closed groups of pictures with a complete set of time stamps"
    info = replace(info, fps=fps, pts=pts, reader="pyav" if why_not else "decord", reason=reason)
    return info, PacketIndex(tuple(scan.stamps), tuple(sorted(scan.keys)))


def _first_frame(path: Path, scan: "_Scan") -> VideoInfo:
    """What only a decoded frame tells surely: size, rotation, pixels."""
    with opened(path) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None:
            raise VideoReadError(f"{path} has a video stream of which no frame can be decoded.")
        turn = first.rotation % 360
        if turn % 90:
            raise VideoReadError(f"{path} is to be shown turned by {turn} degrees; only 0, 90, 180 and 270 can be.")
        return VideoInfo(
            path=path,
            frames=len(scan.stamps),
            height=first.width if turn % 180 else first.height,
            width=first.height if turn % 180 else first.width,
            fps=Fraction(1),
            codec=stream.codec_context.codec.canonical_name,
            pix_fmt=first.format.name,
            time_base=stream.time_base,
            pts=None,
            rotation=turn,
            has_audio=bool(container.streams.audio),
            reader="pyav",
            reason="",
            bits=max(c.bits for c in first.format.components),
            pixel_shape=stream.sample_aspect_ratio or Fraction(1),
            colorspace=int(first.colorspace),
            color_range=int(first.color_range),
            color_primaries=int(first.color_primaries),
            color_trc=int(first.color_trc),
            source_start=scan.origin,
        )


class _Scan:
    """One walk over all packets of a file."""

    def __init__(self, container: Any, stream: Any) -> None:
        self.time_base: Fraction = stream.time_base
        self.rates: list[Fraction] = [r for r in (stream.average_rate, stream.base_rate, stream.guessed_rate) if r]
        self.header_frames: int = stream.frames
        self.format: str = container.format.name
        self.promised = Fraction(0)
        if container.duration and self.format not in _NO_PROMISE:
            self.promised = Fraction(container.duration, TICKS_A_SECOND)
        self.end = Fraction(0)
        self.packets = 0
        self.first_is_key: bool | None = None
        self.stamped = True
        self.faulty = self.discards = self.open_groups = self.half_keys = False
        self.keys: list[int] = []
        self.stamps: list[int] = []
        is_avcc = stream.codec_context.name == "h264" and (stream.codec_context.extradata or b"")[:1] == b"\x01"
        for packet in packets(container):
            if packet.size == 0:
                continue
            at = packet.pts if packet.pts is not None else packet.dts
            if at is not None and packet.time_base:
                self.end = max(self.end, (at + (packet.duration or 0)) * packet.time_base)
            if packet.stream_index == stream.index:
                self._take(packet, is_avcc)
        start = Fraction(container.start_time or 0, TICKS_A_SECOND)
        # AVI counts from the first packet in decoding order, which is earlier than what is shown first.
        first = min(self.stamps, default=0) * self.time_base
        self.origin = Fraction(0) if self.format in _FROM_ZERO else first if self.format == "avi" else start
        whole = sorted(set(self.stamps))
        self.doubled = len(whole) != len(self.stamps)
        self.stamps = [s for s in whole if self.keys and s >= min(self.keys)]
        self.lost = len(whole) - len(self.stamps)

    def _take(self, packet: Any, is_avcc: bool) -> None:
        self.packets += 1
        if self.first_is_key is None:
            self.first_is_key = packet.is_keyframe
        self.discards |= packet.is_discard
        self.faulty |= packet.is_discard or packet.is_corrupt
        if packet.pts is None:
            self.stamped = False
            return
        self.open_groups |= bool(self.keys) and packet.pts < self.keys[-1]
        if packet.is_keyframe:
            self.keys.append(packet.pts)
            self.half_keys |= is_avcc and not _has_idr(bytes(packet))
        if not packet.is_discard:
            self.stamps.append(packet.pts)

    @property
    def mean_rate(self) -> Fraction:
        """The rate that the header states, or what ffmpeg assumes where there is none."""
        return self.rates[0] if self.rates else Fraction(25)

    @property
    def has_index(self) -> bool:
        """Whether every frame has a time stamp of its own."""
        return self.stamped and not self.doubled and bool(self.stamps)

    def check_whole(self, path: Path) -> None:
        """Refuse files without frames and files that were cut off."""
        if self.packets == 0:
            raise VideoReadError(f"{path} has a video stream without a single frame; it is empty or cut off.")
        frame = 1 / self.mean_rate
        fewer = self.header_frames > self.packets and not self.discards
        if self.promised - self.end > (frame * 3 / 2 if fewer else max(_CUT_OFF_SECONDS, 2 * frame)):
            raise VideoReadError(
                f"{path} is cut off: its header promises {float(self.promised):.2f} s,"
                f" its data ends after {float(self.end):.2f} s."
            )

    def timing(self) -> tuple[Fraction, tuple[int, ...] | None]:
        """The rate; and the stamps since the start of the file, unless they are those that the rate gives."""
        start = round(self.origin / self.time_base)
        since = tuple(s - start for s in self.stamps)
        rates = self.rates or [self.mean_rate]
        if len(since) > 1:
            mean = Fraction(len(since) - 1) / ((since[-1] - since[0]) * self.time_base)
            rates = [*rates, mean.limit_denominator(1001)]
        for rate in rates:
            step = 1 / (rate * self.time_base)
            # A tick of play where ticks are fine: containers round stamps to their time base.
            play = 1 if step >= 8 else 0
            if all(abs(s - since[0] - i * step) <= play for i, s in enumerate(since)):
                return rate, None if abs(since[0]) <= play else since
        return rates[0], since

    def unsafe(self, info: VideoInfo) -> str | None:
        """Why decord might give wrong frames here; None where it is exact."""
        why: dict[str, bool] = {
            "decord is not installed": importlib.util.find_spec("decord") is None,
            f"decord does not read {info.codec} exactly": info.codec not in _DECORD_CODECS,
            f"values have {info.bits} bits, not 8": info.bits != 8,
            "transport streams have no exact index": self.format == "mpegts",
            "it starts inside a group of pictures": not self.first_is_key or self.lost > 0,
            "it has packets that are not to be shown (an edit list) or are damaged": self.faulty,
            # rows of 16, 24, 48 and 72 pixels; it raises an error for them
            "decord does not read pictures this narrow": info.width < 80
            and info.width % 8 == 0
            and info.width % 32 != 0,
            "it has open groups of pictures": self.open_groups,
            "its key frames do not close the groups before them": self.half_keys,
            f"its header counts {self.header_frames} frames, there are {self.packets}": (
                self.header_frames not in {0, self.packets}
            ),
        }
        return next((reason for reason, holds in why.items() if holds), None)


def _has_idr(packet: bytes) -> bool:
    """Whether an h264 packet with 4-byte lengths holds an IDR slice (NAL type 5): what makes a key frame a fresh start."""
    at = 0
    while at + 4 < len(packet):
        if packet[at + 4] & 31 == 5:
            return True
        at += 4 + int.from_bytes(packet[at : at + 4], "big")
    return False
