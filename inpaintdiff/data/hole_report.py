"""What can be said of a hole before anybody paints: size, share, grey levels, whether it looks inverted; and a sheet of pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from inpaintdiff.data.hole_annotations import is_shapes
from inpaintdiff.data.hole_files import iter_levels
from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.pictures import contact_sheet, evenly_spaced
from inpaintdiff.data.video import VideoReader, to_unit
from inpaintdiff.errors import HoleError

# The longer side of a picture of the sheet is at most about so many pixels.
_TILE = 256
_COLOUR = (255, 0, 255)


@dataclass(frozen=True)
class Levels:
    """A mask of pictures as it is in its file.

    Attributes:
        pictures, height, width: how many there are, and their size in pixels.
        counts: how many pixels have each grey level.
    """

    pictures: int
    height: int
    width: int
    counts: Int[np.ndarray, " 256"]

    def __str__(self) -> str:
        present = np.flatnonzero(self.counts)
        values = ", ".join(map(str, present)) if len(present) <= 4 else f"{present[0]} to {present[-1]}"
        between = self.counts[1:255].sum() / self.counts.sum()
        grey = f"; {between:.1%} of the pixels are neither black nor white" if between else ""
        return f"{len(present)} grey level{'s' * (len(present) > 1)} ({values}){grey}"


def measure_levels(path: Path) -> Levels | None:
    """Go through a mask once; None for outlines, which have no pictures.

    Raises:
        HoleError: missing, unreadable, or pictures of different sizes.
    """
    if is_shapes(path):
        return None
    counts, n, shape = np.zeros(256, dtype=np.int64), 0, (0, 0)
    for n, picture in enumerate(iter_levels(path, f"mask {path}"), 1):
        shape = picture.shape
        counts += np.bincount(picture.reshape(-1), minlength=256)
    return Levels(n, shape[0], shape[1], counts)


def polarity(hole: HoleTrack) -> str:
    """Whether a hole looks as if white were filled, in words."""
    try:
        hole.check()
    except HoleError as e:
        return str(e)
    return "white is filled"


def shares(hole: HoleTrack) -> tuple[float, float, float]:
    """The least, mean and largest share of the picture that is hole, over the frames that have one; zeros where none has."""
    found = [s for picture in hole if (s := float(picture.mean()))]
    return (min(found), sum(found) / len(found), max(found)) if found else (0.0, 0.0, 0.0)


def hole_sheet(
    hole: HoleTrack, video: VideoReader | None = None, columns: int = 6
) -> UInt8[np.ndarray, "height width 3"]:
    """A row of evenly spaced pictures of the hole, white is filled, and one of the video with the hole in magenta.

    Args:
        hole: what to show.
        video: of the hole's length and size.
        columns: pictures a row.
    """
    at = evenly_spaced(len(hole), columns)
    pictures = hole.read(at)
    rows = [("hole", _small(np.repeat(pictures[..., None].astype(np.uint8) * 255, 3, axis=3)))]
    if video is not None:
        frames = video.read(at)
        frames[pictures] = _COLOUR
        rows.insert(0, ("video", _small(frames)))
    return contact_sheet([(label, to_unit(frames)) for label, frames in rows], columns)


def _small(frames: UInt8[np.ndarray, "t h w 3"]) -> UInt8[np.ndarray, "t h2 w2 3"]:
    every = max(1, max(frames.shape[1:3]) // _TILE)
    return np.ascontiguousarray(frames[:, ::every, ::every])


def parse_size(text: str) -> tuple[int, int]:
    """Height and width from `WIDTHxHEIGHT`.

    Raises:
        HoleError: other text, or a size that no video has.
    """
    parts: Sequence[str] = text.lower().split("x")
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and 0 < len(p) < 6 and int(p) for p in parts):
        raise HoleError(f"the size {text[:40]!r} is not of the form WIDTHxHEIGHT in pixels, as 640x360.")
    return int(parts[1]), int(parts[0])
