"""`inpaintdiff runs upload`: runs that were kept in a folder, into the MLflow store."""

import argparse
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def upload(args: argparse.Namespace) -> int:
    """Upload one run, or all in a folder that are not uploaded yet."""
    from inpaintdiff.registry import tracking
    from inpaintdiff.registry_kept import kept_runs
    from inpaintdiff.registry_kept import upload as bring

    store = tracking(uri=args.tracking_uri)
    folders = kept_runs(args.folder)
    columns = (
        TextColumn("uploading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    for folder in folders:
        with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
            task = bar.add_task("", total=None)
            run_id = bring(folder, store, lambda done, of, b=bar, t=task: b.update(t, completed=done, total=of))  # type: ignore[misc]
        print(f"{folder} is run {run_id} of {store.uri}")
    if not folders:
        print(f"all runs in {args.folder} are uploaded already")
    return 0
