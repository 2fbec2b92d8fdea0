"""Runs the command line in child processes and kills them, without a chance to tidy up.

    python killed.py SCRATCH KILLS SEED -- ARGUMENTS OF inpaintdiff inpaint, WITHOUT -o

They are killed at KILLS random moments; if that is 0, just before and just after every renaming and every removal of a file instead.
Prints one JSON line: the hashes of the undisturbed result, and of what `--resume` made of every run that was killed. One process
imports everything and forks, so that a run costs no start.
"""

import hashlib
import itertools
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from inpaintdiff.cli import main


def begin(args: list[str], fatal: int | None = None) -> int:
    """Start the command in a child process; the `fatal`-th renaming or removal is its last, if `fatal` is odd it still happens."""
    pid = os.fork()
    if pid:
        return pid
    if fatal is not None:
        calls = itertools.count()
        for name in ("replace", "unlink", "rmdir"):
            setattr(Path, name, deadly(getattr(Path, name), calls, fatal))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os._exit(main(args))


def deadly(call: Callable[..., Any], calls: Iterator[int], fatal: int) -> Callable[..., Any]:
    def wrapped(*args: Any, **options: Any) -> Any:
        k = next(calls)
        if k == fatal // 2 and fatal % 2 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*args, **options)
        if k == fatal // 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


def ended(pid: int, seconds: float) -> bool:
    """Wait; whether the process ended by itself."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(0.001)
    return False


def finish(args: list[str]) -> None:
    status = os.waitpid(begin(args), 0)[1]
    if status:
        sys.exit(f"{args} ended with status {status}")


def kill(args: list[str], seconds: float) -> bool:
    """Run, kill after so many seconds; whether it had not ended by then."""
    pid = begin(args)
    if ended(pid, seconds):
        return False
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def hashes(folder: Path) -> dict[str, str]:
    """Of the videos; and whatever else lies there, by name."""
    return {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() if p.suffix == ".mkv" else ""
        for p in sorted(folder.iterdir())
    }


def run(scratch: Path, kills: int, seed: int, args: list[str]) -> None:
    import inpaintdiff.cli.inpaint  # noqa: F401 - before the first fork

    rng = random.Random(seed)
    finish(["inpaint", *args, "-o", str(scratch / "warm" / "out.mkv")])
    start = time.monotonic()
    finish(["inpaint", *args, "-o", str(scratch / "whole" / "out.mkv")])
    whole = time.monotonic() - start
    killed, found = 0, []
    for k in range(kills) if kills else itertools.count():
        again = ["inpaint", *args, "-o", str(scratch / str(k) / "out.mkv"), "--resume"]
        if kills:
            # Strata, so that few kills fall into different phases; the second kill falls into the resumed run.
            killed += kill(again, whole * (k + rng.random()) / kills)
            killed += kill(again, whole * rng.random() / 2)
        elif os.waitpid(begin(again, fatal=k), 0)[1] == signal.SIGKILL:
            killed += 1
        else:
            break
        finish(again)
        found.append(hashes(scratch / str(k)))
    print(json.dumps({"whole": hashes(scratch / "whole"), "found": found, "killed": killed}))


if __name__ == "__main__":
    at = sys.argv.index("--")
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[at + 1 :])
