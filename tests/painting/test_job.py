"""A job is the Inpainter on cut-outs: the same samples where nothing has to be cut, known pixels untouched everywhere."""

from pathlib import Path

import numpy as np
import pytest
import torch

from inpaintdiff.data.video import to_uint8, to_unit
from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.painting import cutout, painters
from inpaintdiff.painting.inputs import as_hole, as_video
from inpaintdiff.painting.job import Job, region_seed, spread_of
from inpaintdiff.painting.painters import load_painter
from inpaintdiff.types import VideoClip
from tests.painting.small import SIZE, pictures

SAMPLING = SamplingConfig(calls=2, samples=2, seed=3)
CPU = torch.device("cpu")


def painted(
    frames: np.ndarray, boxes: list[str], model: Path | str, folder: Path, sampling: SamplingConfig = SAMPLING
) -> np.ndarray:
    video = as_video(frames)
    job = Job(
        video,
        as_hole(video, None, boxes),
        load_painter(model, sampling, CPU),
        samples=sampling.samples,
        seed=sampling.seed,
    )
    steps = list(job.paint(folder))
    assert [s.stage for s in steps] == list(range(1, sum(job.stages) + 1))
    assert (steps[-1].frames, steps[-1].total_frames) == (sum(job.total_frames),) * 2
    return np.stack([list(job.frames(s)) for s in range(sampling.samples)])


def test_a_video_of_the_models_size_is_painted_as_by_the_inpainter(model, tmp_path):
    frames = pictures(9, SIZE, SIZE)
    boxes = ["2,3,9,12", "10,0,16,4@2-6"]
    out = painted(frames, boxes, model, tmp_path)
    hole = torch.from_numpy(as_hole(as_video(frames), None, boxes).read(range(9)))[:, None]
    painter = load_painter(model, SAMPLING, CPU)
    expected = painter._inpainter(VideoClip(to_unit(frames), hole, torch.arange(9)), samples=2, seed=3).frames
    assert np.array_equal(out, np.stack([to_uint8(s) for s in expected]))


@pytest.mark.parametrize("source", ["model", "baseline:median"])
@pytest.mark.parametrize("boxes", [["5,5,12,11"], ["0,0,30,20@3-7"], ["1,1,4,4", "50,40,64,48", "30,2,34,7@0-0"]])
def test_only_the_hole_changes_and_it_does(model, tmp_path, boxes, source):
    frames = pictures(10, 48, 64)
    sampling = SAMPLING if source == "model" else SamplingConfig()
    out = painted(frames, boxes, model if source == "model" else source, tmp_path, sampling)
    hole = as_hole(as_video(frames), None, boxes).read(range(10))
    for version in out:
        assert np.array_equal(version[~hole], frames[~hole])
        assert (version[hole] != frames[hole]).mean() > 0.9
    assert len({v.tobytes() for v in out}) == len(out)


@pytest.mark.parametrize("boxes", [["5,5,12,11"], ["10,10,40,40"]])
def test_what_lies_under_the_hole_does_not_matter(model, tmp_path, boxes):
    frames = pictures(6, 48, 64)
    hole = as_hole(as_video(frames), None, boxes).read(range(6))
    other = np.where(hole[..., None], 255 - frames, frames)
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    assert np.array_equal(painted(frames, boxes, model, first), painted(other, boxes, model, second))


def test_a_sample_is_the_same_however_many_there_are(model, tmp_path):
    frames = pictures(6, 48, 64)
    many, one = tmp_path / "many", tmp_path / "one"
    many.mkdir()
    one.mkdir()
    three = painted(frames, ["5,5,30,30"], model, many, SamplingConfig(calls=2, samples=3, seed=3))
    single = painted(frames, ["5,5,30,30"], model, one, SamplingConfig(calls=2, samples=1, seed=3))
    assert np.array_equal(three[0], single[0])


def test_frames_without_a_hole_are_not_computed(model):
    video = as_video(pictures(40, 48, 64))
    job = Job(video, as_hole(video, None, ["5,5,12,11@20-22"]), load_painter(model, SAMPLING, CPU), samples=2)
    assert (sum(job.total_frames), job.calls) == (3, 2 * 2 * sum(job.stages))
    assert sum(job.stages) == 2


def test_regions_have_noise_of_their_own():
    assert region_seed(7, 0) == 7
    assert len({region_seed(s, r) for s in range(3) for r in range(4)}) == 12


def test_a_baseline_gives_one_answer():
    with pytest.raises(SettingError, match="baseline:telea gives one answer, 2 samples were asked for"):
        load_painter("baseline:telea", SAMPLING, CPU)


def test_spread_is_the_deviation_of_the_samples():
    versions = np.zeros((4, 2, 2, 3), dtype=np.uint8)
    versions[:, 0, 1] = np.array([[0], [255], [0], [255]])
    versions[:, 1, 0, 2] = [10, 20, 30, 40]
    spread = spread_of(versions)
    assert spread[0, 0] == spread[1, 1] == 0
    assert spread[0, 1] == pytest.approx(np.std([0, 1, 0, 1], ddof=1), rel=1e-5)
    assert spread[1, 0] == pytest.approx(np.std([10, 20, 30, 40], ddof=1) / 255 / 3**0.5, rel=1e-5)
    assert not spread_of(versions[:1]).any()


@pytest.mark.parametrize("frames", [20, 33, 100])
def test_a_baseline_paints_long_videos_in_parts_that_fit(tmp_path, monkeypatch, frames):
    """Every frame once, and from neighbours that reach as far as a hole that passes by."""
    video = pictures(1, 24, 32).repeat(frames, axis=0)
    mask = np.zeros((frames, 24, 32), dtype=bool)
    for i in range(frames):
        mask[i, 4:20, (3 * i) % 26 : (3 * i) % 26 + 6] = i % 7 != 3
    monkeypatch.setattr(painters, "_BASELINE_BYTES", 1)
    job = Job(as_video(video), as_hole(as_video(video), mask), load_painter("baseline:nearest", SamplingConfig(), CPU))
    assert sum(job.stages) == -(-frames // 8)
    steps = list(job.paint(tmp_path))
    assert [s.frames for s in steps] == sorted({s.frames for s in steps})
    assert steps[-1].frames == steps[-1].total_frames == mask.any(axis=(1, 2)).sum()
    assert np.array_equal(np.stack(list(job.frames(0))), video)


def test_frames_that_are_read_one_by_one_are_the_same(model, tmp_path, monkeypatch):
    frames = pictures(10, 48, 64)
    for folder in ("at once", "one by one"):
        (tmp_path / folder).mkdir()
    whole = painted(frames, ["5,5,30,30@2-7"], model, tmp_path / "at once")
    monkeypatch.setattr(cutout, "_READ_BYTES", 0)
    assert np.array_equal(painted(frames, ["5,5,30,30@2-7"], model, tmp_path / "one by one"), whole)
