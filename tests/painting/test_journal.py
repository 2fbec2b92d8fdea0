"""A run that was cut off is gone on with and gives the bytes of an undisturbed one."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from inpaintdiff.cli import main
from inpaintdiff.errors import SettingError, VideoWriteError
from inpaintdiff.painting.job import Step
from inpaintdiff.painting.journal import Journal
from tests.painting.small import command, decoded, video_file

ROOT = Path(__file__).parents[2]
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def step(region: int, stage: int) -> Step:
    return Step(region, stage, stage, 9, 0, 0)


def test_lines_are_read_back_and_a_torn_one_is_not(tmp_path):
    folder = tmp_path / "o.job"
    journal = Journal(folder, {"seed": 1})
    for k in (1, 2):
        (folder / f"painted-{k - 1}.f32").touch()
        journal.finish_stage(step(k - 1, k))
    journal.begin_writing()
    with (folder / "finished.log").open("a") as f:
        f.write("video o.m")
    again = Journal(folder, {"seed": 1}, resume=True)
    assert again.stages(3) == [1, 2, 0]
    assert again.writing
    again.finish_video("o.mkv")
    third = Journal(folder, {"seed": 1}, resume=True)
    assert third.written("o.mkv")
    assert not third.written("o.m")
    (folder / "painted-1.f32").unlink()
    assert third.stages(3) == [1, 0, 0]
    third.remove()
    assert not folder.exists()


def test_a_folder_that_is_there_is_not_touched_without_being_asked(tmp_path):
    folder = tmp_path / "o.job"
    Journal(folder, {"seed": 1})
    with pytest.raises(
        VideoWriteError, match="holds an unfinished job; go on with --resume, or begin anew with --overwrite"
    ):
        Journal(folder, {"seed": 1})
    with pytest.raises(SettingError, match="was begun with seed 1, now it is 2"):
        Journal(folder, {"seed": 2}, resume=True)
    (folder / "thesis.docx").touch()
    with pytest.raises(VideoWriteError, match=r"holds thesis\.docx, which no job wrote"):
        Journal(folder, {"seed": 1}, resume=True)
    (folder / "thesis.docx").unlink()
    (folder / "job.json").write_text("{")
    with pytest.raises(VideoWriteError, match="cannot be used"):
        Journal(folder, {"seed": 1}, resume=True)


def killed(tmp_path: Path, model: Path | str, kills: int, seed: int) -> dict:
    source = video_file(tmp_path / "in.mkv", frames=12)
    # two cut-outs, two samples and their spread: every kind of line in the log
    args = [
        str(source),
        "--box",
        "2,2,8,8",
        "--box",
        "50,30,60,40",
        "--samples",
        "2",
        "--lossless",
        "--model",
        str(model),
    ]
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "tests/painting/killed.py",
            tmp_path,
            str(kills),
            str(seed),
            "--",
            *args,
            "--steps",
            "2",
        ],
        capture_output=True,
        text=True,
        env=ENV,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert list(result["whole"]) == ["out-1.mkv", "out-2.mkv", "out-uncertainty.mkv", "out.mkv.json"]
    assert len(set(result["whole"].values())) == 4
    assert all(found == result["whole"] for found in result["found"])
    return result


def test_kill_and_resume_gives_the_same_bytes(tmp_path, model):
    assert killed(tmp_path, model, kills=2, seed=0)["killed"] >= 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("source", ["tiny", "builtin"])
def test_kill_at_twenty_random_moments(tmp_path, model, source):
    assert killed(tmp_path, model if source == "tiny" else source, kills=20, seed=1)["killed"] >= 15


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kill_at_every_renaming_and_removal(tmp_path, model):
    # the fingerprint, four results, and a journal of four files
    assert killed(tmp_path, model, kills=0, seed=0)["killed"] >= 20


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video_file(tmp_path_factory.mktemp("video") / "in.mkv")


def interrupted_after(stages: int, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    finish, count = Journal.finish_stage, 0

    def counting(self: Journal, step: Step) -> None:
        nonlocal count
        finish(self, step)
        count += 1
        if count == stages:
            raise error

    monkeypatch.setattr(Journal, "finish_stage", counting)


def test_ctrl_c_says_how_to_go_on(source, model, tmp_path, monkeypatch, capsys):
    whole, out = tmp_path / "whole.mkv", tmp_path / "an out.mkv"
    assert main(command(source, model, whole)) == 0
    with monkeypatch.context() as patch:
        interrupted_after(2, patch, KeyboardInterrupt())
        assert main(command(source, model, out)) == 130
    err = capsys.readouterr().err
    assert "inpaintdiff: interrupted" in err
    line = err.splitlines()[-1]
    assert line.startswith("What is painted so far is kept. Go on with: inpaintdiff inpaint")
    assert line.endswith(f"-o '{out}' --lossless --model {model} --steps 2 --resume")
    assert not out.exists()
    assert main(command(source, model, out)) == 2
    assert "unfinished job; go on with --resume" in capsys.readouterr().err
    assert main(command(source, model, out, "--resume", "--seed", "5")) == 2
    assert "was begun with seed 0, now it is 5" in capsys.readouterr().err
    assert main(command(source, model, out, "--resume")) == 0
    assert "stage 2/" not in capsys.readouterr().err
    assert out.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("*.job"))


def test_overwrite_begins_anew(source, model, tmp_path, monkeypatch):
    out = tmp_path / "out.mkv"
    with monkeypatch.context() as patch:
        interrupted_after(1, patch, KeyboardInterrupt())
        assert main(command(source, model, out)) == 130
    assert main(command(source, model, out, "--overwrite", "--seed", "1")) == 0
    assert not list(tmp_path.glob("*.job"))


def test_resume_does_not_replace_what_it_did_not_write(source, model, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.mkv"
    with monkeypatch.context() as patch:
        interrupted_after(1, patch, KeyboardInterrupt())
        assert main(command(source, model, out)) == 130
    out.write_bytes(b"precious")
    assert main(command(source, model, out, "--resume")) == 2
    assert "exists already" in capsys.readouterr().err
    assert out.read_bytes() == b"precious"


def test_an_input_that_vanishes_loses_nothing(source, model, tmp_path, monkeypatch, capsys):
    mine, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    mine.write_bytes(source.read_bytes())
    stamp = mine.stat()
    finish = Journal.finish_stage

    def gone(self: Journal, step: Step) -> None:
        finish(self, step)
        mine.rename(tmp_path / "moved.mkv")
        monkeypatch.setattr(Journal, "finish_stage", finish)

    monkeypatch.setattr(Journal, "finish_stage", gone)
    assert main(command(mine, model, out)) == 2
    err = capsys.readouterr().err
    assert "in.mkv cannot be read" in err
    assert "Go on with:" in err
    (tmp_path / "moved.mkv").rename(mine)
    os.utime(mine, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert main(command(mine, model, out, "--resume")) == 0
    assert np.array_equal(decoded(out)[:, 30:], decoded(source)[:, 30:])


def test_a_full_disk_is_said_and_loses_nothing(source, model, tmp_path, capsys):
    """A limit on the size of files is the nearest thing to a full disk that every machine has."""
    out = tmp_path / "out.mkv"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        assert main(command(source, model, out)) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    err = capsys.readouterr().err
    assert "out.mkv cannot be written: File too large." in err
    assert "Go on with:" in err
    assert [p.name for p in tmp_path.iterdir()] == ["out.mkv.job"]
    assert main(command(source, model, out, "--resume")) == 0
    assert "stage 1/" not in capsys.readouterr().err, "painting was finished before"
    assert len(decoded(out)) == 10


def test_sigint_to_a_real_process(source, model, tmp_path):
    long = video_file(tmp_path / "long.mkv", frames=200)
    process = subprocess.Popen(
        [sys.executable, "-m", "inpaintdiff", *command(long, model, tmp_path / "out.mkv")],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=ENV,
        # a test run in the background of a shell ignores SIGINT, and its children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    log = tmp_path / "out.mkv.job" / "finished.log"
    while process.poll() is None and not (log.exists() and log.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert err.rstrip().endswith("--resume")
