"""Memory is that of a window: a video a hundred times as long takes no more."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inpaintdiff.data.video import write_video

# The peak of the whole process, which cannot be asked of the one that runs the tests.
# Not getrusage: what it says begins with the peak of the process that started this one, which would hide any growth below that.
PEAK = r"""
import re, sys
from pathlib import Path
from inpaintdiff.cli import main
status = main(sys.argv[1:])
print("peak", re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
sys.exit(status)
"""


def moving(n: int, levels: tuple[int, int]) -> Iterator[np.ndarray]:
    for i in range(n):
        frame = np.full((128, 128, 3), levels[0], dtype=np.uint8)
        frame[40 + i % 20 : 70 + i % 20, 50:80] = levels[1]
        yield frame


def peak(folder: Path, model: Path | str, n: int, hole: list[str]) -> int:
    args = [
        "inpaint",
        str(folder / f"{n}.mp4"),
        *hole,
        "-o",
        str(folder / "out.mp4"),
        "--overwrite",
        "--model",
        str(model),
    ]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *args, "--steps", "1"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["box", "mask", "built-in model"])
def test_peak_memory_does_not_grow_with_the_video(tmp_path, model, kind):
    peaks = []
    for n in (100, 10_000):
        write_video(tmp_path / f"{n}.mp4", moving(n, (20, 200)), 25)
        hole = ["--box", "40,40,70,70"]
        if kind == "built-in model":
            # as many frames to paint however long the video: at its beginning, in its middle and at its end
            model = "builtin"
            hole = [f"--box=40,40,70,70@{first}-{first + 9}" for first in (0, n // 2, n - 10)]
        if kind == "mask":
            write_video(tmp_path / f"{n}-hole.mp4", moving(n, (0, 255)), 25)
            hole = ["--mask", str(tmp_path / f"{n}-hole.mp4")]
        peaks.append(peak(tmp_path, model, n, hole))
    assert peaks[1] < 1.1 * peaks[0], peaks
    print(f"peak resident memory, KiB: {peaks}")
