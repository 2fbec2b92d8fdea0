"""Videos inside a page: all versions of a clip side by side in one picture a frame, so that nothing can get out of step."""

import base64
import io
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from inpaintdiff.data.video import write_video
from inpaintdiff.errors import SettingError

KINDS = ("auto", "pictures", "video")
# pixels of all frames together, up to which every frame is a picture of its own: exact, and no decoder is needed
_PICTURES_UP_TO = 12_000_000
_WIDEST = 1920  # pixels of a mosaic, which any decoder can do
_SMALL = 160  # pixels below which pictures are kept without loss, and videos enlarged, as h264 halves the resolution of colour
_CRF, _GOP = 17, 8


@dataclass(frozen=True)
class MediaSettings:
    """How videos are put into a page.

    Attributes:
        kind: pictures: a WebP picture a frame, small ones without loss; video: h264; auto: pictures where they are small.
        size: longest side of a version, pixels; larger ones are made smaller.
    """

    kind: str = "auto"
    size: int = 480

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SettingError(f"there is no kind of media {self.kind!r}; expected one of {', '.join(KINDS)}")
        if self.size < 16:
            raise SettingError(f"the size of videos in a page must be at least 16 pixels, got {self.size}")


@dataclass(frozen=True)
class Media:
    """A clip as a page has it.

    Attributes:
        facts: for the player: kind, frames, fps, and the rectangle of every version, in pixels of the mosaic.
        text: base64: an mp4 file, or pictures, one a line.
    """

    facts: dict[str, Any]
    text: str


def embed(versions: Sequence[UInt8[np.ndarray, "t h w 3"]], fps: float, settings: MediaSettings) -> Media:
    """Versions of one size and length as one piece of media."""
    versions = [_fitted(v, settings.size) for v in versions]
    t, h, w, _ = versions[0].shape
    columns = max(1, min(len(versions), _WIDEST // w))
    rows = math.ceil(len(versions) / columns)
    kind = settings.kind
    if kind == "auto":
        kind = "pictures" if t * rows * h * columns * w <= _PICTURES_UP_TO else "video"
    enlarged = 2 if kind == "video" and max(h, w) < _SMALL else 1
    mosaic = np.zeros((t, rows * h, columns * w, 3), dtype=np.uint8)
    tiles = []
    for k, version in enumerate(versions):
        y, x = k // columns * h, k % columns * w
        mosaic[:, y : y + h, x : x + w] = version
        tiles.append([enlarged * side for side in (x, y, w, h)])
    facts: dict[str, Any] = {"kind": kind, "frames": t, "fps": fps, "tiles": tiles}
    if kind == "pictures":
        lossless = max(h, w) <= _SMALL
        return Media(facts, "\n".join(_base64(_webp(frame, lossless)) for frame in mosaic))
    return Media(facts, _base64(_mp4(mosaic.repeat(enlarged, axis=1).repeat(enlarged, axis=2), fps)))


def _fitted(frames: UInt8[np.ndarray, "t h w 3"], size: int) -> UInt8[np.ndarray, "t h w 3"]:
    h, w = frames.shape[1:3]
    if max(h, w) <= size:
        return frames
    to = (max(1, round(w * size / max(h, w))), max(1, round(h * size / max(h, w))))
    return np.stack([np.asarray(Image.fromarray(f).resize(to, Image.Resampling.LANCZOS)) for f in frames])


def _webp(frame: UInt8[np.ndarray, "h w 3"], lossless: bool) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "WEBP", lossless=lossless, quality=60 if lossless else 88, method=2)
    return file.getvalue()


def _mp4(frames: UInt8[np.ndarray, "t h w 3"], fps: float) -> bytes:
    # browsers play 4:2:0, which wants even sides
    even = np.pad(frames, ((0, 0), (0, frames.shape[1] % 2), (0, frames.shape[2] % 2), (0, 0)), mode="edge")
    with tempfile.TemporaryDirectory() as folder:
        return write_video(Path(folder) / "clip.mp4", even, fps, crf=_CRF, gop=_GOP).read_bytes()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
