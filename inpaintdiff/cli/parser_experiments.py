"""Arguments of `inpaintdiff experiments`. Standard library only, as all that `--help` needs."""

import argparse
from pathlib import Path

from inpaintdiff.cli.options import add_verb


def add_experiments(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verbs `experiments list` and `experiments run`."""
    inner = verbs.add_parser("experiments", help="Experiments that anybody can run again.").add_subparsers(
        metavar="VERB", required=True
    )
    add_verb(
        inner,
        "list",
        "inpaintdiff.cli.experiments:list_",
        "Name the experiments and what they ask.",
        "  inpaintdiff experiments list",
    )
    p = add_verb(
        inner,
        "run",
        "inpaintdiff.cli.experiments:run",
        "Run an experiment: tables here, results.json and figures in a folder. One that was cut off goes on.",
        "  inpaintdiff experiments run main --quick\n"
        "  inpaintdiff experiments run main --features-dir weights/ --real videos/\n"
        "  inpaintdiff experiments run solvers --model models:/inpaintdiff-traffic@champion\n"
        "  inpaintdiff experiments run schemes --set 'future frames' --clips 8\n"
        "  inpaintdiff experiments run subset-samplers --steps 2000 --seeds 3 --output runs/long\n"
        "  inpaintdiff experiments run patches --seconds 3600 --features-dir weights/",
    )
    p.add_argument("name", metavar="NAME", help="see `inpaintdiff experiments list`")
    p.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder (default: runs/experiments/NAME)")
    p.add_argument("--steps", type=int, metavar="N", help="training steps of every arm (default: the experiment's)")
    p.add_argument(
        "--seeds", type=int, metavar="N", help="trainings, or answers, of every arm (default: the experiment's)"
    )
    p.add_argument(
        "--seconds", type=int, metavar="N", help="patches: processor seconds every arm is trained for (default: 300)"
    )
    p.add_argument("--quick", action="store_true", help="a small run: shows what the whole one will look like")
    p.add_argument(
        "--model",
        default="builtin",
        metavar="MODEL",
        help="that comparisons paint with: builtin (in main, the one of each world), FILE, models:/NAME@ALIAS (default: %(default)s)",
    )
    p.add_argument("--features-dir", type=Path, metavar="DIR", help="weights of feature networks: LPIPS, FID, VFID")
    p.add_argument("--real", type=Path, metavar="DIR", help="main, worlds: compare on these real videos as well")
    p.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME",
        help="comparisons: only this set of clips; may be given again",
    )
    p.add_argument("--clips", type=int, metavar="N", help="comparisons: clips of every set (default: the experiment's)")
    p.add_argument("--overwrite", action="store_true", help="begin anew where the folder holds an earlier run")
