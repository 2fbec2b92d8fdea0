"""Writing videos: h264 for people, FFV1 or png files where nothing may be lost. Equal input gives equal bytes."""

import logging
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from inpaintdiff.data.video_audio import AudioCopy
from inpaintdiff.data.video_container import short_name
from inpaintdiff.data.video_probe import VideoInfo
from inpaintdiff.data.video_readers import image_paths
from inpaintdiff.errors import InpaintDiffError, SettingError, VideoWriteError
from inpaintdiff.optional import LazyPackage

if TYPE_CHECKING:
    import av
else:
    av = LazyPackage("av", "writing video files")

log = logging.getLogger(__name__)

_CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
# Both encoders give other bytes for other numbers of threads, so the number is not the machine's.
_THREADS = 4
_BT709 = 1
_UNSTATED = 2
# Matrices of ffmpeg's numbering that its scaler converts to; any other is written unstated, which means BT.601 to readers.
_MATRICES = frozenset({1, 4, 5, 6, 7, 9})
_BT601 = 5

Frame = UInt8[np.ndarray, "h w 3"]


def write_video(
    path: Path | str,
    frames: UInt8[np.ndarray, "t h w 3"] | Iterable[Frame],
    fps: int | float | Fraction,
    *,
    crf: int = 12,
    gop: int | None = None,
    lossless: bool = False,
    overwrite: bool = False,
    like: VideoInfo | None = None,
) -> Path:
    """Write RGB frames, one at a time, under a temporary name that becomes `path` at the end.

    Args:
        path: .mp4, .m4v, .mov or .mkv; with `lossless` .mkv, or a folder (a name without suffix, or ending in /) for png files.
        frames: uint8 RGB; an iterable is consumed frame by frame, so memory does not grow with its length.
        fps: frames a second.
        crf: x264's quality, 0 (best) to 51.
        gop: largest distance of key frames; x264's own choice (250) by default. Groups are closed. Where it is given there are no B
            frames, for the sake of random access.
        lossless: FFV1 in RGB, or png files: what is read back is bit for bit what was given.
        overwrite: replace what exists at `path`.
        like: the source: its time stamps where they are not even, its rotation (frames are given as shown), shape of
            pixels, colour tags and audio streams go into the new file.

    Returns:
        The path that was written.

    Raises:
        VideoWriteError: `path` exists, has an unknown suffix, or cannot be written; frames are not uint8 RGB of one size.
        VideoReadError: `like` has audio, but its file is gone.
        SettingError: `fps`, `crf` or `gop` out of range.
    """
    target = Path(path)
    folder = check_output(path, lossless=lossless, overwrite=overwrite)
    _check_settings(fps, crf, gop)
    stream = _checked(frames)
    part = target.parent / f".{target.name}.{secrets.token_hex(4)}.part"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            _write_folder(part, stream)
        else:
            _write_file(part, target.suffix.lower(), stream, fps, _encoder(crf, gop, lossless), like)
        _check_free(target, overwrite)
        if target.is_dir():
            shutil.rmtree(target)
        part.replace(target)
    except InpaintDiffError:
        raise
    except (av.error.FFmpegError, OSError) as e:
        raise VideoWriteError(f"{target} cannot be written: {e.strerror or e}.") from e
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            with suppress(OSError):  # why nothing could be written has been said
                part.unlink(missing_ok=True)
    return target


def check_output(path: Path | str, *, lossless: bool = False, overwrite: bool = False) -> bool:
    """What `write_video` checks before it takes a frame, so that nobody computes for hours and then cannot write.

    Returns:
        Whether `path` is to be a folder of png files.

    Raises:
        VideoWriteError: as `write_video`.
    """
    target = Path(path)
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            # the longest of the names that will be made of it
            target.with_name(f".{target.name}-uncertainty.01234567.part").lstat()
        folder = lossless and (not target.suffix or str(path).endswith("/") or target.is_dir())
        if not folder:
            _check_suffix(target, lossless)
        _check_free(target, overwrite)
        above = next(p for p in target.absolute().parents if p.exists())
        if not above.is_dir():
            raise VideoWriteError(f"{target} cannot be written: {above} is a file, not a folder; give another output.")
    except (OSError, ValueError) as e:
        if isinstance(e, InpaintDiffError):
            raise
        raise VideoWriteError(
            f"{short_name(target)!r} is no name for a file: {getattr(e, 'strerror', None) or e}."
        ) from e
    return folder


