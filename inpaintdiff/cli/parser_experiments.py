"""Arguments of `inpaintdiff experiments`. Standard library only, as all that `--help` needs."""

import argparse
from collections.abc import Callable
from pathlib import Path

AddVerb = Callable[..., argparse.ArgumentParser]


def add_experiments(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", add: AddVerb) -> None:
    """The verbs `experiments list` and `experiments run`.

    Args:
        verbs: where they go.
        add: makes a verb from (verbs, name, function, help, examples).
    """
    inner = verbs.add_parser("experiments", help="Experiments that anybody can run again.").add_subparsers(
        metavar="VERB", required=True
    )
    add(
        inner,
        "list",
        "inpaintdiff.cli.experiments:list_",
        "Name the experiments and what they ask.",
        "  inpaintdiff experiments list",
    )
    p = add(
        inner,
        "run",
        "inpaintdiff.cli.experiments:run",
        "Run an experiment: tables here, results.json and figures in a folder. One that was cut off goes on.",
        "  inpaintdiff experiments run subset-samplers --quick\n"
        "  inpaintdiff experiments run subset-samplers --steps 2000 --seeds 3 --output runs/long",
    )
    p.add_argument("name", metavar="NAME", help="see `inpaintdiff experiments list`")
    p.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder (default: runs/experiments/NAME)")
    p.add_argument("--steps", type=int, metavar="N", help="training steps of every arm (default: the experiment's)")
    p.add_argument("--seeds", type=int, metavar="N", help="trainings of every arm (default: the experiment's)")
    p.add_argument("--quick", action="store_true", help="a minute or two: shows that everything works, nothing else")
    p.add_argument("--overwrite", action="store_true", help="begin anew where the folder holds an earlier run")
