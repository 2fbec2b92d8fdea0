"""Files that say where things are: keyframes of our own, labelme and COCO annotations, MOT tracks, as `Shapes`."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from inpaintdiff.data.hole_keyframes import read_keyframes
from inpaintdiff.data.hole_shapes import FrameShapes, Outline, Shapes, box_outline, draw
from inpaintdiff.data.hole_values import (
    as_box,
    as_id,
    as_list,
    as_numbers,
    as_polygon,
    as_table,
    chosen,
    short,
    size_of,
)
from inpaintdiff.data.video_container import check_no_pipe, is_folder
from inpaintdiff.data.video_readers import image_paths, natural_key
from inpaintdiff.errors import HoleError, VideoReadError

_TABLES = frozenset({".csv", ".txt"})
_KINDS = 'expected "objects" (keyframes), "shapes" (labelme), or "images" and "annotations" (COCO)'

# A track's number, and where it is.
Tracked = tuple[int | None, Outline]


def is_shapes(path: Path) -> bool:
    """Whether a path is for `read_shapes`: a .json, .csv or .txt file, or a folder of labelme files."""
    try:
        folder = is_folder(path)
    except VideoReadError:  # whoever reads pictures there says why not
        return False
    if not folder:
        return path.suffix.lower() in {".json", *_TABLES}
    files = _json_files(path)
    return bool(files) and (not image_paths(path) or "shapes" in _load(files[0], f"mask {files[0]}"))


def shape_levels(
    path: Path, name: str, frames: int, height: int, width: int, track: int | None = None
) -> Iterator[UInt8[np.ndarray, "h w"]]:
    """The hole that a file of outlines describes as grey levels 0 and 255, a picture at a time, each drawn when it is asked for.

    Args:
        path: see `read_shapes`.
        name: for messages.
        frames, height, width: of the video.
        track: see `read_shapes`.

    Yields:
        As many pictures as the file says it is for; as there are frames where it does not; one where that holds for all.

    Raises:
        HoleError: see `read_shapes`; or it was drawn on another video.
    """
    shapes = read_shapes(path, name, track)
    if shapes.size is not None and shapes.size != (height, width):
        raise HoleError(
            f"{name} was drawn on pictures of {shapes.size[1]} x {shapes.size[0]}, the video is {width} x {height}. "
            "Give outlines for the video's size."
        )
    if shapes.frames is None and shapes.last >= frames:
        raise HoleError(f"{name} goes to frame {shapes.last} (the first is 0), the video has frames 0 to {frames - 1}.")
    shown: list[Outline] | None = None
    picture = np.zeros((height, width), dtype=np.uint8)
    for i in range(shapes.frames or frames):
        now = shapes.outlines(i)
        if shown is None or len(now) != len(shown) or not all(map(np.array_equal, now, shown)):
            shown, picture = now, draw(now, height, width).astype(np.uint8) * 255
        yield picture


def read_shapes(path: Path, name: str, track: int | None = None) -> Shapes:
    """What a file, or a folder of labelme files, says, told by its content.

    - our own JSON: see `read_keyframes`.
    - labelme JSON: one file holds for all frames. In a folder, file k in natural order is for frame k; where the pictures lie
      beside the files, as labelme leaves them, a file is for the picture of its name, and a picture without one has no hole.
    - COCO JSON: image k in natural order of `file_name` is frame k; polygons, or boxes where there are none.
    - a table `frame,id,x,y,width,height,...` (.csv or .txt, as in the MOT challenge): frames count from 1, x and y are the upper
      left corner from (0, 0) on. A track is hidden in frames without a row.

    Args:
        path: file or folder.
        name: for messages.
        track: only what has this number: `id` of keyframes and tables, `group_id` of labelme, `track_id` of COCO.

    Raises:
        HoleError: missing, unreadable, none of these, or faulty; the message says where.
    """
    try:
        check_no_pipe(path)
        if is_folder(path):
            return _labelme_folder(path, name, track)
    except VideoReadError as e:
        raise HoleError(f"mask {e}") from e
    if path.suffix.lower() in _TABLES:
        return _read_table(path, name, track)
    content = _load(path, name)
    if "objects" in content:
        return read_keyframes(content, name, track)
    if "shapes" in content:
        named = [(0, *thing) for thing in _labelme(content, name)]
        return _by_frame(named, track, name, frames=1, size=size_of(content, "imageHeight", "imageWidth", name))
    if "images" in content and "annotations" in content:
        return _read_coco(content, name, track)
    raise HoleError(f"{name} holds {short(sorted(content))}; {_KINDS}.")


def _labelme_folder(path: Path, name: str, track: int | None) -> Shapes:
    files, pictures = _json_files(path), [p.stem for p in image_paths(path)]
    if lost := [f.name for f in files if pictures and f.stem not in pictures]:
        raise HoleError(f"{name} holds {lost[0]}, but no picture of that name, so nothing says for which frame it is.")
    size: tuple[int, int] | None = None
    named: list[tuple[int, int | None, Outline]] = []
    numbers = {stem: i for i, stem in reversed(list(enumerate(pictures)))}
    for k, file in enumerate(files):
        content = _load(file, f"mask {file}")
        here = size_of(content, "imageHeight", "imageWidth", f"mask {file}")
        size = size or here
        if here not in (None, size):
            raise HoleError(f"mask {file} was drawn on another size of picture than {files[0].name}.")
        named += [(numbers.get(file.stem, k), *thing) for thing in _labelme(content, f"mask {file}")]
    return _by_frame(named, track, name, frames=len(pictures) or len(files), size=size)


def _labelme(content: dict[str, Any], name: str) -> Iterator[Tracked]:
    for k, entry in enumerate(as_list(content.get("shapes"), f"{name}: shapes")):
        where = f"{name}: shape {k}"
        shape = as_table(entry, where)
        kind = shape.get("shape_type") or "polygon"
        corners = as_list(shape.get("points"), f"{where}: points")
        number = as_id(shape.get("group_id"), where)
        if kind == "rectangle" and len(corners) == 2:
            (xa, ya), (xb, yb) = (as_numbers(p, 2, f"{where}: a corner") for p in corners)
            yield number, as_box([min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)], where)
        elif kind in ("polygon", "rectangle"):
            yield number, as_polygon(corners, where)
        else:
            raise HoleError(f"{where} is a {short(kind)}; polygons and rectangles can be read.")


def _read_coco(content: dict[str, Any], name: str, track: int | None) -> Shapes:
    images = [as_table(x, f"{name}: image {k}") for k, x in enumerate(as_list(content["images"], f"{name}: images"))]
    for k, image in enumerate(images):
        if not isinstance(image.get("file_name"), str) or as_id(image.get("id"), f"{name}: image {k}") is None:
            raise HoleError(f"{name}: image {k} wants an id (a number) and a file_name.")
    images.sort(key=lambda image: natural_key(Path(image["file_name"])))
    if not images:
        raise HoleError(f"{name} names no image, so nothing says how long it is; expected one for each frame.")
    sizes = {size_of(image, "height", "width", f"{name}: image {image['id']}") for image in images} - {None}
    if len(sizes) > 1:
        raise HoleError(f"{name} has images of {len(sizes)} sizes; a video has one.")
    frames = {image["id"]: k for k, image in enumerate(images)}
    if len(frames) < len(images):
        raise HoleError(f"{name} gives {len(images)} images {len(frames)} ids; expected an id for each.")
    named: list[tuple[int, int | None, Outline]] = []
    for k, entry in enumerate(as_list(content["annotations"], f"{name}: annotations")):
        where = f"{name}: annotation {k}"
        annotation = as_table(entry, where)
        image_id = as_id(annotation.get("image_id"), where)
        if image_id not in frames:
            raise HoleError(f"{where} is for the image {short(image_id)}, which is not among the images.")
        attributes = annotation.get("attributes")
        number = annotation.get("track_id", attributes.get("track_id") if isinstance(attributes, dict) else None)
        named += [(frames[image_id], as_id(number, where), outline) for outline in _coco_outlines(annotation, where)]
    return _by_frame(named, track, name, frames=len(images), size=next(iter(sizes), None))


def _coco_outlines(annotation: dict[str, Any], where: str) -> Iterator[Outline]:
    if isinstance(polygons := annotation.get("segmentation"), dict):
        raise HoleError(f"{where} is a run-length mask; polygons and boxes can be read. Export polygons, or pictures.")
    if not polygons:
        x, y, w, h = as_numbers(annotation.get("bbox"), 4, f"{where}: bbox")
        yield as_box([x, y, x + w, y + h], where)
        return
    for polygon in as_list(polygons, f"{where}: segmentation"):
        flat = as_numbers(polygon, None, f"{where}: polygon")
        if len(flat) % 2:
            raise HoleError(f"{where}: a polygon has {len(flat)} numbers; expected x and y in turn.")
        yield as_polygon([flat[i : i + 2] for i in range(0, len(flat), 2)], where)


def _read_table(path: Path, name: str, track: int | None) -> Shapes:
    named: list[tuple[int, int | None, Outline]] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for n, row in enumerate(csv.reader(file), 1):
                if not row or (n == 1 and row[0].strip().lower() == "frame"):
                    continue
                named.append(_row(row, f"{name}, line {n}"))
    except (OSError, ValueError, csv.Error) as e:
        if isinstance(e, HoleError):
            raise
        raise HoleError(f"{name} cannot be read as a table: {getattr(e, 'strerror', None) or e}.") from e
    return _by_frame(named, track, name)


def _row(row: list[str], where: str) -> tuple[int, int | None, Outline]:
    try:
        numbers = [float(v) for v in row[:6]]
    except ValueError:
        numbers = []
    if len(numbers) < 6:
        raise HoleError(f"{where} is {short(','.join(row))}; expected frame,id,x,y,width,height and perhaps more.")
    frame, number, x, y, w, h = as_numbers(numbers, 6, where)
    if frame != int(frame) or frame < 1 or number != int(number):
        raise HoleError(f"{where} has frame {row[0]} and id {row[1]}; expected whole numbers, frames from 1.")
    if w <= 0 or h <= 0:
        raise HoleError(f"{where} has a box of {w:g} x {h:g} pixels; expected a width and a height above 0.")
    return int(frame) - 1, int(number), box_outline(x, y, x + w, y + h)


def _by_frame(
    named: Sequence[tuple[int, int | None, Outline]],
    track: int | None,
    name: str,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
) -> FrameShapes:
    found: dict[int, list[Outline]] = defaultdict(list)
    for _, (frame, outline) in chosen([(number, (frame, outline)) for frame, number, outline in named], track, name):
        found[frame].append(outline)
    return FrameShapes(found, frames, size)


def _json_files(folder: Path) -> list[Path]:
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() == ".json" and not p.name.startswith(".")]
    except OSError as e:
        raise HoleError(f"mask {folder} cannot be read: {e.strerror}.") from e
    return sorted(found, key=natural_key)


def _load(path: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as e:
        raise HoleError(f"{name} does not exist.") from e
    except (OSError, ValueError, RecursionError) as e:
        raise HoleError(f"{name} cannot be read as JSON: {getattr(e, 'strerror', None) or e}.") from e
    if not isinstance(content, dict):
        raise HoleError(f"{name} holds a {type(content).__name__}; {_KINDS}.")
    return content
