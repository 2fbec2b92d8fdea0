"""Malformed input: one sentence and exit code 2, or a correct result; never a traceback, a hang, a half-written file or a spoilt input."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attempts
import av
import malformed
import numpy as np
import pytest
from malformed import Case
from malformed_holes import BOX
from PIL import Image

from inpaintdiff.data.holes import hole_pictures, parse_box
from inpaintdiff.data.video_readers import image_paths

ROOT = Path(__file__).parents[2]
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
# Every fifth case, so that every kind takes part.
SOME = 5
PATIENCE = 30.0


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return malformed.sound_files(tmp_path_factory.mktemp("sound"))


def complete(args: list[str]) -> list[str]:
    """With an output and a painter of no cost, unless a case has its own."""
    if args[0] != "inpaint":
        return args
    output = [] if "-o" in args else ["-o", "out.mkv", "--lossless"]
    return [*args, *output, *([] if "--model" in args else ["--model", "baseline:nearest"])]


def state(folder: Path) -> dict[str, str]:
    """Everything below a folder, with the hash of every file."""
    found = {}
    for path in sorted(folder.rglob("*")):
        regular = path.is_file() and not path.is_symlink()
        found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest() if regular else ""
    return found


def complaints(folder: Path, args: list[str], before: dict[str, str], ended: dict[str, Any]) -> list[str]:
    """What is wrong with how an attempt ended; empty where nothing is."""
    status, said, after = ended["status"], ended["err"] + ended["out"], state(folder)
    found = []
    if status is None or ended["seconds"] > PATIENCE:
        found.append("it hangs")
    if "Traceback" in said or "unforeseen" in said:
        found.append("a traceback")
    if status not in (0, 2):
        found.append(f"exit code {status}")
    if changed := [name for name in before if after.get(name) != before[name]]:
        found.append(f"{changed[0]} was changed")
    new = sorted(set(after) - set(before))
    if status == 2:
        if "inpaintdiff: " not in ended["err"] and not ended["err"].startswith("usage: "):
            found.append("no sentence")
        # the folder that the sentence says how to go on from
        left = [n for n in new if not (".job" in n and "Go on with:" in said)]
        # of many videos, those that went well stay
        left = [n for n in left if n.split("/")[0] != "many" or ".part" in n or ".job" in n]
        if left:
            found.append(f"{left[0]} is left behind")
    if status == 0 and args[0] == "inpaint":
        found += [f"{n} is left behind" for n in new if ".part" in n or ".job" in n or n.startswith("tmp/")]
        if "-o" in args and args[args.index("-o") + 1] in ("out.mkv", "out"):
            lost = re.search(r"the first (\d+) frames lack their key frame; they are left out", said)
            found += wrong_result(folder, args, int(lost[1]) if lost else 0)
    return found


def seen(path: Path) -> np.ndarray:
    """Every frame, by PyAV or Pillow themselves."""
    if path.is_dir():
        return np.stack([np.asarray(Image.open(p).convert("RGB")) for p in image_paths(path)])
    with av.open(str(path), metadata_errors="replace") as file:
        file.streams.video[0].thread_count = 1
        return np.stack([f.to_ndarray(format="rgb24") for f in file.decode(video=0)])


def wrong_result(folder: Path, args: list[str], lost: int) -> list[str]:
    """A lossless result has the source's frames, and outside the hole its pixels; frames may only be lost where that was said."""
    given, made = seen(folder / args[1]), seen(folder / args[args.index("-o") + 1])
    if not len(given) - lost <= len(made) <= len(given) or given.shape[1:] != made.shape[1:]:
        return [f"{made.shape} was made of {given.shape}"]
    if lost:
        return []
    hole = np.zeros(given.shape[:3], dtype=bool)
    if "--mask" in args:
        mask = folder / args[args.index("--mask") + 1]
        hole |= np.stack(list(hole_pictures(mask, *given.shape[:3])))
    else:
        box = parse_box(next(a for k, a in enumerate(args) if k and args[k - 1] == "--box"))
        first, last = box.times(len(given))
        hole[first : last + 1, box.y1 : box.y2, box.x1 : box.x2] = True
    changed = (given != made)[~hole]
    return [f"{changed.sum()} values outside the hole changed"] if changed.any() else []


Attempt = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def attempt() -> Iterator[Attempt]:
    """`attempts.attempt`, in a process that is there for it."""
    with subprocess.Popen(
        [sys.executable, attempts.__file__], env=ENV, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:

        def ask(**arguments: Any) -> dict[str, Any]:
            assert server.stdin
            assert server.stdout
            print(json.dumps(arguments), file=server.stdin, flush=True)
            return json.loads(server.stdout.readline())

        yield ask
        server.stdin.close()


def judge(attempt: Attempt, some: Sequence[Case], folder: Path) -> dict[str, list[str]]:
    """Run cases and complain."""
    found = {}
    for k, case in enumerate(some):
        here = folder / str(k)
        args = complete(case.make(here))
        before = state(here)
        ended = attempt(folder=str(here), args=args, seconds=PATIENCE + 1)
        if wrong := complaints(here, args, before, ended):
            found[f"{case.name}: {args}"] = [*wrong, ended["err"][-2000:]]
    return found


def test_some_malformed_inputs(attempt: Attempt, sound: dict[str, Path], tmp_path: Path) -> None:
    assert judge(attempt, malformed.cases(sound)[::SOME], tmp_path) == {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [0, 1])
def test_two_hundred_malformed_inputs(attempt: Attempt, sound: dict[str, Path], tmp_path: Path, seed: int) -> None:
    every = malformed.cases(sound, seed)
    assert len(every) == 200
    assert judge(attempt, every, tmp_path) == {}


@pytest.mark.slow
def test_real_processes(sound: dict[str, Path], tmp_path: Path) -> None:
    """The executable itself, for one case of most kinds."""
    for k, case in enumerate(malformed.cases(sound, seed=2)[3::25]):
        folder = tmp_path / str(k)
        args = complete(case.make(folder))
        if args[0] == "python":
            continue
        before = state(folder)
        done = subprocess.run(
            [sys.executable, "-m", "inpaintdiff", *args],
            env={**ENV, "TMPDIR": str(folder / "tmp")},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        ended = {"status": done.returncode, "seconds": 0.0, "err": done.stderr, "out": done.stdout}
        assert complaints(folder, args, before, ended) == [], done.stderr


def a_good_case(folder: Path) -> list[str]:
    folder.mkdir()
    (folder / "tmp").mkdir()
    malformed.write_video(folder / "in.mkv", malformed.pictures(6, 24, 32), 25, lossless=True)
    return ["inpaint", "in.mkv", "--box", BOX]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (None, []),
        ("raises", ["a traceback", "exit code 1"]),
        ("hangs", ["it hangs", "exit code None"]),
        ("leaves a part", [".out.mkv.part is left behind"]),
        ("spoils the input", ["in.mkv was changed"]),
        ("changes a pixel", ["1 values outside the hole changed"]),
        ("loses a frame", ["(5, 24, 32, 3) was made of (6, 24, 32, 3)"]),
    ],
)
def test_the_judge_notices(attempt: Attempt, fault: str | None, expected: list[str], tmp_path: Path) -> None:
    """Planted faults."""
    here = tmp_path / "good"
    args = complete(a_good_case(here))
    before = state(here)
    ended = attempt(folder=str(here), args=args, seconds=1 if fault == "hangs" else PATIENCE, fault=fault)
    assert complaints(here, args, before, ended) == expected
