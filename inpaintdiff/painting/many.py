"""Many videos by one order: a folder of videos, or a table of videos, masks and outputs. One failure does not stop the rest."""

import csv
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inpaintdiff.data.video_container import is_folder
from inpaintdiff.data.video_readers import IMAGE_SUFFIXES, natural_key
from inpaintdiff.errors import InpaintDiffError, SettingError, VideoReadError
from inpaintdiff.painting.files import Written, check, make_job, run
from inpaintdiff.painting.job import Job
from inpaintdiff.painting.order import Order, was_done
from inpaintdiff.painting.painters import Painter

log = logging.getLogger(__name__)

VIDEO_SUFFIXES = frozenset(
    [".mp4", ".m4v", ".mkv", ".mov", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".gif"]
)
_COLUMNS = ("video", "mask", "box", "output")


@dataclass(frozen=True)
class Outcome:
    """What became of one video.

    Attributes:
        order: that was given.
        written: its files; None where it failed, or was there already.
        error: why it failed, a sentence.
        unforeseen: the fault was not the input's.
    """

    order: Order
    written: Written | None = None
    error: str | None = None
    unforeseen: bool = False


def orders_of(order: Order) -> list[Order] | None:
    """The orders that an order for a folder of videos, or for a CSV file, stands for; None if it is for one video.

    A folder with pictures is one video. In a folder of videos `mask` may be a folder with a mask for each: a picture, folder,
    video or array of the video's name. `output` is a folder. The columns of a CSV file are `video` and any of `mask`, `box`
    (several apart by spaces) and `output`; paths are relative to the CSV file's folder, outputs to `order.output`, and what a
    row leaves open is as in `order`.

    Raises:
        VideoReadError: an empty folder, or a table without rows or with other columns.
        SettingError: two videos would be written to the same place, or one outside of `order.output`.
    """
    if order.video.suffix.lower() == ".csv" and not is_folder(order.video) and order.video.is_file():
        found = list(_from_table(order))
    elif is_folder(order.video):
        inside = sorted((p for p in order.video.iterdir() if not p.name.startswith(".")), key=natural_key)
        videos = [p for p in inside if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file()]
        if not videos or any(p.suffix.lower() in IMAGE_SUFFIXES for p in inside):
            return None
        found = [replace(order, video=v, mask=_mask_for(v, order.mask), output=_output_for(v, order)) for v in videos]
    else:
        return None
    taken: dict[Path, Path] = {}
    for o in found:
        place = _absolute(o.output)
        if (other := taken.setdefault(place, o.video)) != o.video:
            raise SettingError(
                f"{other} and {o.video} would both be written to {o.output}; name the outputs in a CSV file."
            )
        if not place.is_relative_to(_absolute(order.output)):
            raise SettingError(f"{o.video} would be written to {o.output}, outside of {order.output}.")
    return found


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` stumbles over names that no file can have


def paint_all(
    orders: Sequence[Order], painter: Painter, perform: Callable[[Order, Job], Written] = run
) -> Iterator[Outcome]:
    """Paint one video after the other; with `resume`, those that are finished are passed over.

    Args:
        orders: of one painter, with its sampling.
        painter: for all.
        perform: paints one.
    """
    for order in orders:
        try:
            outcome = Outcome(order, None if was_done(order) else perform(order, make_job(check(order), painter)))
        except InpaintDiffError as e:
            outcome = Outcome(order, error=str(e))
        except Exception as e:  # a fault of ours with one video must not cost the night's other videos
            log.exception("%s: unforeseen", order.video)
            outcome = Outcome(order, error=f"unforeseen {type(e).__name__}: {e}", unforeseen=True)
        yield outcome


def _from_table(order: Order) -> Iterator[Order]:
    path = order.video
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            columns = table.fieldnames or []
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise VideoReadError(f"{path} cannot be read as a table: {getattr(e, 'strerror', None) or e}.") from e
    if "video" not in columns or not set(columns) <= set(_COLUMNS):
        raise VideoReadError(
            f"{path} has the columns {', '.join(columns) or 'none'}; expected video and any of mask, box, output."
        )
    if not rows:
        raise VideoReadError(f"{path} has no row.")
    for k, row in enumerate(rows, 1):
        if not row["video"]:
            raise VideoReadError(f"{path}: row {k} names no video.")
        if None in row:
            raise VideoReadError(f"{path}: row {k} has more than its {len(columns)} columns; a box wants quotes.")
        video = path.parent / row["video"]
        boxes, mask = (row.get("box") or "").split(), row.get("mask")
        yield replace(
            order,
            video=video,
            mask=path.parent / mask if mask else None if boxes else order.mask,
            boxes=tuple(boxes) or (() if mask else order.boxes),
            output=order.output / row["output"] if row.get("output") else _output_for(video, order),
        )


def _output_for(video: Path, order: Order) -> Path:
    return order.output / f"{video.stem}{'.mkv' if order.lossless else '.mp4'}"


def _mask_for(video: Path, mask: Path | None) -> Path | None:
    """The mask of this video's name in a folder of masks; a folder of pictures without one is the mask of every video."""
    if mask is None or not is_folder(mask):
        return mask
    named = [p for p in mask.iterdir() if p.stem == video.stem and not p.name.startswith(".")]
    return min(named, key=natural_key) if named else mask
