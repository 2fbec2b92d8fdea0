"""Values from files that people and programs wrote, checked: each error says where, what was got and what was expected."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inpaintdiff.data.hole_shapes import Outline, box_outline
from inpaintdiff.errors import HoleError

# Pixels; far beyond every picture, and far from where floats lose their halves.
_FARTHEST = 1_000_000
_LAST = 1_000_000_000


def as_box(value: Any, where: str) -> Outline:
    """Four numbers x1, y1, x2, y2."""
    x1, y1, x2, y2 = as_numbers(value, 4, f"{where}: box")
    if not (x1 < x2 and y1 < y2):
        raise HoleError(f"{where}: box {short(value)} has no area; expected x1 < x2 and y1 < y2.")
    return box_outline(x1, y1, x2, y2)


def as_polygon(value: Any, where: str) -> Outline:
    """At least three pairs of numbers."""
    corners = [as_numbers(p, 2, f"{where}: a corner of the polygon") for p in as_list(value, f"{where}: polygon")]
    if len(corners) < 3:
        raise HoleError(f"{where}: a polygon has {len(corners)} corners; expected at least 3.")
    return np.asarray(corners, dtype=np.float64)


def as_numbers(value: Any, count: int | None, where: str) -> list[float]:
    """So many finite numbers of a size that pixels have."""
    if not isinstance(value, list) or (count is not None and len(value) != count):
        raise HoleError(f"{where} is {short(value)}; expected {'' if count is None else count} numbers.")
    for v in value:
        if (
            isinstance(v, bool) or not isinstance(v, int | float) or not -_FARTHEST <= v <= _FARTHEST
        ):  # False for NaN too
            raise HoleError(f"{where} has the value {short(v)}; expected pixels, from -{_FARTHEST} to {_FARTHEST}.")
    return [float(v) for v in value]


def as_frame(value: Any, where: str) -> int:
    """A frame number, counted from 0."""
    if type(value) is not int or not 0 <= value <= _LAST:
        raise HoleError(f"{where} has the frame {short(value)}; expected a whole number from 0.")
    return value


def as_id(value: Any, where: str) -> int | None:
    """A track's number, None where there is none."""
    if value is not None and type(value) is not int:
        raise HoleError(f"{where} has the id {short(value)}; expected a whole number.")
    return value


def as_list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise HoleError(f"{where} is {short(value)}; expected a list.")
    return value


def as_table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise HoleError(f"{where} is {short(value)}; expected an object with names and values.")
    return value


def size_of(table: Mapping[str, Any], height: str, width: str, where: str) -> tuple[int, int] | None:
    """Height and width of a picture, where both are given."""
    size = table.get(height), table.get(width)
    if size == (None, None):
        return None
    if not all(type(v) is int and v > 0 for v in size):
        raise HoleError(
            f"{where}: {width} and {height} are {short(size[1])} and {short(size[0])}; expected whole pixels."
        )
    return size  # type: ignore[return-value]


def only_keys(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    """A name that nobody knows is most likely mistyped, and leaving it out would paint something else."""
    if other := [key for key in table if key not in known]:
        raise HoleError(f"{where} has {short(other[0])}, which means nothing; known are {', '.join(known)}.")


def short(value: Any) -> str:
    """A value for a message, cut where nobody would read on."""
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def chosen(things: list[tuple[int | None, Any]], track: int | None, name: str) -> list[tuple[int | None, Any]]:
    """Those of one track, or all.

    Raises:
        HoleError: there is no such track.
    """
    if track is None:
        return things
    if not (found := [thing for thing in things if thing[0] == track]):
        known = sorted({t for t, _ in things if t is not None})
        have = f"its tracks are {short(known)}" if known else "it names none"
        raise HoleError(f"{name} has no track {track}; {have}.")
    return found
