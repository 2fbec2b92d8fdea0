"""A stream of resampled frames, cut into clips; memory is bounded however long the source is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from inpaintdiff.data.prepare.frames import Frame
from inpaintdiff.data.prepare.settings import PrepareSettings
from inpaintdiff.data.prepare.shots import Stretch, Verdict, stretches, verdicts
from inpaintdiff.data.prepare.signals import STILL, Signal, Signals

# Frames are judged in lots of so many bytes, but of some clips at least.
_LOT_BYTES, _LOT_CLIPS = 96 * 2**20, 4
# A clip with a larger share of frames that repeat the one before moves in jerks.
_REPEATS = 0.25

Grey = UInt8[np.ndarray, "h w"]


@dataclass(frozen=True)
class Dropped:
    """What was left out.

    Attributes:
        first, end: seconds since the start of the source.
        reason: for the report.
    """

    first: float
    end: float
    reason: str


@dataclass(frozen=True, eq=False)
class Piece:
    """Frames of a clip to be.

    Attributes:
        first: number of its first frame in the resampled source.
        frames: at the data set's size.
        views: the same frames in grey at a size that suits looking for motion; empty where nobody looks.
    """

    first: int
    frames: UInt8[np.ndarray, "t h w 3"]
    views: tuple[UInt8[np.ndarray, "rows columns"], ...]


def iter_pieces(
    frames: Iterable[tuple[Frame, Grey | None]], settings: PrepareSettings, dropped: list[Dropped]
) -> Iterator[Piece]:
    """Clips of at most `settings.frames` frames that cross no cut and hold nothing blank or frozen.

    Args:
        frames: small frames of the whole source, each with its view.
        settings: lengths and limits.
        dropped: what is left out is appended here.
    """
    lot = max(_LOT_CLIPS * settings.frames, _LOT_BYTES // (3 * settings.height * settings.width))
    judge = Signals()
    held: list[tuple[Frame, Grey | None]] = []
    signals: list[Signal] = []
    base = 0

    def cut_up(last: bool) -> Iterator[Piece]:
        """Clips of what is held; what could grow when more frames come stays."""
        nonlocal base, held, signals
        upto = len(held)
        for stretch in stretches(verdicts(signals, settings.frozen_frames)):
            if stretch.verdict is not Verdict.KEEP:
                dropped.append(_left_out(stretch, base, settings, stretch.verdict.value))
                continue
            for part in _parts(stretch, settings.frames):
                if not last and part.end == len(held) and len(part) < settings.frames:
                    upto = part.first
                elif len(part) < settings.least:
                    dropped.append(_left_out(part, base, settings, "too short between cuts and dropped stretches"))
                elif np.mean([s.most < STILL for s in signals[part.first + 1 : part.end]]) > _REPEATS:
                    dropped.append(_left_out(part, base, settings, "too many frames repeat the one before"))
                else:
                    chosen = held[part.first : part.end]
                    views = tuple(v for _, v in chosen if v is not None)
                    yield Piece(base + part.first, np.stack([f for f, _ in chosen]), views)
        held, signals, base = held[upto:], signals[upto:], base + upto

    for pair in frames:
        held.append(pair)
        signals.append(judge(pair[0]))
        if len(held) >= lot:
            yield from cut_up(last=False)
    yield from cut_up(last=True)


def _parts(stretch: Stretch, frames: int) -> Iterator[Stretch]:
    for first in range(stretch.first, stretch.end, frames):
        yield Stretch(first, min(first + frames, stretch.end), stretch.verdict)


def _left_out(stretch: Stretch, base: int, settings: PrepareSettings, reason: str) -> Dropped:
    first, end = ((base + n) / settings.fps for n in (stretch.first, stretch.end))
    return Dropped(round(float(first), 3), round(float(end), 3), reason)
