"""Runs many commands, each in a child process of its own with a limit of time, and says how each of them ended.

A line of JSON on stdin holds the arguments of `attempt`, a line on stdout what it returns. One process imports everything and forks, so
that an attempt costs no start, and nothing that one of them does reaches another.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import inpaintdiff
from inpaintdiff.cli import main
from inpaintdiff.errors import InpaintDiffError

# Address space of a child; more is taken only by who believes a number that makes no sense.
_BYTES = 16 * 2**30


def attempt(folder: str, args: list[str], seconds: float, fault: str | None = None) -> dict[str, Any]:
    """Run a command.

    Args:
        folder: to run it in; it holds a folder `tmp` for temporary files.
        args: of the command line; or "python" and arguments of `inpaintdiff.inpaint`.
        seconds: until it is killed.
        fault: of `FAULTS`, planted into the program: what watches the attempts has to notice.

    Returns:
        What it wrote, how long it took, and its exit code as `status`: None where the time was up, negative for a signal.
    """
    files = {name: Path(f"{folder}.{name}") for name in ("out", "err")}
    begin = time.monotonic()
    pid = os.fork()
    if not pid:
        _child(folder, args, list(files.values()), fault)
    status = _wait(pid, begin + seconds)
    found = {"status": status, "seconds": time.monotonic() - begin}
    return {**found, **{name: path.read_text(errors="replace") for name, path in files.items()}}


def _wait(pid: int, deadline: float) -> int | None:
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def _child(folder: str, args: list[str], files: list[Path], fault: str | None) -> None:
    code = 1
    try:
        for number, path in enumerate(files, 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
        os.chdir(folder)
        tempfile.tempdir = f"{folder}/tmp"
        if fault:
            FAULTS[fault]()
        code = call(args[1]) if args[0] == "python" else main(args)
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else 1
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def call(options: str) -> int:
    """`inpaintdiff.inpaint` with these arguments; 3 if pixels outside the hole are not the source's."""
    try:
        result = eval(f"inpaintdiff.inpaint({options})", {"inpaintdiff": inpaintdiff, "np": np, "torch": torch})
    except InpaintDiffError as e:
        print(f"inpaintdiff: {e}", file=sys.stderr)
        return 2
    source = result.source.read(range(len(result.source)))
    known = ~result.holes.read(range(len(source)))
    return 0 if all(np.array_equal(v[known], source[known]) for v in result.videos) else 3


def _raises() -> None:
    from inpaintdiff.data.video_readers import PyavFrames

    def broken(self: Any, indices: Any) -> None:
        raise ZeroDivisionError("planted")

    PyavFrames.read = broken


def _hangs() -> None:
    from inpaintdiff.painting import files

    files.open_video = lambda path, **options: time.sleep(3600)


def _leaves_a_part() -> None:
    from inpaintdiff.painting import order

    def leaving(path: Path, **options: Any) -> None:
        path.with_name(f".{path.name}.part").touch()
        raise InpaintDiffError("it did not work")

    order.check_output = leaving


def _spoils_the_input() -> None:
    from inpaintdiff.painting import files

    opened = files.open_video

    def spoiling(path: Path, **options: Any) -> Any:
        path.write_bytes(path.read_bytes() + b"!")
        return opened(path, **options)

    files.open_video = spoiling


def _changes_a_pixel() -> None:
    from inpaintdiff.painting.job import Job

    complete = Job._complete

    def careless(self: Job, i: int, frame: np.ndarray, sample: int) -> np.ndarray:
        out = complete(self, i, frame, sample).copy()
        out[-1, -1, 0] ^= i == 2
        return out

    Job._complete = careless


def _loses_a_frame() -> None:
    from inpaintdiff.painting.job import Job

    frames = Job.frames
    Job.frames = lambda self, sample: (f for i, f in enumerate(frames(self, sample)) if i)


FAULTS: dict[str, Callable[[], None]] = {
    "raises": _raises,
    "hangs": _hangs,
    "leaves a part": _leaves_a_part,
    "spoils the input": _spoils_the_input,
    "changes a pixel": _changes_a_pixel,
    "loses a frame": _loses_a_frame,
}


def serve() -> None:
    import inpaintdiff.cli.inpaint
    import inpaintdiff.cli.verify  # noqa: F401 - before the first fork

    torch.set_num_threads(1)
    for line in sys.stdin:
        print(json.dumps(attempt(**json.loads(line))), flush=True)
    os._exit(0)  # what was imported takes seconds to tidy up


if __name__ == "__main__":
    serve()
