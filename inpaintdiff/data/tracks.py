"""Files of tracks beside clips: a row an object and frame, comma-separated, with a line of column names.

A file has `frame` and `vehicle` (the object's number) and says where it is in one of two ways, in pixels from the upper left corner:

- x1, y1, x2, y2                  a box in the picture (any camera)
- x, y, heading, length, width    its middle, direction (radians, clockwise from the direction of x) and size (seen from above)

`kind` (car, bicycle, ...) and red, green, blue (0 to 255) are optional, and so are columns of a data set's own.
"""

import csv
import io
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from inpaintdiff.errors import DatasetError

_BOX = ("x1", "y1", "x2", "y2")
_PLACE = ("x", "y", "heading", "length", "width")
_COLOUR = ("red", "green", "blue")


@dataclass(frozen=True)
class TrackBox:
    """An object in a frame.

    Attributes:
        frame, vehicle: numbers.
        x1, y1, x2, y2: the box round it, pixels from the upper left corner of the picture; may reach beyond it.
        kind: what it is; empty where the file does not say.
        colour: RGB, 0 to 255; None where the file does not say.
    """

    frame: int
    vehicle: int
    x1: float
    y1: float
    x2: float
    y2: float
    kind: str = ""
    colour: tuple[int, int, int] | None = None


def write_tracks(path: Path, points: Sequence[Any], columns: type) -> None:
    """Write rows under a temporary name first; equal rows give equal bytes.

    Args:
        path: of the .csv file, replaced where it exists.
        points: dataclass instances, a row each.
        columns: their class, which names the columns also where there is no row.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(f.name for f in fields(columns))
    rows.writerows([f"{v:.3f}" if isinstance(v, float) else v for v in astuple(point)] for point in points)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_text(text.getvalue(), encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_tracks(path: Path) -> tuple[TrackBox, ...]:
    """The boxes of a file, in its order.

    Raises:
        DatasetError: the file cannot be read, or lacks columns or numbers.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            columns = set(table.fieldnames or ())
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise DatasetError(f"{path} cannot be read as a table: {e}") from e
    if not {"frame", "vehicle"} <= columns or not (set(_BOX) <= columns or set(_PLACE) <= columns):
        raise DatasetError(
            f"{path} has the columns {', '.join(sorted(columns)) or 'none'}; expected frame, vehicle, and either"
            f" {', '.join(_BOX)} or {', '.join(_PLACE)}"
        )
    read = _from_box if set(_BOX) <= columns else _from_place
    boxes = []
    for number, row in enumerate(rows, start=2):
        try:
            colour = tuple(int(row[c]) for c in _COLOUR) if set(_COLOUR) <= columns else None
            boxes.append(
                TrackBox(int(row["frame"]), int(row["vehicle"]), *read(row), str(row.get("kind") or ""), colour)  # type: ignore[arg-type]
            )
        except (TypeError, ValueError) as e:
            raise DatasetError(f"{path}, line {number}: {e}; expected numbers") from e
    return tuple(boxes)


def _from_box(row: Mapping[str, str]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (float(row[c]) for c in _BOX)
    return x1, y1, x2, y2


def _from_place(row: Mapping[str, str]) -> tuple[float, float, float, float]:
    x, y, heading, length, width = (float(row[c]) for c in _PLACE)
    c, s = abs(math.cos(heading)), abs(math.sin(heading))
    half_x, half_y = (c * length + s * width) / 2, (s * length + c * width) / 2
    return x - half_x, y - half_y, x + half_x, y + half_y
