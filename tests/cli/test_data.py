"""`inpaintdiff data`: make a data set, check it, and say what is wrong with it."""

from pathlib import Path

import pytest

from inpaintdiff.cli import main


def test_synthesize_and_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "traffic"
    size = ["--clips", "2", "--held-out", "1", "--frames", "3", "--size", "32", "--workers", "0"]
    assert main(["data", "synthesize", "traffic", "--out", str(root), *size]) == 0
    assert "2 train, 1 val, 1 test; 3 frames of 32 x 32 at 8 a second" in capsys.readouterr().out
    assert main(["data", "check", str(root)]) == 0
    assert "4 clips, sound" in capsys.readouterr().out
    (root / "train" / "000001.mp4").unlink()
    assert main(["data", "check", str(root)]) == 1
    out = capsys.readouterr()
    assert "train/000001.mp4 is missing" in out.out
    assert "1 defect" in out.err
    assert main(["data", "synthesize", "traffic", "--out", str(root), *size]) == 2
    assert "holds a data set already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [["--size", "15"], ["--size", "33"], ["--frames", "0"], ["--clips", "-1"], ["--seed", "-3"]]
)
def test_impossible_numbers_end_in_one_sentence(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "synthesize", "traffic", "--out", str(tmp_path / "x"), "--workers", "0", *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith("inpaintdiff: cannot simulate")
    assert err.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_checking_nothing_ends_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(tmp_path / "nowhere")]) == 2
    assert "has no dataset.json" in capsys.readouterr().err
