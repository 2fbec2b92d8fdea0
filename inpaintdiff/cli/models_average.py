"""`inpaintdiff models average`: one model of two trainings of the same network, its weights between theirs."""

import argparse
import json

import torch

from inpaintdiff.checkpoint import save_model
from inpaintdiff.errors import CheckpointError, SettingError
from inpaintdiff.painting.painters import load_model


def run(args: argparse.Namespace) -> int:
    """Write the average (arXiv 2109.01903: it often does what both do well, where one was trained on from the other).

    Raises:
        SettingError: a weight that lies outside of 0 to 1.
        CheckpointError: the models differ in network or parametrisation, or the file exists.
    """
    if args.output.exists() and not args.overwrite:
        raise CheckpointError(f"{args.output} exists already; give another name, or --overwrite")
    if not 0 <= args.weight <= 1:
        raise SettingError(f"--weight is the second model's share, expected 0 to 1, got {args.weight:g}")
    (first, about), (second, other) = (load_model(m, "cpu", args.tracking_uri) for m in (args.first, args.second))
    for key in ("network", "precondition"):
        mine, theirs = (json.dumps(info.config[key], sort_keys=True) for info in (about, other))
        if mine != theirs:
            raise CheckpointError(
                f"{args.first} has the {key} {mine}, {args.second} has {theirs}; expected two trainings of one network"
            )
    others = second.state_dict()
    weights = {k: torch.lerp(v.float(), others[k].float(), args.weight) for k, v in first.state_dict().items()}
    card = {**about.card, "averaged": f"{1 - args.weight:g} x {args.first} + {args.weight:g} x {args.second}"}
    save_model(args.output, about.config, weights, card, args.dtype)
    print(f"{args.output}: {card['averaged']}; everything else is the first model's")
    return 0
