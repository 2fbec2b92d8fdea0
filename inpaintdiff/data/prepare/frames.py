"""From a source video to the frames of a data set: a rate, a centre crop and a size, one frame in memory at a time."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from jaxtyping import UInt8

from inpaintdiff.data.video import VideoReader
from inpaintdiff.data.video_probe import VideoInfo
from inpaintdiff.errors import SettingError

# A rate of 29.97 is good enough where 30 are asked for.
_PLAY = Fraction(19, 20)

Frame = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Crop:
    """A rectangle of pixels: rows `top` to `bottom` - 1, columns `left` to `right` - 1."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


def sampled_at(info: VideoInfo, fps: Fraction) -> list[int]:
    """For every tick of a clock of `fps` ticks a second, which frame of the source begins nearest to it (or is still shown then).

    Raises:
        SettingError: the source has fewer frames a second, so that some would be shown twice.
    """
    if info.fps < fps * _PLAY:
        raise SettingError(f"it has {float(info.fps):.4g} frames a second, {float(fps):g} are asked for (lower --fps)")
    if info.pts is None:
        shown = [i / info.fps for i in range(info.frames)]
    else:
        shown = [p * info.time_base for p in info.pts]
    end = shown[-1] + 1 / info.fps
    ticks = int((end - shown[0]) * fps)
    half = 1 / (2 * info.fps)
    return [bisect_right(shown, shown[0] + k / fps + half) - 1 for k in range(ticks)]


def iter_sampled(reader: VideoReader, at: list[int]) -> Iterator[Frame]:
    """The frames at these increasing positions; what is not asked for is decoded but not converted."""
    times: dict[int, int] = {}
    for i in at:
        times[i] = times.get(i, 0) + 1
    for i, frame in zip(times, reader.iter(times), strict=True):
        for _ in range(times[i]):
            yield frame


def centre_crop(info: VideoInfo, height: int, width: int) -> Crop:
    """The largest rectangle in the middle of the picture that has the shape height : width as shown.

    Raises:
        SettingError: it has fewer pixels than asked for: enlarging would teach a blur.
    """
    # columns a row of `height` pixels would have, where pixels are not square
    shape = Fraction(width, height) / (info.pixel_shape or 1)
    rows, columns = info.height, round(info.height * shape)
    if columns > info.width:
        rows, columns = min(info.height, round(info.width / shape)), info.width
    if rows < height or columns < width:
        raise SettingError(f"its middle is {columns} x {rows} pixels, {width} x {height} are asked for (lower --size)")
    top, left = (info.height - rows) // 2, (info.width - columns) // 2
    return Crop(top, top + rows, left, left + columns)


def shrunk(
    frame: UInt8[np.ndarray, "h w 3"], crop: Crop, height: int, width: int
) -> UInt8[np.ndarray, "height width 3"]:
    """The crop at another size. Every new pixel is the mean of the area that it covers: nothing aliases."""
    part = frame[crop.top : crop.bottom, crop.left : crop.right]
    if part.shape[:2] == (height, width):
        return np.ascontiguousarray(part)
    smaller = height <= crop.height and width <= crop.width
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
