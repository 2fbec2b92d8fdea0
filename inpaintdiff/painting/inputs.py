"""What people hand in, as a video and a hole: paths, arrays and tensors."""

import tempfile
from collections.abc import Container, Iterator, Sequence
from fractions import Fraction
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, UInt8

from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.holes import Box, box_pictures, dilated, hole_pictures, parse_box
from inpaintdiff.data.video import VideoInfo, VideoReader, open_video
from inpaintdiff.data.video_readers import FrameSource
from inpaintdiff.errors import HoleError, InpaintDiffError, VideoReadError, VideoWriteError

# Arrays carry no rate; what `write_video` is given for them unless the caller says otherwise.
ARRAY_FPS = Fraction(25)
# What NumPy and torch raise for what has no shape, or a type of its own.
_NO_ARRAY = (ValueError, TypeError, RuntimeError)


class ArrayFrames(FrameSource):
    """Frames that are in memory already."""

    def __init__(self, frames: UInt8[np.ndarray, "t h w 3"]) -> None:
        self._frames = frames

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "n h w 3"]:
        return self._frames[list(indices)]

    def iter(self, wanted: Container[int] | None = None) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        return (frame for i, frame in enumerate(self._frames) if wanted is None or i in wanted)


def as_video(video: str | Path | np.ndarray | torch.Tensor) -> VideoReader:
    """A reader of a file, a folder of pictures, or frames in memory.

    Args:
        video: path; or frames uint8 [t h w 3], or a floating-point tensor [t 3 h w] in [-1, 1] as in `VideoClip`.

    Raises:
        VideoReadError: unreadable, or an array of another kind.
    """
    if isinstance(video, (str, Path)):
        return open_video(video, steady=True)
    frames = _as_uint8(video)
    info = VideoInfo(
        path=Path("frames"),
        frames=frames.shape[0],
        height=frames.shape[1],
        width=frames.shape[2],
        fps=ARRAY_FPS,
        codec="array",
        pix_fmt="rgb24",
        time_base=1 / ARRAY_FPS,
        pts=None,
        rotation=0,
        has_audio=False,
        reader="images",
        reason="frames in memory",
    )
    return VideoReader(info, ArrayFrames(frames))


def _as_uint8(video: np.ndarray | torch.Tensor) -> UInt8[np.ndarray, "t h w 3"]:
    try:
        array = _as_array(video)
    except _NO_ARRAY as e:
        raise VideoReadError(f"the frames are no array: {e}.") from e
    if array.ndim == 4 and array.size and array.dtype == np.uint8 and array.shape[3] == 3:
        return array
    if array.ndim == 4 and array.size and np.issubdtype(array.dtype, np.floating) and array.shape[1] == 3:
        low, high = float(array.min()), float(array.max())
        if low >= -1 and high <= 1:  # False for NaN too
            return np.rint((array.transpose(0, 2, 3, 1).astype(np.float32) + 1) * 127.5).astype(np.uint8)
        raise VideoReadError(
            f"the frames have values from {low:g} to {high:g}; expected -1 to 1, or uint8 [t, h, w, 3]."
        )
    raise VideoReadError(
        f"the frames are {array.dtype} {array.shape}; expected uint8 [t, h, w, 3], or floats [t, 3, h, w] from -1 to 1."
    )


def _as_array(given: Any) -> np.ndarray:
    """Of a tensor wherever it is, which may be of a type that NumPy does not have; of an array, or nested lists."""
    if not isinstance(given, torch.Tensor):
        return np.asarray(given)
    plain = given.detach().cpu()
    return (plain.float() if plain.dtype == torch.bfloat16 else plain.resolve_conj()).numpy()


