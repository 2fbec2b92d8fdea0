"""Boxes of vehicles in a source, by the clock of the data set: from BDD100K's labels, from MOT files, from a detector."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from inpaintdiff.data.prepare.frames import Crop
from inpaintdiff.data.tracks import TrackBox
from inpaintdiff.errors import DatasetError

# BDD100K's box tracks were drawn on 5 frames a second of its videos of 30.
_BDD_FPS = 5
BDD_VEHICLES = frozenset({"car", "truck", "bus", "van", "caravan", "trailer"})
# A vehicle that was not seen for so many seconds has left.
_GAP = 0.6


@dataclass(frozen=True)
class Seen:
    """A vehicle at a moment.

    Attributes:
        time: seconds since the first frame of the source.
        number: of the vehicle.
        x1, y1, x2, y2: its box, pixels of the source.
        kind: what it is; may be empty.
    """

    time: float
    number: int
    x1: float
    y1: float
    x2: float
    y2: float
    kind: str = ""


@dataclass(frozen=True, eq=False)
class Track:
    """A vehicle on neighbouring ticks.

    Attributes:
        number: of the vehicle.
        kind: what it is; may be empty.
        first: tick of the first box.
        boxes: x1, y1, x2, y2 in pixels of the source, a row a tick.
    """

    number: int
    kind: str
    first: int
    boxes: Float[np.ndarray, "t 4"]

    @property
    def end(self) -> int:
        return self.first + len(self.boxes)


def read_boxes(path: Path, times: Mapping[int, float] | None = None) -> list[Seen]:
    """Boxes from a BDD100K .json, or from a MOT .txt or .csv.

    Args:
        path: the file.
        times: seconds of every frame of the source, for MOT, which counts frames (from 1).

    Raises:
        DatasetError: not of that form.
    """
    try:
        if path.suffix.lower() == ".json":
            return list(_bdd(json.loads(path.read_text(encoding="utf-8"))))
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(_mot(csv.reader(file), times or {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as e:
        raise DatasetError(
            f"{path} holds no boxes ({e!r}); expected BDD100K's box tracks, or MOT rows frame,id,x,y,width,height"
        ) from e


def _bdd(content: Any) -> Iterable[Seen]:
    frames = content["frames"] if isinstance(content, dict) else content
    numbers: dict[str, int] = {}
    for frame in frames:
        index = frame["frameIndex"] if "frameIndex" in frame else frame["index"]
        for label in frame.get("labels") or ():
            if label["category"] in BDD_VEHICLES and label.get("box2d"):
                number = numbers.setdefault(str(label["id"]), len(numbers) + 1)
                x1, y1, x2, y2 = (float(label["box2d"][k]) for k in ("x1", "y1", "x2", "y2"))
                yield Seen(index / _BDD_FPS, number, x1, y1, x2, y2, label["category"])


def _mot(rows: Iterable[list[str]], times: Mapping[int, float]) -> Iterable[Seen]:
    for n, row in enumerate(rows):
        if not row or (n == 0 and row[0].strip().lower() == "frame"):
            continue
        frame, number, x, y, w, h = (float(v) for v in row[:6])
        # a confidence of 0 marks what is to be ignored
        ignored = len(row) > 6 and row[6].strip() and float(row[6]) == 0
        if int(frame) - 1 in times and not ignored and w > 0 and h > 0:
            yield Seen(times[int(frame) - 1], int(number), x, y, x + w, y + h)


def tracks_on_clock(seen: Iterable[Seen], fps: Fraction, ticks: int) -> list[Track]:
    """Boxes at every tick of the data set's clock, straight between two moments; a track is split where its vehicle was gone.

    Args:
        seen: in any order.
        fps: ticks a second.
        ticks: how many there are.
    """
    by_number: dict[int, list[Seen]] = defaultdict(list)
    for s in seen:
        by_number[s.number].append(s)
    tracks: list[Track] = []
    for number, moments in sorted(by_number.items()):
        moments.sort(key=lambda s: s.time)
        run: list[Seen] = []
        for s in moments:
            if run and s.time - run[-1].time > _GAP:
                tracks += _interpolated(number, run, fps, ticks)
                run = []
            run.append(s)
        tracks += _interpolated(number, run, fps, ticks)
    return tracks


def _interpolated(number: int, run: list[Seen], fps: Fraction, ticks: int) -> list[Track]:
    times = np.array([s.time for s in run])
    boxes = np.array([(s.x1, s.y1, s.x2, s.y2) for s in run])
    # a hair's breadth, for times that are frames divided by a rate
    first = int(np.ceil(times[0] * float(fps) - 1e-6))
    last = min(ticks - 1, int(np.floor(times[-1] * float(fps) + 1e-6)))
    if last < first:
        return []
    at = np.arange(first, last + 1) / float(fps)
    return [Track(number, run[0].kind, first, np.stack([np.interp(at, times, boxes[:, k]) for k in range(4)], axis=1))]


def boxes_in_clip(
    tracks: Iterable[Track], crops: list[Crop], first: int, height: int, width: int
) -> tuple[TrackBox, ...]:
    """Boxes in pixels of a clip, those that do not touch its picture left out.

    Args:
        tracks: in pixels of the source.
        crops: what each frame of the clip shows of the source.
        first: tick of the clip's first frame.
        height, width: of the clip.
    """
    found: list[TrackBox] = []
    for track in tracks:
        for tick in range(max(first, track.first), min(first + len(crops), track.end)):
            crop = crops[tick - first]
            x1, y1, x2, y2 = (
                (float(v) - (crop.top if k % 2 else crop.left))
                * (height / crop.height if k % 2 else width / crop.width)
                for k, v in enumerate(track.boxes[tick - track.first])
            )
            if x2 > 0 and y2 > 0 and x1 < width and y1 < height:
                found.append(TrackBox(tick - first, track.number, x1, y1, x2, y2, track.kind))
    return tuple(sorted(found, key=lambda b: (b.frame, b.vehicle)))
