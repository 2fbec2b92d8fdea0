"""`inpaintdiff bench-schemes` from the user's door; what its numbers must be is in tests/analysis."""

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from inpaintdiff.analysis import bench as analysis
from inpaintdiff.analysis.gaussian import GaussianVideo
from inpaintdiff.cli import main


@pytest.mark.slow
def test_tables_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a small video: the whole bench under the type checks of these tests takes minutes."""
    video = GaussianVideo(frames=16, pixels=3)
    small = partial(analysis.bench_schemes, video, window=6, steps=(4, 3, 2), lengths=(6.0,))
    monkeypatch.setattr(analysis, "bench_schemes", small)
    assert main(["bench-schemes", "--out", str(tmp_path / "a" / "bench")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Loss of sampling schemes")
    assert "Which scheme for my holes and my budget" in out
    written = [Path(line.removeprefix("wrote ")) for line in out.splitlines() if line.startswith("wrote ")]
    assert {p.suffix for p in written} == {".txt", ".json", ".png"}
    assert all(p.stat().st_size > 500 for p in written)


def test_a_file_in_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    for out in ("file", "file/below"):
        begun = time.monotonic()
        assert main(["bench-schemes", "--out", str(tmp_path / out)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
        assert time.monotonic() - begun < 5, "refused only after the work"
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.slow
def test_the_whole_bench_takes_less_than_a_minute(tmp_path: Path) -> None:
    begun = time.monotonic()
    command = [sys.executable, "-m", "inpaintdiff", "bench-schemes", "--out", str(tmp_path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert time.monotonic() - begun < 60
    assert "ar                             3.82 [11]      3.70 [9]" in out, "the published reference numbers"
    assert len(list(tmp_path.iterdir())) == 5
