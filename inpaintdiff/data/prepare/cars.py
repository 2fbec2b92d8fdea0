"""Clips centred on one vehicle: which stretches of its track are worth one, what each frame shows, and where the hole is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from inpaintdiff.data.prepare.boxes import Track
from inpaintdiff.data.prepare.frames import Crop
from inpaintdiff.data.prepare.settings import PrepareSettings
from inpaintdiff.data.prepare.shots import Stretch

# The picture is so many times as large as the vehicle's largest box in the clip.
_CONTEXT = 2.0
# A vehicle that grows by more than this within a clip gets a shorter one.
_GROWTH = 2.5
# Boxes jump by a pixel or two; their mean over so many ticks on both sides does not.
_SMOOTH = 3
# Boxes are as tight as who drew them; a hole that leaves a rim of the vehicle gives it away.
_MARGIN = 0.08
# The frame of the source is where vehicles are cut off.
_BORDER = 2.0
# Clips of one moment are alike but for their middle; the largest vehicles are taken.
_AT_ONCE = 3


@dataclass(frozen=True, eq=False)
class CarClip:
    """A clip to be.

    Attributes:
        track: the vehicle in the clip's ticks, its boxes smoothed.
        crops: what each frame shows of the source, all of one size.
    """

    track: Track
    crops: tuple[Crop, ...]

    @property
    def first(self) -> int:
        return self.track.first

    @property
    def end(self) -> int:
        return self.track.end

    def hole(self, height: int, width: int) -> Bool[np.ndarray, "t h w"]:
        """The vehicle's box and a margin, in pixels of the clip; True is hidden."""
        hole = np.zeros((len(self.crops), height, width), dtype=bool)
        for picture, crop, (x1, y1, x2, y2) in zip(hole, self.crops, self.track.boxes, strict=True):
            dx, dy = _MARGIN * (x2 - x1), _MARGIN * (y2 - y1)
            kx, ky = width / crop.width, height / crop.height
            left, right = np.floor((x1 - dx - crop.left) * kx), np.ceil((x2 + dx - crop.left) * kx)
            top, bottom = np.floor((y1 - dy - crop.top) * ky), np.ceil((y2 + dy - crop.top) * ky)
            picture[max(0, int(top)) : max(0, int(bottom)), max(0, int(left)) : max(0, int(right))] = True
        return hole


def car_clips(
    tracks: Iterable[Track], kept: Sequence[Stretch], height: int, width: int, settings: PrepareSettings
) -> list[CarClip]:
    """Clips of all vehicles of a source, in order of time and vehicle.

    Args:
        tracks: in pixels of the source.
        kept: stretches of ticks without cuts, frozen and blank frames.
        height, width: of the source.
        settings: size and lengths of clips.
    """
    found: list[CarClip] = []
    for track in tracks:
        for run in _whole_boxes(track, height, width):
            for stretch in kept:
                first, end = max(run.first, stretch.first), min(run.end, stretch.end)
                if end - first >= settings.least:
                    found += _along(_part(run, first, end), height, width, settings)
    return _not_too_many(found)


def _whole_boxes(track: Track, height: int, width: int) -> Iterator[Track]:
    """Parts of a track where the vehicle is not cut off by the frame."""
    x1, y1, x2, y2 = track.boxes.T
    inside = (x1 >= _BORDER) & (y1 >= _BORDER) & (x2 <= width - _BORDER) & (y2 <= height - _BORDER)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    for first, end in edges.reshape(-1, 2):
        yield _part(track, track.first + int(first), track.first + int(end))


def _part(track: Track, first: int, end: int) -> Track:
    return replace(track, first=first, boxes=track.boxes[first - track.first : end - track.first])


def _along(run: Track, height: int, width: int, settings: PrepareSettings) -> Iterator[CarClip]:
    """Clips one after the other; each as long as the vehicle keeps about its size and fits the picture."""
    smooth = replace(run, boxes=_smoothed(run.boxes))
    shape = settings.width / settings.height
    # height of a picture of the clips' shape that holds the vehicle with its surroundings
    sides = _CONTEXT * np.maximum(
        (smooth.boxes[:, 2] - smooth.boxes[:, 0]) / shape, smooth.boxes[:, 3] - smooth.boxes[:, 1]
    )
    at = 0
    while at + settings.least <= len(sides):
        end, most, fewest = at, 0.0, np.inf
        while end < min(len(sides), at + settings.frames):
            most, fewest = max(most, sides[end]), min(fewest, sides[end])
            if most > _GROWTH * fewest or most > height or most * shape > width:
                break
            end += 1
        rows = round(max(sides[at:end], default=0.0))
        # fewer pixels than the clip has would have to be made up
        if end - at < settings.least or rows < settings.height:
            at = max(at + 1, end)
            continue
        clip = _part(smooth, run.first + at, run.first + end)
        yield CarClip(clip, tuple(_crop(box, rows, round(rows * shape), height, width) for box in clip.boxes))
        at = end


def _smoothed(boxes: Float[np.ndarray, "t 4"]) -> Float[np.ndarray, "t 4"]:
    padded = (
        np.pad(boxes, ((_SMOOTH, _SMOOTH), (0, 0)), mode="reflect", reflect_type="odd")
        if len(boxes) > _SMOOTH
        else boxes
    )
    if padded is boxes:
        return boxes
    return np.stack([padded[k : k + len(boxes)] for k in range(2 * _SMOOTH + 1)]).mean(axis=0)


def _crop(box: Float[np.ndarray, " 4"], rows: int, columns: int, height: int, width: int) -> Crop:
    """Round the middle of the box, moved into the picture where it would reach beyond."""
    rows, columns = min(rows, height), min(columns, width)
    top = int(np.clip(round(float(box[1] + box[3]) / 2 - rows / 2), 0, height - rows))
    left = int(np.clip(round(float(box[0] + box[2]) / 2 - columns / 2), 0, width - columns))
    return Crop(top, top + rows, left, left + columns)


def _not_too_many(clips: list[CarClip]) -> list[CarClip]:
    """At most `_AT_ONCE` clips at any tick, the largest vehicles first."""
    chosen: list[CarClip] = []
    for clip in sorted(clips, key=lambda c: (-c.crops[0].height, c.first, c.track.number)):
        together = np.zeros(clip.end - clip.first, dtype=int)
        for other in chosen:
            together[max(0, other.first - clip.first) : max(0, other.end - clip.first)] += 1
        if together.max() < _AT_ONCE:
            chosen.append(clip)
    return sorted(chosen, key=lambda c: (c.first, c.track.number))
