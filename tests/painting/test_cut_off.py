"""Runs that were cut off while they began, tidied up, or could not write any more."""

import resource
from pathlib import Path

import pytest

from inpaintdiff.cli import main
from inpaintdiff.data.video import VideoReader
from inpaintdiff.errors import VideoReadError
from inpaintdiff.painting.journal import Journal
from tests.painting.small import command, decoded, video_file


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video_file(tmp_path_factory.mktemp("video") / "in.mkv")


@pytest.mark.parametrize("left", [None, (), ("job.json",)], ids=["nothing", "folder", "fingerprint"])
def test_a_run_that_was_cut_off_while_it_tidied_up_is_done(source, model, tmp_path, monkeypatch, capsys, left):
    out, folder = tmp_path / "out.mkv", tmp_path / "out.mkv.job"
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "remove", lambda self: None)
        assert main(command(source, model, out)) == 0
    for path in folder.iterdir():
        if path.name not in (left or ()):
            path.unlink()
    if left is None:
        folder.rmdir()
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.glob("out.mkv*") if p.is_file()}
    capsys.readouterr()
    assert main(command(source, model, out, "--resume")) == 0
    assert capsys.readouterr().out == f"was done  {out}\n"
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == stamps, (
        "nothing was made anew, and no folder is left"
    )
    # of another seed it is not done, and must not be replaced unasked
    assert main(command(source, model, out, "--resume", "--seed", "1")) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_run_that_was_cut_off_before_its_first_line_begins_anew(source, model, tmp_path):
    out, folder = tmp_path / "out.mkv", tmp_path / "out.mkv.job"
    folder.mkdir()
    assert main(command(source, model, out, "--resume")) == 0
    assert len(decoded(out)) == 10
    assert not folder.exists()


def test_of_many_videos_those_that_were_tidied_up_half_are_done(source, tmp_path, capsys):
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("a.mkv", "b.mkv"):
        (clips / name).write_bytes(source.read_bytes())
    args = [
        "inpaint",
        str(clips),
        "--box",
        "5,5,30,30",
        "-o",
        str(tmp_path / "o"),
        "--lossless",
        "--model",
        "baseline:median",
    ]
    assert main(args) == 0
    for name in ("a.mkv.job", "b.mkv.job"):
        (tmp_path / "o" / name).mkdir()
    (tmp_path / "o" / "b.mkv").unlink()
    (tmp_path / "o" / "b.mkv.json").unlink()
    capsys.readouterr()
    assert main([*args, "--resume"]) == 0
    stdout = capsys.readouterr().out.splitlines()
    assert stdout[:2] == [f"was done  {tmp_path / 'o' / 'a.mkv'}", f"painted  {tmp_path / 'o' / 'b.mkv'}"]
    assert not list((tmp_path / "o").glob("*.job"))


def test_nothing_painted_nothing_kept(source, model, tmp_path, monkeypatch, capsys):
    def gone(self: object, *args: object) -> None:
        raise VideoReadError("the disk was pulled out")

    with monkeypatch.context() as patch:
        patch.setattr(VideoReader, "read", gone)
        assert main(command(source, model, tmp_path / "out.mkv")) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "inpaintdiff: the disk was pulled out"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 2_000, 20_000, 80_000])
def test_a_disk_that_is_full_at_any_point(source, tmp_path, capsys, limit):
    """Of the mask, of the journal, of what is painted, of the result: one sentence, and `--resume` ends as if nothing had been."""
    args = ["inpaint", str(source), "--box", "5,5,30,30@2-9", "--lossless", "--model", "baseline:nearest"]
    assert main([*args, "-o", str(tmp_path / "whole.mkv")]) == 0
    (tmp_path / "o").mkdir()
    args += ["-o", str(tmp_path / "o" / "out.mkv"), "--resume"]
    capsys.readouterr()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        assert main(args) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("inpaintdiff: ")]
    assert "File too large" in sentence
    assert {p.name for p in (tmp_path / "o").iterdir()} <= {"out.mkv.job"}
    assert main(args) == 0
    assert (tmp_path / "o" / "out.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()
