"""Keyframes: the project's own file of boxes and polygons that move, as `Shapes`."""

from itertools import pairwise
from typing import Any

from inpaintdiff.data.hole_shapes import Moving, MovingShapes, Outline
from inpaintdiff.data.hole_values import (
    as_box,
    as_frame,
    as_id,
    as_list,
    as_polygon,
    as_table,
    chosen,
    only_keys,
    short,
    size_of,
)
from inpaintdiff.errors import HoleError


def read_keyframes(content: dict[str, Any], name: str, track: int | None) -> MovingShapes:
    """Our own format: objects that move straight between keyframes.

        {"width": 640, "height": 360,
         "objects": [
           {"id": 1, "keyframes": [{"frame": 0, "box": [200, 120, 330, 230]}, {"frame": 40, "box": [260, 120, 390, 230]}]},
           {"id": 2, "before": "hold", "after": "hold",
            "keyframes": [{"frame": 10, "polygon": [[10, 10], [60, 12], [40, 70]]}]}]}

    Frames count from 0. A box is x1, y1, x2, y2 as for `--box`, decimals are allowed. Every keyframe of an object has the same
    number of corners (a box has four). An object is hidden before its first and after its last keyframe, unless `before` or
    `after` says "hold"; one that comes back later is a second object, with the same `id` if you like. `id`, `width` and `height`
    may be left out.

    Args:
        content: of the file.
        name: of the file, for messages.
        track: the objects with this id only.

    Raises:
        HoleError: anything else; the message says where.
    """
    only_keys(content, ("objects", "width", "height"), name)
    objects = as_list(content["objects"], f"{name}: objects")
    moving: list[tuple[int | None, Moving]] = []
    for k, entry in enumerate(objects):
        where = f"{name}: object {k}"
        thing = as_table(entry, where)
        only_keys(thing, ("id", "keyframes", "before", "after"), where)
        moving.append((as_id(thing.get("id"), where), _moving(thing, where)))
    return MovingShapes([m for _, m in chosen(moving, track, name)], size_of(content, "height", "width", name))


def _moving(thing: dict[str, Any], where: str) -> Moving:
    edges = {side: thing.get(side, "hide") for side in ("before", "after")}
    for side, value in edges.items():
        if value not in ("hide", "hold"):
            raise HoleError(f'{where}: {side} is {short(value)}; expected "hide" or "hold".')
    times: list[int] = []
    places: list[Outline] = []
    for entry in as_list(thing.get("keyframes"), f"{where}: keyframes"):
        key = as_table(entry, f"{where}: a keyframe")
        only_keys(key, ("frame", "box", "polygon"), f"{where}: a keyframe")
        time = as_frame(key.get("frame"), f"{where}: a keyframe")
        if ("box" in key) == ("polygon" in key):
            raise HoleError(f"{where}: the keyframe of frame {time} wants a box or a polygon, one of them.")
        here = f"{where}, frame {time}"
        places.append(as_box(key["box"], here) if "box" in key else as_polygon(key["polygon"], here))
        times.append(time)
    if not times:
        raise HoleError(f"{where} has no keyframe; give at least one.")
    if any(a >= b for a, b in pairwise(times)):
        raise HoleError(f"{where}: its keyframes are at {short(times)}; expected increasing frame numbers.")
    if len({len(p) for p in places}) > 1:
        raise HoleError(
            f"{where}: its keyframes have {short([len(p) for p in places])} corners; expected as many in each."
        )
    return Moving(tuple(times), tuple(places), **edges)
