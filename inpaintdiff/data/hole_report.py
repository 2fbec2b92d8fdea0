"""What can be said of a hole before anybody paints: grey levels of its file, share, boxes, motion, polarity; and a preview sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Int, UInt8
from PIL import Image, ImageDraw

from inpaintdiff.data.hole_annotations import is_shapes
from inpaintdiff.data.hole_files import iter_levels
from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.holes import Box
from inpaintdiff.data.pictures import evenly_spaced
from inpaintdiff.data.video import VideoReader
from inpaintdiff.errors import HoleError

# Pixels of the preview sheet: the longer side of a frame on it, between frames, a line of text, the chart of shares.
_TILE, _GAP, _LINE, _CHART = 256, 4, 14, 32
_COLOUR, _FAINT = (255, 0, 255), (225, 225, 225)
# Of the hole's colour over a frame; what lies under it stays to be seen.
_OPACITY = 0.65


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
        return f"{len(present)} ({values}){grey}"


def measure_levels(path: Path) -> Levels | None:
    """Go through a mask once; None for outlines, which have no pictures.

    Raises:
        HoleError: missing, unreadable, or pictures of different sizes.
    """
    if is_shapes(path):
        return None
    counts, n, shape = np.zeros(256, dtype=np.int64), 0, (0, 0)
    for n, picture in enumerate(iter_levels(path, f"mask {path}"), 1):  # noqa: B007 (the last number is the count)
        shape = picture.shape
        counts += np.bincount(picture.reshape(-1), minlength=256)
    return Levels(n, shape[0], shape[1], counts)


@dataclass(frozen=True)
class HoleSummary:
    """A hole in numbers.

    Attributes:
        shares: of the picture that is hole, in each frame, 0 to 1.
        within: the smallest box around all of it, in all frames; None where nothing is marked.
        first, last: number of the first and of the last frame with a hole, and the box around it there.
        parts: boxes around the connected parts of what is hole in any frame, largest first.
        moves: whether any two frames differ.
        polarity: what `HoleTrack.check` says.
    """

    shares: list[float]
    within: Box | None
    first: tuple[int, Box] | None
    last: tuple[int, Box] | None
    parts: list[Box]
    moves: bool
    polarity: str


def summarize(hole: HoleTrack) -> HoleSummary:
    """Go through a hole once; one picture is in memory at a time."""
    shares: list[float] = []
    first: tuple[int, Box] | None = None
    last: tuple[int, Box] | None = None
    for i, picture in enumerate(hole):
        shares.append(float(picture.mean()))
        if box := _around(picture):
            first, last = first or (i, box), (i, box)
    try:
        hole.check()
        polarity = "white is filled"
    except HoleError as e:
        polarity = str(e)
    return HoleSummary(shares, _around(hole.union), first, last, _parts(hole.union), hole.moves, polarity)


def _around(picture: Bool[np.ndarray, "h w"]) -> Box | None:
    ys, xs = (np.flatnonzero(picture.any(axis=axis)) for axis in (1, 0))
    return Box(int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1) if len(ys) else None


def _parts(picture: Bool[np.ndarray, "h w"]) -> list[Box]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(picture.astype(np.uint8), connectivity=8)
    found = sorted(([int(v) for v in row] for row in stats[1:]), key=lambda row: -row[cv2.CC_STAT_AREA])
    return [Box(x, y, x + w, y + h) for x, y, w, h, _ in found]


def hole_sheet(
    hole: HoleTrack, shares: Sequence[float], video: VideoReader | None = None, columns: int = 6
) -> UInt8[np.ndarray, "height width 3"]:
    """Evenly spaced frames with the hole in magenta, their numbers, and a chart of its share in every frame, as high as the largest.

    Args:
        hole: what to show.
        shares: see `HoleSummary`.
        video: of the hole's length and size; grey where there is none.
        columns: frames, at most.
    """
    at = evenly_spaced(len(hole), columns)
    scale = _TILE / max(hole.height, hole.width)
    # enlarged by whole factors only, so that pixels stay pixels
    scale = float(int(scale)) if scale >= 1 else scale
    width, height = (max(1, round(n * scale)) for n in (hole.width, hole.height))
    sheet = Image.new("RGB", ((width + _GAP) * len(at) - _GAP, height + _LINE + _CHART), "white")
    pen = ImageDraw.Draw(sheet)
    for c, i in enumerate(at):
        frame = video.read([i])[0] if video else np.full((hole.height, hole.width, 3), 96, dtype=np.uint8)
        marked = _tinted(frame, hole.read([i])[0])
        way = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
        sheet.paste(Image.fromarray(marked).resize((width, height), way), (c * (width + _GAP), 0))
        pen.text((c * (width + _GAP) + 2, height), f"frame {i}: {shares[i]:.1%}", fill="black")
    top = height + _LINE
    pen.rectangle((0, top, sheet.width, sheet.height), fill=_FAINT)
    largest = max(max(shares), 1e-9)
    for x in range(sheet.width):
        # where there are more frames than pixels, the largest of those that share a column
        a = x * len(shares) // sheet.width
        b = max(a + 1, (x + 1) * len(shares) // sheet.width)
        if share := max(shares[a:b]):
            pen.line((x, sheet.height - max(1, round(share / largest * _CHART)), x, sheet.height), fill=_COLOUR)
    return np.asarray(sheet)


def _tinted(frame: UInt8[np.ndarray, "h w 3"], hole: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    out = frame.copy()
    out[hole] = np.rint(frame[hole] * (1 - _OPACITY) + np.array(_COLOUR) * _OPACITY).astype(np.uint8)
    return out
