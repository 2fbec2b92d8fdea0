"""`inpaintdiff verify`: how much of what should not change did change."""

import argparse
import math

from inpaintdiff.cli import FAILURE
from inpaintdiff.data.video import open_video
from inpaintdiff.painting.difference import difference
from inpaintdiff.painting.inputs import as_hole


def run(args: argparse.Namespace) -> int:
    """Print the difference of two videos outside the hole; with --strict exit with 1 where there is any."""
    original, result = open_video(args.original), open_video(args.result)
    holes = None
    if args.mask or args.box or args.track is not None:
        holes = as_hole(
            original,
            args.mask,
            args.box,
            invert=args.invert_mask,
            dilate=args.dilate,
            extend=args.mask_extend,
            allow_large=args.yes,
            track=args.track,
        )
    d = difference(original, result, holes)
    where = "outside the hole" if holes else "in the whole picture"
    print(f"{where}: {d.changed} of {d.values} values changed")
    if d.changed:
        print(f"largest change {d.largest} of 255, PSNR {d.psnr:.2f} dB: what encoding cost, if nothing else was done")
    return FAILURE if args.strict and not math.isinf(d.psnr) else 0
