"""Contact sheets of data sets: a row a clip, a few of its frames, holes outlined and tracks drawn.

The one module for it: `data show` draws data sets that exist, `data prepare` its report. Make `SheetRow`s, or let `rows_of` read them
from a folder of `data/format.py`, then `draw_sheet` and `write_sheet`.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageDraw

from inpaintdiff.data.format import ClipEntry, Manifest, read_manifest
from inpaintdiff.data.holes import read_hole
from inpaintdiff.data.pictures import evenly_spaced
from inpaintdiff.data.tracks import TrackBox, read_tracks
from inpaintdiff.data.video import read_frames
from inpaintdiff.errors import DatasetError, SettingError, VideoWriteError

_GAP, _LABEL = 3, 92
_HOLE = (255, 0, 255)
_PAPER = (255, 255, 255)
# Far apart from each other and from what roads look like; a track keeps its colour.
_TRACKS = ((255, 214, 0), (0, 229, 255), (118, 255, 3), (255, 145, 0), (124, 77, 255), (255, 64, 129))
# Frames whose middles make up the tail behind a box.
_TAIL = 16
# Boxes of fewer pixels are not drawn: their outlines would hide them.
_SMALLEST = 2.5


@dataclass(frozen=True, eq=False)
class SheetRow:
    """What a sheet shows of a clip.

    Attributes:
        label: beside the row; spaces and slashes break it into lines.
        frames: those that are shown.
        index: their numbers in the clip.
        hole: of the frames shown, True is hidden; None where there is none.
        boxes: tracks of the whole clip.
    """

    label: str
    frames: UInt8[np.ndarray, "t h w 3"]
    index: tuple[int, ...]
    hole: Bool[np.ndarray, "t h w"] | None = None
    boxes: Sequence[TrackBox] = ()


def rows_of(root: Path | str, split: str | None = None, clips: int = 8, columns: int = 8) -> list[SheetRow]:
    """Rows for the first clips of a data set; only the frames that are shown are decoded.

    Args:
        root: folder that holds dataset.json.
        split: of this one only; by default train, then val, then test until there are enough.
        clips: how many at most.
        columns: frames of each.

    Raises:
        DatasetError: no data set, an unknown split, or no clips.
    """
    root = Path(root)
    manifest = read_manifest(root)
    if split is not None and split not in manifest.splits:
        raise DatasetError(f"{root} has no split {split!r}; it has {', '.join(manifest.splits)}")
    names = [split] if split is not None else list(manifest.splits)
    entries = [e for name in names for e in manifest.splits[name]][:clips]
    if not entries:
        raise DatasetError(f"{root} has no clips{f' in split {split!r}' if split else ''}")
    return [row_of(root, manifest, entry, columns) for entry in entries]


def row_of(root: Path, manifest: Manifest, entry: ClipEntry, columns: int = 8) -> SheetRow:
    """The row of one clip of a data set."""
    at = evenly_spaced(entry.frames, columns)
    hole = None
    if entry.hole is not None:
        hole = read_hole(root / entry.hole, entry.frames, manifest.height, manifest.width, allow_large=True)[at]
    boxes = read_tracks(root / entry.tracks) if entry.tracks is not None else ()
    label = str(Path(entry.video).with_suffix(""))
    return SheetRow(label, read_frames(root / entry.video, at), tuple(at), hole, boxes)


def draw_sheet(rows: Sequence[SheetRow], tile: int = 192) -> UInt8[np.ndarray, "height width 3"]:
    """All rows in one picture.

    Args:
        rows: at least one; frames of one size.
        tile: frames smaller than this are enlarged by whole factors, so that pixels stay visible as pixels.
    """
    height, width = rows[0].frames.shape[1:3]
    k = max(1, tile // max(height, width))
    most = max(len(row.frames) for row in rows)
    sheet = Image.new("RGB", (_LABEL + most * (width * k + _GAP), len(rows) * (height * k + _GAP)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for r, row in enumerate(rows):
        y = r * (height * k + _GAP)
        draw.multiline_text((4, y + 4), row.label.replace("/", " ").replace(" ", "\n"), fill=(0, 0, 0), spacing=2)
        for c in range(len(row.frames)):
            sheet.paste(_tile(row, c, k), (_LABEL + c * (width * k + _GAP), y))
    return np.asarray(sheet)


def write_sheet(path: Path, picture: UInt8[np.ndarray, "height width 3"], overwrite: bool = False) -> Path:
    """Write a sheet as .png, under a temporary name first.

    Raises:
        SettingError: the name does not end in .png.
        VideoWriteError: it exists, or cannot be written.
    """
    if path.suffix.lower() != ".png":
        raise SettingError(f"{path} is no name for a sheet; expected one that ends in .png")
    if path.exists() and not overwrite:
        raise VideoWriteError(f"{path} exists already; give another name, or --overwrite (overwrite=True).")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(part, format="PNG")
        part.replace(path)
    except OSError as e:
        raise VideoWriteError(f"{path} cannot be written: {e.strerror or e}.") from e
    finally:
        part.unlink(missing_ok=True)
    return path


def _tile(row: SheetRow, c: int, k: int) -> Image.Image:
    picture = row.frames[c].repeat(k, axis=0).repeat(k, axis=1)
    if row.hole is not None:
        picture = np.where(_outline(row.hole[c].repeat(k, axis=0).repeat(k, axis=1))[..., None], _HOLE, picture)
    tile = Image.fromarray(picture.astype(np.uint8))
    draw = ImageDraw.Draw(tile)
    t = row.index[c]
    for number in sorted({b.vehicle for b in row.boxes if b.frame == t}):
        colour = _TRACKS[number % len(_TRACKS)]
        way = [b for b in row.boxes if b.vehicle == number and t - _TAIL <= b.frame <= t]
        box = max(way, key=lambda b: b.frame)
        if min(box.x2 - box.x1, box.y2 - box.y1) < _SMALLEST:
            continue
        draw.rectangle(tuple(round(v * k) for v in (box.x1, box.y1, box.x2, box.y2)), outline=colour)
        middles = [((b.x1 + b.x2) / 2 * k, (b.y1 + b.y2) / 2 * k) for b in sorted(way, key=lambda b: b.frame)]
        if len(middles) > 1:
            draw.line(middles, fill=colour)
    return tile


def _outline(hole: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The hole's outermost pixels; the picture's border does not count as an edge."""
    padded = np.pad(hole, 1, mode="edge")
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return hole & ~inner
