"""Processes that share an evaluation: where one cannot do its part, none waits for it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_clip_that_one_process_cannot_score_ends_both(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.evaluation.half_of_an_evaluation"]
    both = [
        subprocess.Popen([*command, str(rank), str(tmp_path / "store")], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    told = [p.communicate(timeout=120)[0].strip() for p in both]
    assert [p.returncode for p in both] == [0, 0]
    assert told[1].startswith("clip 1 has no hole")
    assert told[0] == f"process 1 of 2 could not do its share of an evaluation: {told[1]}"
