"""Videos in and out: exact frames by number from files and image folders, and the only conversion between uint8 and [-1, 1]."""

import logging
from collections.abc import Container, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor

from inpaintdiff.data.video_container import is_folder
from inpaintdiff.data.video_probe import VideoInfo, index_video
from inpaintdiff.data.video_readers import (
    DecordError,
    DecordFrames,
    FrameSource,
    ImageFrames,
    PyavFrames,
    image_paths,
    read_image,
)
from inpaintdiff.data.video_write import check_output, write_video
from inpaintdiff.errors import VideoReadError

__all__ = [
    "VideoInfo",
    "VideoReader",
    "check_output",
    "open_video",
    "probe_video",
    "read_frames",
    "to_uint8",
    "to_unit",
    "write_video",
]

log = logging.getLogger(__name__)

# Pictures carry no rate; what ffmpeg assumes for a sequence of images.
_IMAGE_FPS = Fraction(25)


class VideoReader:
    """A video whose frames can be asked for by number. Holds no open file: safe to hand to worker processes.

    Args:
        info: facts about the video.
        exact: gives every frame.
        fast: gives the same frames faster where they are neighbours; `exact` takes over for good where it gives up.
    """

    def __init__(self, info: VideoInfo, exact: FrameSource, fast: DecordFrames | None = None) -> None:
        self.info = info
        self._exact = exact
        self._fast = fast

    def __len__(self) -> int:
        return self.info.frames

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "t h w 3"]:
        """These frames, in this order, RGB; the same as sequential decoding gives.

        Raises:
            VideoReadError: a number outside the video, or a frame that cannot be decoded.
        """
        outside = [i for i in indices if not 0 <= i < self.info.frames]
        if outside:
            raise VideoReadError(
                f"{self.info.path} has frames 0 to {self.info.frames - 1}; {outside[0]} was asked for."
            )
        if len(indices) == 0:
            return np.zeros((0, self.info.height, self.info.width, 3), dtype=np.uint8)
        if self._fast is not None and not self._exact.scattered(indices):
            try:
                return self._fast.read(indices)
            except DecordError as e:
                log.warning("decord cannot read %s (%s); PyAV reads it instead.", self.info.path, e)
                self._fast = None
        return self._exact.read(indices)

    def iter(self, wanted: Container[int] | None = None) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """All frames, or those of these numbers, in order; one is in memory at a time."""
        return self._exact.iter(wanted)


def probe_video(path: Path | str) -> VideoInfo:
    """Facts about a video file or a folder of images, without decoding more than one frame.

    Raises:
        VideoReadError: missing, empty, not a video, cut off, or no image in the folder.
    """
    path = Path(path)
    if is_folder(path):
        return _image_info(path, image_paths(path))
    return index_video(path)[0]


def open_video(path: Path | str, *, steady: bool = False) -> VideoReader:
    """A reader with random access: decord where `probe_video` proves it exact, else PyAV; folders by picture.

    Args:
        path: file or folder of pictures.
        steady: never decord. It reads the index of the whole file at every call, and on a busy machine takes in packets
            until its decoder's thread gives a frame: time and memory would grow with the length of the video.

    Raises:
        VideoReadError: as `probe_video`.
    """
    path = Path(path)
    if is_folder(path):
        paths = image_paths(path)
        info = _image_info(path, paths)
        return VideoReader(info, ImageFrames(paths, (info.height, info.width)))
    info, index = index_video(path)
    exact = PyavFrames(info, index)
    if info.bits > 8:
        log.info("%s has %d bits a value; they are read as 8.", path, info.bits)
    return VideoReader(info, exact, DecordFrames(info) if info.reader == "decord" and not steady else None)


def read_frames(path: Path | str, indices: Sequence[int]) -> UInt8[np.ndarray, "t h w 3"]:
    """These frames of a video, RGB. The file is opened and closed within the call, as worker processes need it.

    Raises:
        VideoReadError: as `open_video` and `VideoReader.read`.
    """
    return open_video(path).read(indices)


def to_unit(frames: UInt8[np.ndarray, "t h w 3"]) -> Float[Tensor, "t c h w"]:
    """uint8 RGB to float32 in [-1, 1]: 0 becomes -1, 255 becomes 1."""
    pixels = torch.from_numpy(np.array(frames)).to(torch.float32)
    return rearrange(pixels, "t h w c -> t c h w").contiguous().div_(127.5).sub_(1.0)


def to_uint8(frames: Float[Tensor, "t c h w"]) -> UInt8[np.ndarray, "t h w 3"]:
    """Values in [-1, 1] to uint8 RGB, rounded to the nearest; the exact inverse of `to_unit`. Values outside are clipped."""
    pixels = frames.detach().to("cpu", torch.float32).add(1.0).mul_(127.5).round_().clamp_(0, 255)
    return rearrange(pixels.to(torch.uint8), "t c h w -> t h w c").contiguous().numpy()


def _image_info(folder: Path, paths: Sequence[Path]) -> VideoInfo:
    if not paths:
        raise VideoReadError(f"{folder} is a folder without pictures (png, jpg, bmp, tif or webp).")
    height, width = read_image(paths[0]).shape[:2]
    return VideoInfo(
        path=folder,
        frames=len(paths),
        height=height,
        width=width,
        fps=_IMAGE_FPS,
        codec=paths[0].suffix.lower().lstrip("."),
        pix_fmt="rgb24",
        time_base=1 / _IMAGE_FPS,
        pts=None,
        rotation=0,
        has_audio=False,
        reader="images",
        reason="a folder of pictures",
    )