def as_hole(
    video: VideoReader,
    mask: str | Path | np.ndarray | torch.Tensor | None,
    boxes: Sequence[str | Box | Sequence[int]] = (),
    *,
    invert: bool = False,
    dilate: int = 0,
    extend: str | None = None,
    allow_large: bool = False,
    track: int | None = None,
) -> HoleTrack:
    """The hole of a video from a mask, from boxes, or the union of both.

    Args:
        video: that it is for.
        mask: see `read_hole`.
        boxes: `x1,y1,x2,y2[@t0-t1]`, `Box`, or four or six whole numbers.
        invert, dilate, extend, allow_large, track: see `read_hole`; `dilate` grows boxes as well.

    Raises:
        HoleError: neither is given, or either is wrong.
    """
    info = video.info
    size = info.frames, info.height, info.width
    if mask is None and not boxes:
        raise HoleError("nothing says what to fill; give --mask PATH or --box X1,Y1,X2,Y2.")
    if mask is None and track is not None:
        raise HoleError(f"track {track} was asked for, but no file of tracks is given; add --mask PATH.")
    if dilate < 0:
        raise HoleError(f"the hole cannot be grown by {dilate} pixels; expected 0 or more.")
    if extend not in (None, "hold"):
        raise HoleError(f"a mask can be extended by 'hold' only, got {extend!r}.")
    try:
        holes = HoleTrack(_pictures(mask, [_box(b) for b in boxes], size, invert, dilate, extend, track), *size)
    except OSError as e:
        if isinstance(e, InpaintDiffError):
            raise
        raise VideoWriteError(f"{tempfile.gettempdir()} cannot hold the mask: {e.strerror or e}.") from e
    holes.check(allow_large)
    return holes


def _pictures(
    mask: str | Path | np.ndarray | torch.Tensor | None,
    boxes: Sequence[Box],
    size: tuple[int, int, int],
    invert: bool,
    dilate: int,
    extend: str | None,
    track: int | None,
) -> Iterator[Bool[np.ndarray, "h w"]]:
    """The union of a mask and boxes: one picture if that holds for all frames, else one a frame."""
    drawn: Iterator[Bool[np.ndarray, "h w"]] = iter(())
    if boxes:
        drawn = box_pictures(boxes, *size)
        if all(b.times(size[0]) == (0, size[0] - 1) for b in boxes):
            drawn = islice(drawn, 1)
        if dilate:
            drawn = (dilated(picture[None], dilate)[0] for picture in drawn)
    if mask is None:
        return drawn
    try:
        source = mask if isinstance(mask, str | Path) else _as_array(mask)
    except _NO_ARRAY as e:
        raise HoleError(f"the mask is no array: {e}.") from e
    given = hole_pictures(source, *size, dilate=dilate, extend="hold" if extend else None, invert=invert, track=track)
    return map(np.logical_or, *_as_long(given, drawn, size[0])) if boxes else given


def _as_long(
    a: Iterator[Bool[np.ndarray, "h w"]], b: Iterator[Bool[np.ndarray, "h w"]], frames: int
) -> list[Iterator[Bool[np.ndarray, "h w"]]]:
    """Both with one picture, or both with one a frame."""
    heads = [list(islice(x, 2)) for x in (a, b)]
    if all(len(h) == 1 for h in heads):
        return [iter(h) for h in heads]
    return [repeat(h[0], frames) if len(h) == 1 else chain(h, x) for h, x in zip(heads, (a, b), strict=True)]


def _box(box: str | Box | Sequence[int]) -> Box:
    if isinstance(box, Box):
        return box
    if isinstance(box, str):
        return parse_box(box)
    if len(box) not in (4, 6):
        raise HoleError(
            f"box {tuple(box)} has {len(box)} numbers; expected x1, y1, x2, y2 and perhaps two frame numbers."
        )
    if not all(isinstance(v, int | np.integer) or (isinstance(v, float) and v.is_integer()) for v in box):
        raise HoleError(f"box {tuple(box)} has a value that is not whole; expected pixels and frame numbers.")
    return Box(*(int(v) for v in box))
