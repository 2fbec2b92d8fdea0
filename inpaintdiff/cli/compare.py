"""`inpaintdiff compare`: result files side by side."""

import argparse

from inpaintdiff.evaluation import merge
from inpaintdiff.evaluation.files import check_output


def run(args: argparse.Namespace) -> int:
    """Print the table; write it where asked to."""
    outputs = [p for p in (args.json, args.csv) if p is not None]
    for path in outputs:
        check_output(path, args.overwrite)
    found = merge(args.files, args.force)
    print(found.table())
    if args.json is not None:
        found.save_json(args.json, args.overwrite)
    if args.csv is not None:
        found.save_csv(args.csv, args.overwrite)
    if outputs:
        print("\nwritten: " + ", ".join(str(p) for p in outputs))
    return 0
