"""`inpaintdiff weights`: published weights of feature networks."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation.networks import loader_of
from inpaintdiff.evaluation.published import PUBLISHED, Published, fetch, published, weights_folder


def show(args: argparse.Namespace) -> int:
    """Every entry with its source, hash, licence and place."""
    for entry in PUBLISHED.values():
        path = weights_folder() / entry.name
        print(f"{entry.kind}: {entry.about}; {entry.licence}")
        for remote in entry.remotes:
            print(f"  {remote.url}\n    {remote.size / 1e6:.1f} MB, SHA-256 {remote.sha256}")
        print(f"  {'here' if path.is_file() else 'would be kept'}: {path}")
    return 0


def get(args: argparse.Namespace) -> int:
    """Say what is fetched from where under which licence, and fetch it."""
    if bool(args.names) == args.all:
        raise SettingError(f"which weights? Give some of {', '.join(PUBLISHED)}, or --all")
    entries: Sequence[Published] = list(PUBLISHED.values()) if args.all else [published(name) for name in args.names]
    folder = args.dir or weights_folder()
    for entry in entries:
        if (folder / entry.name).is_file() and not args.overwrite:
            print(f"{entry.kind} is here: {folder / entry.name}")
            continue
        sources = " and ".join(remote.url for remote in entry.remotes)
        print(f"{entry.kind}: {sources} ({entry.licence}) into {folder / entry.name}")
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
            tasks = {r.url: bar.add_task(r.url.rpartition("/")[2], total=r.size) for r in entry.remotes}

            def told(url: str, done: int, total: int, bar: Progress = bar, tasks: dict = tasks) -> None:
                bar.update(tasks[url], completed=done)

            fetch(entry, loader_of(entry.kind), folder, args.overwrite, told)
        print("  the hash is right, and the network takes them")
    return 0
