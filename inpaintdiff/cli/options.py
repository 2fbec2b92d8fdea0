"""Arguments that several verbs share. Standard library only, as all that `--help` needs."""

import argparse
from pathlib import Path

MODEL_HELP = (
    "builtin (traffic), builtin:traffic-fast, builtin:dashcam, builtin:cars, FILE (.safetensors or .ckpt), models:/NAME@ALIAS, "
    "models:/NAME/VERSION, or baseline:NAME (nearest, median, telea, navier-stokes, blur, flow)"
)


def add_verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run: str, help_: str, examples: str
) -> argparse.ArgumentParser:
    """A verb with its help, its examples and the function that it runs, as `module:function`."""
    parser = verbs.add_parser(
        name,
        help=help_.replace("%", "%%"),
        description=help_,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("-v", "--verbose", action="store_true", help="say more on stderr")
    return parser


def _option(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="option of the scheme, repeatable: near, far, use_lookahead=false (the same frames without Z), levels",
    )


def add_embedding(parser: argparse.ArgumentParser) -> None:
    """What the adaptive scheme measures distances in."""
    parser.add_argument(
        "--embedding",
        type=Path,
        metavar="NPY",
        help="for adaptive: array (frames, features) in which observed frames are far apart (default: frame numbers)",
    )


def add_sampling(parser: argparse.ArgumentParser, samples: int = 1) -> None:
    """How answers are drawn."""
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--samples", type=int, default=samples, metavar="K", help="how many answers (default %(default)s)"
    )
    group.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the answers (default %(default)s)")
    group.add_argument(
        "--scheme", default="lookahead-ar++", metavar="NAME", help="sampling scheme, or package.module:Class"
    )
    _option(group)
    group.add_argument(
        "--steps", type=int, metavar="N", help="network calls a stage (default: the model's own number, or 20)"
    )
    group.add_argument(
        "--solver", metavar="NAME", help="ddpm, ddim, euler, heun or dpmpp-2m (default: the model's own, or dpmpp-2m)"
    )
    group.add_argument("--window", type=int, metavar="FRAMES", help="frames a stage holds (default: the model's)")
    group.add_argument("--step", type=int, metavar="FRAMES", help="frames a stage paints (default: half the window)")
    group.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1, ... (default: cuda where there is one)")
    group.add_argument(
        "--precision",
        choices=("fp32", "bf16", "auto"),
        default="fp32",
        help="bf16 is faster on newer processors, and not bit-equal; auto takes it where the device knows it (default fp32)",
    )


def add_result(parser: argparse.ArgumentParser) -> None:
    """How results are written."""
    parser.add_argument(
        "--context", type=float, default=0.5, help="surroundings given to the model, in hole sizes (default 0.5)"
    )
    parser.add_argument(
        "--lossless", action="store_true", help="FFV1 in .mkv, or png files: known pixels stay bit-identical"
    )
    parser.add_argument("--crf", type=int, default=12, help="h264 quality, smaller is better (default 12)")


def add_hole(parser: argparse.ArgumentParser) -> None:
    """Where the hole is."""
    group = parser.add_argument_group("hole (white = fill)")
    group.add_argument(
        "--mask",
        metavar="PATH",
        help="png for all frames, folder of images, mask video, npy or npz; boxes and polygons: our own, labelme or COCO .json, "
        "MOT .csv or .txt",
    )
    group.add_argument("--track", type=int, metavar="ID", help="of boxes and polygons, only this object (default: all)")
    group.add_argument("--box", action="append", default=[], metavar="X1,Y1,X2,Y2[@T0-T1]", help="repeatable; pixels")
    group.add_argument("--invert-mask", action="store_true", help="black = fill")
    group.add_argument("--dilate", type=int, default=0, metavar="PX", help="grow the hole (default 0)")
    group.add_argument(
        "--mask-extend", choices=("hold",), help="hold: repeat the last picture of a mask that is too short"
    )
    group.add_argument("--yes", action="store_true", help="accept a hole of more than 60 %% of the picture")


def add_tracking(parser: argparse.ArgumentParser) -> None:
    """Where MLflow keeps things."""
    parser.add_argument(
        "--tracking-uri", metavar="URI", help="MLflow store (default: MLFLOW_TRACKING_URI, else ./runs)"
    )
