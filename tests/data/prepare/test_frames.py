"""Rates, crops and sizes: which frame of a source is shown when, and that nothing aliases."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import drive, save
from hypothesis import given, settings
from hypothesis import strategies as st

from inpaintdiff.data.prepare.frames import Crop, centre_crop, iter_sampled, sampled_at, shrunk
from inpaintdiff.data.video import open_video
from inpaintdiff.data.video_probe import VideoInfo
from inpaintdiff.errors import SettingError


def info(frames: int = 30, fps: Fraction = Fraction(30), height: int = 720, width: int = 1280) -> VideoInfo:
    return VideoInfo(
        Path("x.mp4"), frames, height, width, fps, "h264", "yuv420p", 1 / fps, None, 0, False, "pyav", "made up"
    )


def test_whole_ratios_take_every_nth_frame() -> None:
    assert sampled_at(info(), Fraction(10)) == list(range(0, 30, 3))
    assert sampled_at(info(), Fraction(30)) == list(range(30))
    assert sampled_at(info(fps=Fraction(30000, 1001)), Fraction(30)) == list(range(30))


def test_uneven_ratios_take_the_nearest() -> None:
    assert sampled_at(info(10, Fraction(25)), Fraction(10)) == [0, 3, 5, 8]
    assert sampled_at(info(24, Fraction(24)), Fraction(10)) == [0, 2, 5, 7, 10, 12, 14, 17, 19, 22]


def test_uneven_time_stamps_are_believed() -> None:
    # shown at 0, 0.1, 0.5, 0.6 s
    source = replace(info(4, Fraction(10)), pts=(0, 1, 5, 6), time_base=Fraction(1, 10))
    assert sampled_at(source, Fraction(10)) == [0, 1, 1, 1, 1, 2, 3]


def test_a_rate_above_the_source_is_refused() -> None:
    with pytest.raises(SettingError, match="30 frames a second, 60 are asked for"):
        sampled_at(info(), Fraction(60))


@settings(max_examples=60)
@given(
    st.integers(1, 200),
    st.fractions(min_value=1, max_value=120, max_denominator=1001),
    st.fractions(min_value=Fraction(1, 4), max_value=1, max_denominator=97),
)
def test_the_nearest_frame_at_every_tick(frames: int, rate: Fraction, share: Fraction) -> None:
    fps = rate * share
    at = sampled_at(info(frames, rate), fps)
    assert len(at) == int(frames / rate * fps)
    for k, i in enumerate(at):
        assert abs(i / rate - k / fps) <= 1 / (2 * rate) or i == frames - 1
        assert i < frames


def test_sampled_frames_are_those_of_the_file(tmp_path: Path) -> None:
    reader = open_video(save(tmp_path / "x.mp4", drive(20), fps=20))
    at = sampled_at(reader.info, Fraction(8))
    assert np.array_equal(np.stack(list(iter_sampled(reader, at))), reader.read(at))
    assert np.array_equal(np.stack(list(iter_sampled(reader, [0, 0, 3, 3, 3]))), reader.read([0, 0, 3, 3, 3]))


def test_crops_are_in_the_middle() -> None:
    assert centre_crop(info(), 64, 64) == Crop(0, 720, 280, 1000)
    assert centre_crop(info(), 64, 128) == Crop(40, 680, 0, 1280)
    wide = replace(info(height=576, width=720), pixel_shape=Fraction(64, 45))
    crop = centre_crop(wide, 90, 160)
    assert (crop.height, crop.width) == (576, 720), "16:9 as shown is the whole of an anamorphic picture"


def test_enlarging_is_refused() -> None:
    with pytest.raises(SettingError, match="90 x 90 pixels, 96 x 96 are asked for"):
        centre_crop(info(height=90, width=160), 96, 96)


def test_fine_stripes_become_their_mean() -> None:
    stripes = np.zeros((60, 60, 3), dtype=np.uint8)
    stripes[:, ::2] = 200
    small = shrunk(stripes, Crop(0, 60, 0, 60), 20, 20)
    # a column of three has one or two bright ones; taking every third would show only black or only bright
    assert set(np.unique(small)) <= {66, 67, 133, 134}
    assert abs(float(small.mean()) - 100) < 1


@settings(max_examples=30)
@given(st.integers(16, 60), st.integers(16, 60), st.integers(0, 2**32 - 1))
def test_shrinking_keeps_the_mean(height: int, width: int, seed: int) -> None:
    frame = np.random.default_rng(seed).integers(0, 256, size=(90, 120, 3), dtype=np.uint8)
    small = shrunk(frame, Crop(10, 80, 20, 110), height, width)
    assert small.shape == (height, width, 3)
    assert np.allclose(small.mean(axis=(0, 1)), frame[10:80, 20:110].mean(axis=(0, 1)), atol=0.75)
