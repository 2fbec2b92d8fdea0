"""Clips from a stream: lengths, reasons, and that a lot's end is no cut."""

from fractions import Fraction

import numpy as np
import pytest
from films import drive

from inpaintdiff.data.prepare import pieces
from inpaintdiff.data.prepare.pieces import Dropped, iter_pieces
from inpaintdiff.data.prepare.settings import PrepareSettings


def cut(film: np.ndarray, frames: int = 8, least: int = 4) -> tuple[list[tuple[int, int]], list[Dropped]]:
    dropped: list[Dropped] = []
    asked = PrepareSettings("folder", 96, 128, Fraction(10), frames, least)
    found = []
    for piece in iter_pieces(((f, None) for f in film), asked, dropped):
        assert np.array_equal(piece.frames, film[piece.first : piece.first + len(piece.frames)])
        found.append((piece.first, len(piece.frames)))
    return found, dropped


def test_a_shot_is_cut_into_clips_and_a_rest() -> None:
    assert cut(drive(21)) == ([(0, 8), (8, 8), (16, 5)], [])
    clips, dropped = cut(drive(19))
    assert clips == [(0, 8), (8, 8)]
    assert dropped == [Dropped(1.6, 1.9, "too short between cuts and dropped stretches")]


def test_no_clip_crosses_a_cut_or_holds_black_or_frozen_frames() -> None:
    film = np.concatenate([drive(10, 1), drive(12, 2), np.zeros((6, 96, 128, 3), np.uint8), drive(30, 3)])
    film[36:46] = film[36]
    clips, dropped = cut(film)
    assert clips == [(0, 8), (10, 8), (18, 4), (28, 8), (46, 8), (54, 4)]
    assert [(d.first, d.end, d.reason) for d in dropped] == [
        (0.8, 1.0, "too short between cuts and dropped stretches"),
        (2.2, 2.8, "black"),
        (3.6, 3.7, "too short between cuts and dropped stretches"),
        (3.7, 4.6, "frozen"),
    ]


def test_jerks_are_left_out() -> None:
    film = drive(16)[np.repeat(np.arange(8), 2)]
    clips, dropped = cut(film)
    assert clips == []
    assert {d.reason for d in dropped} == {"too many frames repeat the one before"}


def test_lots_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    film = np.concatenate([drive(50, 1), drive(33, 2), np.zeros((7, 96, 128, 3), np.uint8), drive(31, 3)])
    whole = cut(film)
    monkeypatch.setattr(pieces, "_LOT_BYTES", 0)
    assert cut(film) == whole
