"""Arguments of `inpaintdiff models ...`."""

import argparse
from pathlib import Path

from inpaintdiff.cli.options import MODEL_HELP, add_tracking, add_verb

_VERSIONS = "inpaintdiff.cli.models_versions"


def add_models(models: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verbs of the registry."""
    p = add_verb(
        models, "list", "inpaintdiff.cli.models:list_", "List versions and aliases.", "  inpaintdiff models list"
    )
    add_tracking(p)
    p = add_verb(
        models,
        "register",
        "inpaintdiff.cli.models:register",
        "Register a model file as a version.",
        "  inpaintdiff models register builtin --name inpaintdiff-traffic --alias champion",
    )
    p.add_argument("model", help=MODEL_HELP)
    p.add_argument("--name", default="inpaintdiff-traffic", help="registered model (default %(default)s)")
    p.add_argument("--alias", default="champion", help="points at the new version (default %(default)s); '' gives none")
    add_tracking(p)
    p = add_verb(
        models, "show", "inpaintdiff.cli.models:show", "Print a model's card.", "  inpaintdiff models show builtin"
    )
    p.add_argument("model", help=MODEL_HELP)
    add_tracking(p)
    _promotion(models)
    _steps(models)
    _files(models)


def _dtype(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--dtype",
        choices=("float32", "float16", "int8"),
        default="float32",
        help="of the weights in the file: exact, half the bytes (each weight to 0.05 %%), or a quarter of them (to 0.4 %% of the largest of"
        " its output channel); they are computed with as float32 (default %(default)s)",
    )


def _promotion(models: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    p = add_verb(
        models,
        "promote",
        f"{_VERSIONS}:promote",
        "Make a version the champion, unless it is worse than the present one on the same clips with the same seeds.",
        "  inpaintdiff models promote inpaintdiff-traffic                  the candidate\n"
        "  inpaintdiff models promote inpaintdiff-traffic --version 3 --data data/traffic --split val\n"
        "  inpaintdiff models promote inpaintdiff-traffic --version 3 --force",
    )
    p.add_argument("name", help="registered model")
    p.add_argument("--version", metavar="N", help="which version (default: the one that the alias candidate points at)")
    p.add_argument("--data", type=Path, metavar="DIR", help="compare on this data set (default: simulated traffic)")
    p.add_argument("--split", default="val", help="split of the data set (default %(default)s)")
    p.add_argument("--clips", type=int, default=8, help="clips to compare on (default %(default)s)")
    p.add_argument("--frames", type=int, default=32, help="the first so many frames of each (default %(default)s)")
    p.add_argument("--steps", type=int, help="network calls a stage (default: each model's own number, or 20)")
    p.add_argument("--precision", choices=("fp32", "bf16", "auto"), default="fp32")
    p.add_argument("--device", metavar="NAME", help="cpu, cuda, ... (default: cuda where there is one)")
    p.add_argument(
        "--force", action="store_true", help="promote it whatever the comparison says; the version keeps why"
    )
    add_tracking(p)
    p = add_verb(
        models,
        "rollback",
        f"{_VERSIONS}:rollback",
        "Make the former champion champion again.",
        "  inpaintdiff models rollback inpaintdiff-traffic",
    )
    p.add_argument("name", help="registered model")
    add_tracking(p)


def _steps(models: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    p = add_verb(
        models,
        "search-steps",
        "inpaintdiff.cli.models_steps:run",
        "Search the noise levels at which a model needs fewest network calls; write a copy of it that paints at those.",
        "  inpaintdiff models search-steps builtin --steps 8 -o fast.safetensors\n"
        "  inpaintdiff models search-steps models:/cars@champion --steps 6 --data data/cars -o fast.safetensors\n"
        "  inpaintdiff inpaint in.mp4 --box 200,120,330,230 -o out.mp4 --model fast.safetensors",
    )
    p.add_argument("model", help=MODEL_HELP)
    p.add_argument("--steps", type=int, default=8, help="network calls a stage (default %(default)s)")
    p.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help=".safetensors")
    p.add_argument("--solver", metavar="NAME", help="ddim, euler or dpmpp-2m (default: the model's own)")
    p.add_argument(
        "--data", type=Path, metavar="DIR", help="windows of this data set's train split (default: simulated traffic)"
    )
    p.add_argument("--windows", type=int, default=6, help="to search on; as many again to check (default %(default)s)")
    p.add_argument("--trials", type=int, default=60, help="grids to try at most (default %(default)s)")
    p.add_argument("--seed", type=int, default=0, help="of the windows (default %(default)s)")
    p.add_argument("--precision", choices=("fp32", "bf16", "auto"), default="fp32")
    p.add_argument("--device", metavar="NAME", help="cpu, cuda, ... (default: cuda where there is one)")
    _dtype(p)
    p.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_tracking(p)


def _files(models: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    p = add_verb(
        models,
        "pull",
        f"{_VERSIONS}:pull",
        "Copy a version out of the registry: weights, model card, tags and lineage as plain files.",
        "  inpaintdiff models pull models:/inpaintdiff-traffic@champion -o champion/",
    )
    p.add_argument("model", help="models:/NAME@ALIAS or models:/NAME/VERSION")
    p.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    p.add_argument("--overwrite", action="store_true", help="replace an existing folder")
    add_tracking(p)
    p = add_verb(
        models,
        "diff",
        f"{_VERSIONS}:diff",
        "Show what two models differ in: configuration, card, weights.",
        "  inpaintdiff models diff builtin models:/inpaintdiff-traffic@candidate",
    )
    p.add_argument("first", help=MODEL_HELP)
    p.add_argument("second", help="likewise")
    add_tracking(p)
    p = add_verb(
        models,
        "export",
        f"{_VERSIONS}:export",
        "Write any model as one safetensors file; of a checkpoint, the averaged weights.",
        "  inpaintdiff models export runs/traffic-scenes/checkpoints/last.ckpt -o traffic.safetensors",
    )
    p.add_argument("model", help=MODEL_HELP)
    p.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    _dtype(p)
    p.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_tracking(p)
    p = add_verb(
        models,
        "average",
        "inpaintdiff.cli.models_average:run",
        "Average the weights of two trainings of one network, as of a model and what it was trained on to.",
        "  inpaintdiff models average builtin tuned.safetensors -o between.safetensors\n"
        "  inpaintdiff models average builtin models:/mine@candidate --weight 0.3 -o between.safetensors\n"
        "  inpaintdiff evaluate --synthetic 16 --model builtin --model tuned.safetensors --model between.safetensors",
    )
    p.add_argument("first", help=MODEL_HELP)
    p.add_argument("second", help="likewise")
    p.add_argument("--weight", type=float, default=0.5, metavar="W", help="share of the second (default %(default)s)")
    p.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help=".safetensors")
    _dtype(p)
    p.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_tracking(p)
