"""Arguments of `inpaintdiff report`."""

import argparse
from pathlib import Path

from inpaintdiff.cli.options import add_verb


def add_report(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verb that shows results to people."""
    p = add_verb(
        verbs,
        "report",
        "inpaintdiff.cli.report:run",
        "Show results as one HTML file with players, tables and intervals; or make a blind study of them, and count its answers.",
        "  inpaintdiff evaluate --synthetic 8 --json scores.json --videos review/\n"
        "  inpaintdiff report scores.json -o review.html\n"
        "  inpaintdiff report ours.json theirs.json --painted ours=painted/ -o both.html\n"
        "  inpaintdiff report scores.json --study -o study.html --seed 1        raters open it; keep study.key.json to yourself\n"
        "  inpaintdiff report study.key.json --answers anna.json ben.json       which was chosen how often, with intervals",
    )
    p.add_argument(
        "results", type=Path, nargs="+", metavar="JSON", help="of `evaluate --json`; with --answers the key of a study"
    )
    p.add_argument("-o", "--output", type=Path, metavar="HTML", help="(default review.html, or study.html)")
    p.add_argument("--overwrite", action="store_true", help="replace existing files")
    p.add_argument("--force", action="store_true", help="put results side by side although protocol cards differ")
    group = p.add_argument_group("videos (default: where the results say they are)")
    group.add_argument("--truth", type=Path, metavar="DIR", help="true videos")
    group.add_argument("--masks", type=Path, metavar="DIR", help="their holes")
    group.add_argument(
        "--painted", action="append", default=[], metavar="METHOD=DIR", help="what a method painted, repeatable"
    )
    group.add_argument("--clips", type=int, metavar="N", help="only so many videos, the worst ones (all)")
    group.add_argument("--frames", type=int, metavar="N", help="the first N frames of each (all)")
    group.add_argument("--sort", metavar="SCORE", help="order by this score, the worst first (default psnr_hole)")
    group.add_argument(
        "--media",
        choices=("auto", "pictures", "video"),
        default="auto",
        help="pictures: exact, any browser; video: h264, for long and large ones; auto chooses by size (default)",
    )
    group.add_argument("--size", type=int, default=480, help="longest side of a video, pixels (default %(default)s)")
    group = p.add_argument_group("blind study: which of two looks more real?")
    group.add_argument("--study", action="store_true", help="write a page for raters, and its key")
    group.add_argument("--seed", type=int, default=0, help="of order and sides (default %(default)s)")
    group.add_argument("--with-truth", action="store_true", help="the truth is one of the videos to choose from")
    group.add_argument("--answers", type=Path, nargs="+", metavar="JSON", help="files that raters saved: count them")
    group.add_argument("--json", type=Path, metavar="FILE", help="with --answers: write the result here as well")
