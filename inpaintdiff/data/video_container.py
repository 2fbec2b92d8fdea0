"""Opening video files with PyAV, so that every failure of theirs is one sentence of ours."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpaintdiff.errors import VideoReadError
from inpaintdiff.optional import LazyPackage

if TYPE_CHECKING:
    import av
else:
    av = LazyPackage("av", "reading video files")

TICKS_A_SECOND = 1_000_000  # ffmpeg's AV_TIME_BASE: of the durations and start times of containers


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its video stream, for reading.

    Raises:
        VideoReadError: instead of every error of ffmpeg.
    """
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            # A cover picture of a sound file is a video stream to ffmpeg.
            cover = av.stream.Disposition.attached_pic
            streams = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & cover]
            if not streams:
                kinds = " and ".join(sorted({s.type for s in container.streams} - {"video"})) or "nothing"
                raise VideoReadError(f"{path} holds no video that can be decoded, only {kinds}.")
            yield container, streams[0]
    except (av.error.FFmpegError, MemoryError) as e:
        reason = getattr(e, "strerror", None) or str(e) or type(e).__name__
        raise VideoReadError(f"{path} cannot be read as a video: {reason}.") from e


def packets(container: Any, *streams: Any) -> Iterator[Any]:
    """The packets of these streams (of all by default).

    Raises:
        VideoReadError: a damaged file that announces new streams on its way, which PyAV does not follow.
    """
    try:
        yield from container.demux(*streams)
    except (IndexError, UnicodeDecodeError) as e:
        raise VideoReadError(f"{container.name} is damaged: its packets belong to no stream.") from e


def is_folder(path: Path) -> bool:
    """As `Path.is_dir`, for any name that people can type.

    Raises:
        VideoReadError: a name that no file can have, or whose folder may not be looked into.
    """
    try:
        return path.is_dir()
    except OSError as e:
        raise VideoReadError(f"{short_name(path)} cannot be read: {os.strerror(e.errno or 0)}.") from e


def check_no_pipe(path: Path) -> None:
    """Whoever opens a pipe that nobody writes into, or reads a device, waits for ever.

    Raises:
        VideoReadError: something that is neither a file nor a folder. Missing files are for whoever opens them to name.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise VideoReadError(f"{path} is neither a file nor a folder.")
    except (OSError, ValueError) as e:
        if isinstance(e, VideoReadError):
            raise
        raise VideoReadError(f"{short_name(path)} cannot be read: {getattr(e, 'strerror', None) or e}.") from e


def short_name(path: Path) -> str:
    """The name for a message, cut where nobody would read on."""
    name = str(path)
    return name if len(name) <= 200 else f"{name[:200]} ..."
