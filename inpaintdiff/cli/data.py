"""`inpaintdiff data`: make, look at and check data sets."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inpaintdiff.data.contact_sheet import draw_sheet, rows_of, write_sheet
from inpaintdiff.data.format import defects, read_manifest
from inpaintdiff.data.synthetic import write
from inpaintdiff.errors import SettingError


def synthesize(args: argparse.Namespace) -> int:
    """Write a synthetic data set."""
    clips = {"train": args.clips, "val": args.held_out, "test": args.held_out}
    with _bar("simulating", sum(clips.values())) as report:
        manifest = write.synthesize(
            args.world,
            args.out,
            clips,
            variant=args.variant,
            frames=args.frames,
            size=args.size,
            seed=args.seed,
            workers=args.workers,
            progress=report,
        )
    counts = ", ".join(f"{len(entries)} {split}" for split, entries in manifest.splits.items())
    print(f"{args.out}: {counts}; {args.frames} frames of {args.size} x {args.size} at {manifest.fps:g} a second")
    return 0


def show(args: argparse.Namespace) -> int:
    """Draw a contact sheet."""
    if min(args.clips, args.columns, args.tile) < 1:
        raise SettingError("--clips, --columns and --tile must be at least 1")
    rows = rows_of(args.dir, args.split, args.clips, args.columns)
    if args.plain:
        rows = [replace(row, boxes=()) for row in rows]
    path = write_sheet(args.output, draw_sheet(rows, args.tile), args.overwrite)
    print(f"{path}: {len(rows)} clips, holes in magenta")
    return 0


def check(args: argparse.Namespace) -> int:
    """Print every defect, a line each; exit code 1 if there is one."""
    manifest = read_manifest(args.dir)
    found = 0
    for found, line in enumerate(defects(args.dir), start=1):  # noqa: B007 (the last number is the count)
        print(line)
    clips = sum(map(len, manifest.splits.values()))
    verdict = "sound" if not found else "1 defect" if found == 1 else f"{found} defects"
    print(f"{args.dir}: {clips} clips, {verdict}", file=sys.stderr if found else sys.stdout)
    return int(found > 0)


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with the time left, on stderr; gives a function of (done, of)."""
    columns = (
        TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("clips"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task(what, total=total)

    def report(done: int, _: int) -> None:
        progress.start()  # not before something is done: an error must be the only thing on the screen
        progress.update(task, completed=done)

    try:
        yield report
    finally:
        if progress.live.is_started:  # a bar that never was would leave an empty line
            progress.stop()
