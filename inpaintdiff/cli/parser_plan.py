"""Arguments of `inpaintdiff plan`."""

import argparse
from pathlib import Path

from inpaintdiff.cli.options import (
    MODEL_HELP,
    add_embedding,
    add_hole,
    add_result,
    add_sampling,
    add_tracking,
    add_verb,
)


def add_plan(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """A video and a hole, with the options of `inpaint`, or a number of frames."""
    p = add_verb(
        verbs,
        "plan",
        "inpaintdiff.cli.plan:run",
        "Show the stages of a sampling scheme, and what a job costs, before paying for it.",
        "  inpaintdiff plan in.mp4 --box 200,120,330,230             calls, time, memory and disk of this `inpaint`\n"
        "  inpaintdiff plan in.mp4 --mask masks/ --samples 3 --precision bf16 --picture plan.png\n"
        "  inpaintdiff plan in.mp4 --mask masks/ --compare           every sampling scheme in a row\n"
        "  inpaintdiff plan --frames 60 --scheme lookahead-ar++      of whole frames, without a model\n"
        "  inpaintdiff plan --frames 1000 --model builtin --compare\n"
        "  inpaintdiff plan --frames 60 --window 16 --step 8 --incomplete 0-35,40 --json\n"
        "  inpaintdiff plan --frames 60 --option near=4 --option use_lookahead=false\n"
        "  inpaintdiff plan --frames 300 --scheme adaptive --embedding features.npy",
    )
    p.add_argument(
        "video",
        type=Path,
        nargs="?",
        help="with --mask or --box: the job to predict; alone: its number of frames counts",
    )
    p.add_argument("--frames", type=int, metavar="N", help="number of frames, instead of a video")
    add_hole(p)
    p.add_argument("--incomplete", metavar="RANGES", help="frames with a hole, as 0-35,40 (default: all)")
    p.add_argument("--model", metavar="MODEL", help=f"{MODEL_HELP}; default builtin for a video with a hole, else none")
    add_sampling(p)
    add_embedding(p)
    p.add_argument(
        "-o", "--output", type=Path, help="where the result would be written; its disk is looked at (default: here)"
    )
    add_result(p)
    p.add_argument("--compare", action="store_true", help="a row for every sampling scheme, instead of one plan")
    p.add_argument(
        "--json",
        action="store_true",
        help="machine-readable: {stages: [{latent, lookahead, observed}], calls}; of a job also regions, seconds, peak_bytes, "
        "disk_bytes and more",
    )
    p.add_argument("--picture", type=Path, metavar="FILE", help="draw the chart into a .png, .svg or .pdf")
    p.add_argument("--overwrite", action="store_true", help="replace an existing picture")
    add_tracking(p)
