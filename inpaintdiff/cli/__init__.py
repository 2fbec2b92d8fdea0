"""The command line. Importing this package imports neither torch, lightning nor mlflow, so that `--help` answers at once."""

import argparse
import importlib
import logging
import os
import shlex
import sys
from collections.abc import Callable, Sequence

from inpaintdiff.cli.parser import DISTILL, LIGHTNING_VERBS, build_parser
from inpaintdiff.errors import InpaintDiffError

WRONG_INPUT, FAILURE, INTERRUPTED = 2, 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `inpaintdiff`.

    Returns:
        0 done, 2 wrong input (one sentence on stderr), 130 interrupted. Anything unforeseen keeps its traceback.
    """
    # A thread that spins while it waits makes two busy processes up to six times slower; must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    args = list(sys.argv[1:] if argv is None else argv)
    if args and args[0] in (*LIGHTNING_VERBS, DISTILL):
        return _guarded(lambda: importlib.import_module("inpaintdiff.cli.lightning").run(args))
    parser = build_parser()
    if not args:
        parser.print_help()
        return 0
    known = parser.parse_args(args)
    known.command = shlex.join([parser.prog, *args])
    logging.basicConfig(level=logging.INFO if known.verbose else logging.WARNING, format="%(levelname)s %(message)s")
    return _guarded(lambda: _run_verb(known))


def lightning_main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `lightning`: fit, validate, test and predict are ours; anything else goes to lightning-sdk if it is installed.

    Lightning itself ships no such executable since 2.5; the separate product lightning-sdk owns the same name.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    if args and args[0] in LIGHTNING_VERBS:
        return main(args)
    try:
        sdk = importlib.import_module("lightning_sdk.cli.entrypoint")
    except ImportError:
        print("usage: lightning {fit,validate,test,predict} --config FILE ...   (other verbs: inpaintdiff --help)")
        return 0 if args in ([], ["--help"], ["-h"]) else WRONG_INPUT
    sdk.main_cli()
    return 0


def _run_verb(known: argparse.Namespace) -> int:
    module, function = known.run.split(":")
    return int(getattr(importlib.import_module(module), function)(known) or 0)


def _guarded(run: Callable[[], int]) -> int:
    try:
        status = run()
        sys.stdout.flush()  # what reads it may have gone, which shall be noticed here
        return status
    except BrokenPipeError:
        # `... | head` has seen enough; Python would write its traceback when it closes the file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except InpaintDiffError as e:
        print(f"inpaintdiff: {e}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("inpaintdiff: interrupted", file=sys.stderr)
        return INTERRUPTED
