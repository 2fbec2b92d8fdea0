"""Arguments of `inpaintdiff masks ...`."""

import argparse
from pathlib import Path

from inpaintdiff.cli.options import add_verb

KINDS = ("grid", "blob", "brush", "box", "region", "border", "object", "whole-frames", "first-n-known")

_OUTPUT = ".png (one picture for all frames), .npz, .mkv or .mp4 (both lossless), or a folder name (png files)"


def add_masks(masks: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verbs of holes."""
    p = add_verb(
        masks,
        "make",
        "inpaintdiff.cli.masks:make",
        "Draw a hole by chance; the same seed gives the same hole on every machine.",
        "  inpaintdiff masks make grid --like in.mp4 --seed 1 -o grid.png\n"
        "  inpaintdiff masks make blob --like in.mp4 --motion moving --share 0.1-0.2 -o blobs.mkv\n"
        "  inpaintdiff masks make border --size 640x360 --share 0.3 -o border.png\n"
        "  inpaintdiff masks make object --like in.mp4 --track-file tracks.csv --track 7 -o car.npz\n"
        "  inpaintdiff masks make object --like in.mp4 --track-file tracks.csv --track 7 --place random -o elsewhere.npz\n"
        "  inpaintdiff masks make whole-frames --like in.mp4 --share 0.5 -o frames.npz\n"
        "  inpaintdiff masks make first-n-known --known 10 --frames 60 --size 64x64 -o future/",
    )
    p.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    _for_video(p)
    p.add_argument("-o", "--output", type=Path, required=True, help=_OUTPUT)
    p.add_argument("--overwrite", action="store_true", help="replace an existing output")
    p.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the hole (default %(default)s)")
    p.add_argument(
        "--motion", choices=("static", "moving"), help="whether the hole moves (default static; of an object moving)"
    )
    p.add_argument(
        "--share",
        metavar="LEAST-MOST",
        help="of the picture that is hidden, drawn between the two (one number: exactly that; default 0.05-0.35); "
        "of whole-frames: of the frames (default 0.25-0.75)",
    )
    p.add_argument("--known", type=int, metavar="N", help="of first-n-known: how many frames (default a quarter)")
    p.add_argument(
        "--track-file",
        type=Path,
        metavar="FILE",
        help="of an object: boxes or polygons (.json, .csv or .txt), or a mask of it",
    )
    p.add_argument("--track", type=int, metavar="ID", help="of an object: only this one of the file (default: all)")
    p.add_argument(
        "--place",
        choices=("own", "random"),
        help="of an object: over itself (default), or moved aside by chance, where the truth is known",
    )

    p = add_verb(
        masks,
        "show",
        "inpaintdiff.cli.masks:show",
        "Say what a mask marks, and draw a sheet of frames with the hole in colour.",
        "  inpaintdiff masks show hole.png\n"
        "  inpaintdiff masks show masks/ --video in.mp4 -o sheet.png\n"
        "  inpaintdiff masks show tracks.csv --track 7 --video in.mp4 -o sheet.png",
    )
    p.add_argument("mask", type=Path, help="as for `inpaint --mask`")
    _for_video(p)
    _reading(p)
    p.add_argument("-o", "--output", type=Path, metavar="PNG", help="write the sheet here")
    p.add_argument("--overwrite", action="store_true", help="replace an existing sheet")

    p = add_verb(
        masks,
        "convert",
        "inpaintdiff.cli.masks:convert",
        "Write a mask as another kind of file, without loss, and read it back to prove it.",
        "  inpaintdiff masks convert masks/ -o hole.npz\n"
        "  inpaintdiff masks convert coco.json --like in.mp4 --track 3 --dilate 4 -o hole.mkv\n"
        "  inpaintdiff masks convert old.mp4 --invert -o hole/",
    )
    p.add_argument("mask", type=Path, help="as for `inpaint --mask`")
    _for_video(p)
    _reading(p)
    p.add_argument("-o", "--output", type=Path, required=True, help=_OUTPUT)
    p.add_argument("--overwrite", action="store_true", help="replace an existing output")
    p.add_argument("--yes", action="store_true", help="accept a hole of more than 60 %% of the picture")


def _for_video(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the video that it is for")
    group.add_argument(
        "--like", "--video", type=Path, metavar="IN", dest="video", help="take length and size from here"
    )
    group.add_argument("--frames", type=int, metavar="N", help="length, instead of a video")
    group.add_argument("--size", metavar="WIDTHxHEIGHT", help="pixels, instead of a video")


def _reading(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how the mask is read (white = fill)")
    group.add_argument("--track", type=int, metavar="ID", help="of boxes and polygons, only this object (default: all)")
    group.add_argument("--invert", "--invert-mask", action="store_true", dest="invert_mask", help="black = fill")
    group.add_argument("--dilate", type=int, default=0, metavar="PX", help="grow the hole (default 0)")
    group.add_argument(
        "--mask-extend", choices=("hold",), help="hold: repeat the last picture of a mask that is too short"
    )
