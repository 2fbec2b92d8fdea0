"""Writing videos: h264 for people, FFV1 or png files where nothing may be lost. Equal input gives equal bytes."""

import logging
import secrets
import shutil
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from jaxtyping import UInt8
from PIL import Image

from inpaintdiff.data.video_probe import VideoInfo
from inpaintdiff.errors import VideoWriteError

log = logging.getLogger(__name__)

_CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
# Both encoders give other bytes for other numbers of threads, so the number is not the machine's.
_THREADS = 4
_BT709 = 1

Frame = UInt8[np.ndarray, "h w 3"]


def write_video(
    path: Path | str,
    frames: UInt8[np.ndarray, "t h w 3"] | Iterable[Frame],
    fps: float | Fraction,
    *,
    crf: int = 12,
    gop: int | None = None,
    lossless: bool = False,
    overwrite: bool = False,
    like: VideoInfo | None = None,
) -> Path:
    """Write RGB frames, one at a time, under a temporary name that becomes `path` at the end.

    Args:
        path: .mp4, .m4v, .mov or .mkv; with `lossless` .mkv, or a folder (a name without suffix) for png files.
        frames: uint8 RGB; an iterable is consumed frame by frame, so memory does not grow with its length.
        fps: frames a second.
        crf: x264's quality, 0 (best) to 51.
        gop: largest distance of key frames; x264's own choice (250) by default. Groups are closed.
        lossless: FFV1 in RGB, or png files: what is read back is bit for bit what was given.
        overwrite: replace what exists at `path`.
        like: the source, whose time stamps, rotation, colour tags and audio stream the new file gets.

    Returns:
        The path that was written.

    Raises:
        VideoWriteError: `path` exists, has an unknown suffix, or cannot be written; frames are not uint8 RGB of one size.
    """
    target = Path(path)
    folder = lossless and target.suffix.lower() not in _CONTAINERS and not target.suffix
    if not folder:
        _check_suffix(target, lossless)
    if target.exists() and not overwrite:
        raise VideoWriteError(f"{target} exists already; give another name, or --overwrite (overwrite=True).")
    stream = _checked(frames)
    part = target.parent / f".{target.name}.{secrets.token_hex(4)}.part"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            _write_folder(part, stream)
        else:
            _write_file(part, target.suffix.lower(), stream, fps, crf, gop, lossless, like)
        _put_in_place(part, target, overwrite)
    except (av.error.FFmpegError, OSError) as e:
        if isinstance(e, VideoWriteError) or (isinstance(e, OSError) and e.errno is None):
            raise
        raise VideoWriteError(f"{target} cannot be written: {e.strerror or e}.") from e
    finally:
        _remove(part)
    return target


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
            yield np.ascontiguousarray(frame)

    stream = check()
    first = next(stream, None)
    if first is None:
        raise VideoWriteError("there are no frames to write.")
    return chain([first], stream)


def _write_folder(part: Path, frames: Iterator[Frame]) -> None:
    part.mkdir()
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(part / f"{i:06d}.png", compress_level=4)


def _write_file(
    part: Path,
    suffix: str,
    frames: Iterator[Frame],
    fps: float | Fraction,
    crf: int,
    gop: int | None,
    lossless: bool,
    like: VideoInfo | None,
) -> None:
    first = next(frames)
    height, width = first.shape[:2]
    rate = Fraction(fps).limit_denominator(1_000_000)
    mux = {"fflags": "+bitexact"}
    if suffix != ".mkv":
        mux["movflags"] = "+faststart"
    with av.open(str(part), "w", format=_CONTAINERS[suffix], container_options=mux) as out:
        if lossless:
            stream = out.add_stream("ffv1", rate=rate, options={"level": "3", "slices": "4", "slicecrc": "1", "g": "1"})
            stream.pix_fmt = "bgr0"
        else:
            stream = out.add_stream("libx264", rate=rate, options=_x264(crf, gop))
            stream.pix_fmt = "yuv420p"
            if height % 2 or width % 2:
                stream.pix_fmt = "yuv444p"
                log.info("%d x %d is odd, so h264 is written as yuv444p, which not every player shows.", width, height)
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = ColorRange.MPEG
        stream.width, stream.height = width, height
        stream.codec_context.thread_count = _THREADS
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        for i, array in enumerate(chain([first], frames)):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            if not lossless:
                frame = frame.reformat(
                    format=stream.pix_fmt, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
                )
            frame.pts = i
            frame.time_base = 1 / rate
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _x264(crf: int, gop: int | None) -> dict[str, str]:
    options = {"crf": str(crf), "preset": "medium", "x264-params": "open-gop=0"}
    if gop is not None:
        options["g"] = str(gop)
    return options


def _put_in_place(part: Path, target: Path, overwrite: bool) -> None:
    if target.exists():
        if not overwrite:
            raise VideoWriteError(f"{target} came into being meanwhile and was left alone.")
        if target.is_dir():
            _remove(target)
    part.replace(target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
