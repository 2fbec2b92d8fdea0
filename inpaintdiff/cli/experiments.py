"""`inpaintdiff experiments`: what was measured, measured again."""

import argparse
import logging
import sys
import warnings
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inpaintdiff.errors import SettingError
from inpaintdiff.experiments import Request, experiment_names, make_experiment
from inpaintdiff.experiments.comparison import Comparison
from inpaintdiff.experiments.patches import Patches
from inpaintdiff.experiments.run_folder import remove_run

_FOLDER = Path("runs/experiments")


def list_(_: argparse.Namespace) -> int:
    """Print names and questions."""
    width = max(map(len, experiment_names()))
    for name in experiment_names():
        print(f"{name:<{width}}  {make_experiment(name).about}")
    return 0


def run(args: argparse.Namespace) -> int:
    """Run an experiment; print what it found and where it lies."""
    experiment = make_experiment(args.name)
    folder = args.output or _FOLDER / (f"{args.name}-quick" if args.quick else args.name)
    if (args.set or args.clips is not None) and not isinstance(experiment, Comparison):
        raise SettingError(f"{args.name} compares nothing on sets of clips; leave out --set and --clips")
    if args.seconds is not None and not isinstance(experiment, Patches):
        raise SettingError(f"{args.name} does not train for a given time; leave out --seconds")
    request = Request(
        folder, args.steps, args.seeds, args.quick, args.model, args.features_dir, args.real,
        sets=tuple(args.set), clips=args.clips, seconds=args.seconds,
    )  # fmt: skip
    if args.overwrite:
        remove_run(folder)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.`")
    columns = (
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("")

        def report(doing: str, done: int, total: int) -> None:
            if doing != bar.tasks[0].description:
                bar.reset(task, description=doing, total=total)
            bar.update(task, completed=done)

        outcome = experiment.run(request, report)
    print(outcome.text)
    print("\nwritten: " + ", ".join(str(p) for p in outcome.files))
    return 0