def _check_suffix(target: Path, lossless: bool) -> None:
    if target.suffix.lower() not in _CONTAINERS:
        raise VideoWriteError(
            f"{target.name} ends in {target.suffix or 'no suffix'}; videos are written as {', '.join(_CONTAINERS)}"
            " (without loss: .mkv, or a folder name for png files)."
        )
    if lossless and target.suffix.lower() != ".mkv":
        raise VideoWriteError(
            f"{target.name}: lossless video is written as .mkv, or as png files into a folder; got {target.suffix}."
        )


def _check_free(target: Path, overwrite: bool) -> None:
    """An existing file is replaced only if asked for, a folder only if nothing but pictures would be lost."""
    if not target.exists():
        return
    if target.is_dir():
        others = sorted(p.name for p in set(target.iterdir()) - set(image_paths(target)))
        if others:
            raise VideoWriteError(f"{target} is a folder that holds {others[0]}; give a new or empty one.")
        if not any(target.iterdir()):
            return
    if not overwrite:
        raise VideoWriteError(f"{target} exists already; give another name, or --overwrite (overwrite=True).")


def _check_settings(fps: int | float | Fraction, crf: int, gop: int | None) -> None:
    if not 0 < fps <= 1000:
        raise SettingError(f"{float(fps):g} frames a second cannot be; expected more than 0 and at most 1000.")
    if not 0 <= crf <= 51:
        raise SettingError(f"crf {crf} is not a quality of x264; expected 0 (best) to 51.")
    if gop is not None and gop < 1:
        raise SettingError(f"key frames cannot be {gop} frames apart; expected 1 or more.")


def _checked(frames: UInt8[np.ndarray, "t h w 3"] | Iterable[Frame]) -> Iterator[Frame]:
    """The frames, each checked; the first is taken at once, so that bad input leaves no file."""

    def check() -> Iterator[Frame]:
        shape: tuple[int, ...] | None = None
        for i, frame in enumerate(frames):
            shape = shape or frame.shape
            if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
                raise VideoWriteError(f"frame {i} is {frame.dtype} {frame.shape}; expected uint8 [height, width, 3].")
            if frame.shape != shape:
                raise VideoWriteError(f"frame {i} has size {frame.shape[:2]}, the first had {shape[:2]}.")
            yield frame

    stream = check()
    first = next(stream, None)
    if first is None:
        raise VideoWriteError("there are no frames to write.")
    return chain([first], stream)


def _write_folder(part: Path, frames: Iterator[Frame]) -> None:
    part.mkdir()
    for i, frame in enumerate(frames):
        Image.fromarray(np.ascontiguousarray(frame)).save(part / f"{i:06d}.png", compress_level=4)


def _encoder(crf: int, gop: int | None, lossless: bool) -> dict[str, str]:
    """Options of ffv1 (which have a level) or of x264."""
    if lossless:
        return {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}
    # Without mbtree: it computes in floats, otherwise on every kind of processor, and its AVX-512 code is not even the same twice.
    same = "open-gop=0:mbtree=0"
    if gop is None:
        return {"crf": str(crf), "preset": "medium", "x264-params": same}
    # whoever wants near key frames jumps about: frames that need later ones would double what is decoded for one
    return {"crf": str(crf), "preset": "medium", "x264-params": f"{same}:bframes=0", "g": str(gop)}


