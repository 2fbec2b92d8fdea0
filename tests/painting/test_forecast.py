"""What is said of a job beforehand, against the job."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import inpaintdiff
from inpaintdiff.errors import SettingError
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.painting import forecast as forecasting
from inpaintdiff.painting.files import make_job, read_inputs
from inpaintdiff.painting.forecast import check_fits, forecast, size
from inpaintdiff.painting.job import Job
from inpaintdiff.painting.journal import journal_folder
from inpaintdiff.painting.order import Order
from inpaintdiff.painting.painters import load_painter
from inpaintdiff.painting.resources import disk_taken, free_disk, free_memory, resident_memory
from inpaintdiff.painting.timing import time_job
from tests.painting.small import pictures, video_file

# Two holes that get cut-outs of their own, one of them in some frames only.
BOXES = ("1,1,9,9", "50,30,60,44@2-7")


@pytest.fixture
def order(tmp_path: Path) -> Order:
    sampling = SamplingConfig(calls=2, samples=2, scheme="ar")
    return Order(video_file(tmp_path / "in.mkv"), tmp_path / "o.mkv", boxes=BOXES, sampling=sampling, lossless=True)


def job_of(order: Order, model: Path | str) -> Job:
    return make_job(read_inputs(order), load_painter(model, order.sampling, torch.device("cpu")))


def test_disk_and_stages_are_those_of_the_run(order, model, tmp_path):
    job = job_of(order, model)
    needed = forecast(job)
    folder = tmp_path / "painted"
    folder.mkdir()
    steps = list(job.paint(folder))
    assert len(job.regions) == 2
    assert needed.stages == len(steps)
    assert needed.calls == len(steps) * 2 * 2
    assert needed.disk_bytes == sum(p.stat().st_size for p in folder.iterdir()) > 0


def test_flops_add_up(order, model):
    job = job_of(order, model)
    once = sum(forecasting.call_cost(job.painter, m).flops * n for m, n in job.makeups_in_all().items())
    observing = job.observations * forecasting.call_cost(job.painter, next(iter(job.makeups_in_all()))).observe_flops
    assert forecast(job).flops == once * 2 * 2 + observing > observing > 0


def test_a_full_disk_is_seen_beforehand(order, model, monkeypatch):
    job = job_of(order, model)
    needed = forecast(job)
    monkeypatch.setattr(forecasting, "free_disk", lambda folder: needed.disk_bytes - 1)
    with pytest.raises(SettingError, match=r"of disk in .* --samples 1 fits$"):
        check_fits(job, needed, journal_folder(order.output))
    one = replace(order, sampling=replace(order.sampling, samples=1))
    job_of(one, model)  # it does
    monkeypatch.setattr(forecasting, "free_disk", lambda folder: 1)
    with pytest.raises(SettingError, match=r"larger disk by -o$"):
        check_fits(job, needed, journal_folder(order.output))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_too_little_memory_is_seen_and_the_setting_that_fits_fits(order, model, monkeypatch, precision):
    sampling = SamplingConfig(calls=1, window=10, step=5, precision=precision)
    order = replace(order, sampling=sampling)
    # tiny networks leave no mark beside what writing takes
    monkeypatch.setattr(forecasting, "_FFV1", (0, 0))
    monkeypatch.setattr(forecasting, "_X264", (0, 0))
    job = job_of(order, model)
    whole = forecast(job).more_bytes
    shortest = forecasting._memory(job, True, 1)[0]
    free = forecasting._memory(job, True, None, "bf16")[0] if precision == "fp32" else (whole + shortest) // 2
    monkeypatch.setattr(forecasting, "free_memory", lambda: free)
    with pytest.raises(SettingError, match=r"takes .* more memory than is taken now.* are free; --\w+ \w+ fits$") as e:
        job_of(order, model)
    option, value = str(e.value).split("; --")[1].split()[:2]
    fixed = (
        replace(sampling, window=int(value), step=None) if option == "window" else replace(sampling, precision=value)
    )
    job_of(replace(order, sampling=fixed), model)
    assert (option == "window") == (precision == "bf16")
    monkeypatch.setattr(forecasting, "free_memory", lambda: shortest // 2)
    with pytest.raises(SettingError, match="no window is short enough"):
        job_of(order, model)


def test_python_refuses_what_cannot_fit_too(model, monkeypatch):
    frames = pictures(6, 48, 64)
    options = {"boxes": [(5, 5, 30, 30)], "model": model, "steps": 1, "window": 4}
    monkeypatch.setattr(forecasting, "free_memory", lambda: 1)
    with pytest.raises(SettingError, match=r"1 bytes are free; the result is held in memory as a whole"):
        inpaintdiff.inpaint(frames, **options)
    monkeypatch.undo()
    monkeypatch.setattr(forecasting, "free_disk", lambda folder: 1)
    with pytest.raises(SettingError, match="larger disk by TMPDIR"):
        inpaintdiff.inpaint(frames, **options)
    # one sample takes 6 frames of 3 colours in float32, of about 9 x 9 pixels of the model
    monkeypatch.setattr(forecasting, "free_disk", lambda folder: 10_000)
    with pytest.raises(SettingError, match="samples=1 fits"):
        inpaintdiff.inpaint(frames, samples=2, **options)


def test_a_baseline_has_no_window(order, monkeypatch):
    one = replace(order, sampling=SamplingConfig())
    assert forecast(job_of(one, "baseline:median")).flops == 0
    monkeypatch.setattr(forecasting, "free_memory", lambda: 1)
    with pytest.raises(SettingError, match="--model builtin"):
        job_of(one, "baseline:median")


def test_time_of_a_job(order, model):
    """That it is right is for the benchmarks; here all of its parts are there, and samples count."""
    job = job_of(order, model)
    times = time_job(job, order, seconds=0.1)
    assert min(times.network, times.files, times.writing) > 0
    assert times.total == times.network + times.files + times.writing


def test_what_is_free(tmp_path):
    assert 2**20 < resident_memory() < 2**40
    assert 2**20 < free_memory() < 2**50
    assert free_disk(tmp_path) == pytest.approx(free_disk(tmp_path / "not" / "yet"), rel=0.01)
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(2**30)
    assert disk_taken(tmp_path / "holes") < 2**20
    assert disk_taken(tmp_path / "none") == 0


def test_sizes_for_people():
    assert [size(n) for n in (0, 999, 1000, 99_949, 123_456_789, 5 * 10**13)] == [
        "0 bytes", "999 bytes", "1 KB", "99.9 KB", "123 MB", "50 TB",
    ]  # fmt: skip
