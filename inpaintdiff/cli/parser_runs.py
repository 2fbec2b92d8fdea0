"""Arguments of `inpaintdiff runs ...`."""

import argparse
from pathlib import Path

from inpaintdiff.cli.options import add_tracking, add_verb


def add_runs(runs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The one verb of runs."""
    p = add_verb(
        runs,
        "upload",
        "inpaintdiff.cli.runs:upload",
        "Bring runs into the MLflow store that fit kept in a folder, because MLflow was not installed or did not answer.",
        "  inpaintdiff runs upload runs/kept/0123456789abcdef                 one, as fit has named it\n"
        "  inpaintdiff runs upload runs/kept --tracking-uri http://mlflow:5000    all that are not there yet\n"
        "  inpaintdiff runs upload runs/gpu-traffic/log                       logs of Lightning's CSVLogger",
    )
    p.add_argument("folder", type=Path, help="of a kept run, or one that holds several")
    add_tracking(p)