def _write_file(
    part: Path,
    suffix: str,
    frames: Iterator[Frame],
    fps: int | float | Fraction,
    options: dict[str, str],
    like: VideoInfo | None,
) -> None:
    first = next(frames)
    turn = like.rotation if like else 0
    height, width = first.shape[1::-1] if turn % 180 else first.shape[:2]
    stamps = _Stamps(fps, like, rounded=suffix == ".mkv")
    # Sound begins a little before time 0, as codecs want it; Matroska would move everything, pictures too, so that nothing does.
    special = {"avoid_negative_ts": "disabled"} if suffix == ".mkv" else {"movflags": "+faststart"}
    if suffix != ".mkv" and like:  # when pictures and sound begin is written in these ticks
        special["movie_timescale"] = str(max(1000, stamps.time_base.denominator))
    mux = {"fflags": "+bitexact", **special}
    with ExitStack() as stack:
        audio = stack.enter_context(AudioCopy(like)) if like and like.has_audio else None
        out = stack.enter_context(av.open(str(part), "w", format=_CONTAINERS[suffix], container_options=mux))
        stream = out.add_stream("ffv1" if "level" in options else "libx264", rate=stamps.rate, options=options)
        stream.width, stream.height = width, height
        stream.pix_fmt = "bgr0" if "level" in options else _h264_pixels(height, width)
        context = stream.codec_context
        context.time_base = stamps.time_base
        context.thread_count = _THREADS
        context.flags |= av.codec.context.Flags.bitexact
        if like:
            context.sample_aspect_ratio = like.pixel_shape
        if turn:
            stream.set_display_rotation(turn)
        colours = _Colours(like)
        if "level" not in options:
            colours.tag(context)
        if audio:
            audio.begin(out)
        for i, array in enumerate(chain([first], frames)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.rot90(array, k=-turn // 90)), format="rgb24")
            if "level" not in options:
                frame = colours.convert(frame, stream.pix_fmt)
            frame.pts, frame.time_base, frame.duration = stamps[i], stamps.time_base, stamps.duration(i)
            if audio:
                audio.mux_until(out, stamps[i] * stamps.time_base)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if audio:
            audio.mux_until(out, None)


def _h264_pixels(height: int, width: int) -> str:
    if height % 2 == 0 and width % 2 == 0:
        return "yuv420p"
    log.info("%d x %d is odd, so h264 is written as yuv444p, which not every player shows.", width, height)
    return "yuv444p"


class _Stamps:
    """When frame i is shown: at i / fps, or as in the source where that is uneven."""

    def __init__(self, fps: int | float | Fraction, like: VideoInfo | None, rounded: bool) -> None:
        self.rate = Fraction(fps).limit_denominator(100_000)
        self.pts = like.pts if like else None
        self.time_base = like.time_base if like and like.pts else 1 / self.rate
        if self.pts and rounded and (self.time_base * 1000).denominator != 1:
            log.info("mkv keeps whole milliseconds: time stamps move by up to half of one.")

    def __getitem__(self, i: int) -> int:
        if self.pts is None:
            return i
        if i >= len(self.pts):
            raise VideoWriteError(
                f"frame {i} was given, but the source, whose time stamps are used, has {len(self.pts)}."
            )
        return self.pts[i]

    def duration(self, i: int) -> int:
        """Ticks until the next frame; the last one stays for a mean step."""
        if self.pts is not None and i + 1 < len(self.pts):
            return self.pts[i + 1] - self.pts[i]
        return max(1, round(1 / (self.rate * self.time_base)))


class _Colours:
    """Matrix, range, primaries and transfer as in the source, or BT.709; tags and pixels always agree."""

    def __init__(self, like: VideoInfo | None) -> None:
        self.matrix = self.primaries = self.transfer = _BT709
        ranges = av.video.reformatter.ColorRange
        self.range = ranges.MPEG
        if like is not None:
            self.matrix = like.colorspace if like.colorspace in _MATRICES else _UNSTATED
            self.primaries, self.transfer = like.color_primaries, like.color_trc
            self.range = ranges.JPEG if like.color_range == ranges.JPEG else ranges.MPEG

    def tag(self, context: Any) -> None:
        context.colorspace, context.color_range = self.matrix, self.range
        context.color_primaries, context.color_trc = self.primaries, self.transfer

    def convert(self, frame: "av.VideoFrame", pixels: str) -> "av.VideoFrame":
        matrix = {_UNSTATED: _BT601, 6: _BT601}.get(self.matrix, self.matrix)
        return frame.reformat(
            format=pixels,
            dst_colorspace=matrix,
            dst_color_range=self.range,
            interpolation=av.video.reformatter.Interpolation.BICUBIC,
        )
