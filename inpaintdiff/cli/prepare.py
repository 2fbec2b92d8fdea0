"""`inpaintdiff data prepare`: make a data set from videos."""

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import get_args

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inpaintdiff.data.prepare.report import REPORT, SHEET
from inpaintdiff.data.prepare.run import prepare
from inpaintdiff.data.prepare.settings import Kind, PrepareSettings
from inpaintdiff.errors import SettingError

# Refused videos that are listed one by one.
_LISTED = 5


def run(args: argparse.Namespace) -> int:
    """Make or go on with a data set, and say what came of it."""
    height, width = _size(args.size)
    assert args.kind in get_args(Kind)
    settings = PrepareSettings(
        args.kind,
        height,
        width,
        _rate(args.fps),
        args.frames,
        args.min_frames,
        args.val,
        args.test,
        args.seed,
        crf=args.crf,
        detector=args.detector,
    )
    if args.workers is not None and args.workers < 0:
        raise SettingError(f"{args.workers} processes cannot be; expected 0 or more")
    with _bar() as bar:
        done = prepare(args.source, args.out, settings, args.workers, bar.begin, bar.advance)
    splits = done.manifest.splits
    counts = ", ".join(f"{len(entries)} {split}" for split, entries in splits.items())
    seconds = sum(e.frames for entries in splits.values() for e in entries) / done.manifest.fps
    print(f"{args.out}: {counts}; {seconds:.0f} s of {width} x {height} at {done.manifest.fps:g} a second")
    for reason, left_out in done.left_out.items():
        print(f"  left out {left_out:.1f} s: {reason}")
    for label, reason in list(done.refused.items())[:_LISTED]:
        print(f"  nothing from {label}: {reason}")
    if len(done.refused) > _LISTED:
        print(f"  nothing from {len(done.refused) - _LISTED} more")
    for split in (name for name, entries in splits.items() if not entries):
        print(f"  no clips in {split}: a split needs a video of its own, and usable ones were too few")
    print(f"  look at {args.out / SHEET}; {args.out / REPORT} has every stretch that was left out")
    return 0


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text, re.ASCII)
    if not match:
        raise SettingError(f"size {text[:40]!r} is not of the form N or HxW, in pixels, as 64 or 128x256")
    return int(match[1]), int(match[2] or match[1])


def _rate(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError) as e:
        raise SettingError(f"fps {text[:40]!r} is not a rate; expected a number as 10, 7.5 or 30000/1001") from e


class _Bar:
    """A bar over the bytes of the videos, so that the time left is right for videos of any length."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._videos = 0
        self._task = progress.add_task("cutting", total=None, count="")

    def begin(self, size: int, videos: int) -> None:
        self._videos = videos
        self._progress.reset(self._task, total=max(1, size), count=f"0/{videos}")
        self._progress.start()

    def advance(self, size: float, videos: int) -> None:
        self._progress.update(self._task, completed=size, count=f"{videos}/{self._videos}")


@contextmanager
def _bar() -> Iterator[_Bar]:
    columns = (
        TextColumn("cutting"), BarColumn(), TextColumn("{task.fields[count]} videos"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    console = Console(stderr=True)
    # where nobody looks a bar would leave an empty line
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    try:
        yield _Bar(progress)
    finally:
        if progress.live.is_started:
            progress.stop()
