"""Arguments of `inpaintdiff weights`."""

import argparse
from pathlib import Path

from inpaintdiff.cli.options import add_verb


def add_weights(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verbs about published weights of feature networks."""
    add_verb(
        verbs,
        "list",
        "inpaintdiff.cli.weights:show",
        "Published weights of feature networks: from where, their SHA-256 and licence, and whether they are here.",
        "  inpaintdiff weights list",
    )
    p = add_verb(
        verbs,
        "get",
        "inpaintdiff.cli.weights:get",
        "Download published weights into the user's cache; they are used from then on.",
        "  inpaintdiff weights get inception i3d      for FID, and for VFID, FVD and PVCS\n"
        "  inpaintdiff weights get --all",
    )
    p.add_argument("names", nargs="*", metavar="NAME", help="lpips, inception, i3d, raft")
    p.add_argument("--all", action="store_true", help="all of them")
    p.add_argument("--dir", type=Path, metavar="DIR", help="put them there instead, for --features-dir DIR")
    p.add_argument("--overwrite", action="store_true", help="download again what is there already")
