"""Holes a picture at a time are the holes that arrays give, and keep to a few bytes a frame."""

import gc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.holes import Box, box_pictures, boxes_to_hole, check_hole, hole_pictures, read_hole, write_hole
from inpaintdiff.data.video import write_video
from inpaintdiff.errors import HoleError

HOLES = hnp.arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 7)))


@given(HOLES, st.data())
def test_a_track_is_its_array(hole, data):
    track = HoleTrack(hole, *hole.shape)
    at = data.draw(st.lists(st.integers(0, len(hole) - 1), max_size=8))
    assert np.array_equal(track.read(at), hole[at])
    assert np.array_equal(track.union, hole.any(axis=0))
    assert track.incomplete() == hole.any(axis=(1, 2)).tolist()
    assert track.pixels == hole.sum()
    rows, columns = slice(1, 3), slice(0, 2)
    assert track.incomplete_within(rows, columns) == hole[:, rows, columns].any(axis=(1, 2)).tolist()


@given(HOLES, HOLES)
def test_the_digest_tells_holes_apart_and_nothing_else(a, b):
    same = a.shape == b.shape and np.array_equal(a, b)
    assert (HoleTrack(a, *a.shape).digest() == HoleTrack(b, *b.shape).digest()) == same


def test_one_picture_holds_for_all_frames():
    picture = np.eye(4, 5, dtype=bool)
    still = HoleTrack([picture], 7, 4, 5)
    moving = HoleTrack([picture] * 7, 7, 4, 5)
    assert np.array_equal(still.read(range(7)), moving.read(range(7)))
    assert (still.digest(), still.pixels, len(still)) == (moving.digest(), moving.pixels, 7)
    with pytest.raises(ValueError, match="3 pictures were given for 7 frames"):
        HoleTrack([picture] * 3, 7, 4, 5)


@given(HOLES, st.booleans())
def test_checks_of_a_track_are_those_of_an_array(hole, allow_large):
    def verdict(check):
        try:
            check()
        except HoleError as e:
            return str(e)
        return None

    track = HoleTrack(hole, *hole.shape)
    assert verdict(lambda: track.check(allow_large)) == verdict(lambda: check_hole(hole, allow_large))


def test_the_file_is_closed_when_the_track_goes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        track = HoleTrack(np.ones((1, 2, 2), dtype=bool), 1, 2, 2)
        file = track._file
        del track
        gc.collect()
    assert file.closed


def test_boxes_a_picture_at_a_time():
    boxes = [Box(0, 0, 2, 2), Box(3, 1, 5, 4, 2, 4), Box(1, 1, 4, 2, 4, 4)]
    expected = np.zeros((6, 4, 5), dtype=bool)
    expected[:, 0:2, 0:2] = True
    expected[2:5, 1:4, 3:5] = True
    expected[4, 1:2, 1:4] = True
    assert np.array_equal(boxes_to_hole(boxes, 6, 4, 5), expected)
    pictures = list(box_pictures(boxes, 6, 4, 5))
    assert pictures[0] is pictures[1]
    with pytest.raises(HoleError, match="wants frames 2 to 4, the video has 0 to 3"):
        box_pictures(boxes, 4, 4, 5)


@pytest.mark.parametrize("kind", ["array", "npy", "npz", "folder", "video"])
@pytest.mark.parametrize(("dilate", "invert"), [(0, False), (2, False), (1, True)])
def test_every_source_gives_the_same(tmp_path, kind, dilate, invert):
    hole = np.zeros((5, 16, 20), dtype=bool)
    for i in range(5):
        hole[i, 3 : 5 + i, 4 + i : 9] = True
    hole[2] = False
    if kind == "array":
        source = hole.astype(np.float32)
    elif kind == "npy":
        np.save(source := tmp_path / "m.npy", hole.astype(np.uint8))
    elif kind == "video":
        levels = hole[..., None].repeat(3, axis=-1).astype(np.uint8) * 255
        source = write_video(tmp_path / "m.mkv", levels, 25, lossless=True)
    else:
        source = write_hole(tmp_path / ("m.npz" if kind == "npz" else "m"), hole)
    pictures = list(hole_pictures(source, 5, 16, 20, dilate=dilate, invert=invert))
    whole = read_hole(source, 5, 16, 20, dilate=dilate, invert=invert, allow_large=True)
    assert np.array_equal(np.stack(pictures), whole)
    if dilate == 0:
        assert np.array_equal(whole, hole != invert)


def test_a_mask_that_is_too_short_is_held_or_refused_and_one_that_is_too_long_is_counted(caplog):
    mask = np.zeros((3, 4, 4), dtype=bool)
    mask[np.arange(3), np.arange(3), 1] = True
    held = list(hole_pictures(mask, 6, 4, 4, extend="hold"))
    assert np.array_equal(np.stack(held), mask[[0, 1, 2, 2, 2, 2]])
    with pytest.raises(HoleError, match=r"has 3 frames, video has 6. Give 6, or 1 for all; or --mask-extend hold\."):
        list(hole_pictures(mask, 6, 4, 4))
    with pytest.raises(HoleError, match=r"has 3 frames, video has 2. Give 2, or 1 for all\."):
        list(hole_pictures(mask, 2, 4, 4, extend="hold"))


def test_grey_levels_are_reported(caplog):
    mask = np.array([[0, 255, 120, 140], [0, 0, 0, 255]], dtype=np.uint8)
    list(hole_pictures(mask, 1, 2, 4))
    assert "the mask has 4 grey levels; thresholded at 128, 25.0 % of the pixels were near." in caplog.text
    with pytest.raises(HoleError, match="has no value above 90; white"):
        list(hole_pictures(np.array([[0, 90]], dtype=np.uint8), 1, 1, 2))
