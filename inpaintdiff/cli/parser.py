"""Arguments of every verb. Standard library only: this is what `--help` needs, and nothing else is imported for it."""

import argparse
from pathlib import Path

from inpaintdiff.cli.parser_experiments import add_experiments

LIGHTNING_VERBS = ("fit", "validate", "test", "predict")
# fit of another module
DISTILL = "distill"

_OVERVIEW = """\
Fill holes in videos with semantically consistent content, and train the models that do it.

training (Lightning's command line; also as `lightning fit ...`):
  fit, validate, test, predict      --config conf/traffic_scenes.yaml, --print_config, --help
  predict paints many videos on several devices, as inpaint does:
      predict --config conf/demo.yaml --ckpt_path last --trainer.devices 2 --data VideosToPaint --data.videos videos/ --data.mask masks/
  distill                           a model of few network calls from one of many; a training as well, so its options are those of fit:
      distill --config conf/distill/traffic_scenes.yaml --model.teacher builtin --model.calls 4
"""

_MODEL_HELP = (
    "builtin, builtin:traffic-fast, FILE (.safetensors or .ckpt), models:/NAME@ALIAS, models:/NAME/VERSION, or baseline:NAME "
    "(nearest, median, telea, navier-stokes, blur, flow)"
)


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run: str, help_: str, examples: str
) -> argparse.ArgumentParser:
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


def _embedding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--embedding",
        type=Path,
        metavar="NPY",
        help="for adaptive: array (frames, features) in which observed frames are far apart (default: frame numbers)",
    )


def _sampling(parser: argparse.ArgumentParser, samples: int = 1) -> None:
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


def _result(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--context", type=float, default=0.5, help="surroundings given to the model, in hole sizes (default 0.5)"
    )
    parser.add_argument(
        "--lossless", action="store_true", help="FFV1 in .mkv, or png files: known pixels stay bit-identical"
    )
    parser.add_argument("--crf", type=int, default=12, help="h264 quality, smaller is better (default 12)")


def _hole(parser: argparse.ArgumentParser) -> None:
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


def _tracking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tracking-uri", metavar="URI", help="MLflow store (default: MLFLOW_TRACKING_URI, else ./runs)"
    )


def build_parser() -> argparse.ArgumentParser:
    """The parser of everything but Lightning's four verbs."""
    parser = argparse.ArgumentParser(
        prog="inpaintdiff", description=_OVERVIEW, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    p = _verb(
        verbs,
        "inpaint",
        "inpaintdiff.cli.inpaint:run",
        "Fill the hole of a video.",
        "  inpaintdiff inpaint in.mp4 --box 200,120,330,230 -o out.mp4\n"
        "  inpaintdiff inpaint in.mp4 --mask hole.png -o out.mkv --lossless --samples 3 --seed 7\n"
        "  inpaintdiff inpaint in.mp4 --mask masks/ -o out.mp4 --model models:/inpaintdiff-traffic@champion\n"
        "  inpaintdiff inpaint in.mp4 --mask track.json --track 3 -o out.mp4\n"
        "  inpaintdiff inpaint in.mp4 --box 200,120,330,230@0-99 --box 10,10,40,40 -o out.mp4 --resume\n"
        "  inpaintdiff inpaint in.mp4 --mask hole.png -o out.mp4 --scheme lookahead-ar++ --option near=4 --option far=0\n"
        "  inpaintdiff inpaint clips/ --mask masks/ -o painted/      masks/NAME.png for clips/NAME.mp4\n"
        "  inpaintdiff inpaint list.csv -o painted/                  columns: video, mask, box, output",
    )
    p.add_argument("video", type=Path, help="video file, GIF, folder of images; or many: folder of videos, CSV file")
    p.add_argument("-o", "--output", type=Path, required=True, help=".mp4, .mkv, or a folder (png files; many videos)")
    _hole(p)
    p.add_argument("--model", default="builtin", metavar="MODEL", help=_MODEL_HELP)
    _sampling(p)
    _embedding(p)
    _result(p)
    p.add_argument("--overwrite", action="store_true", help="replace an existing output")
    p.add_argument(
        "--resume", action="store_true", help="go on with a run that was cut off (OUT.job lies beside the output)"
    )
    _tracking(p)

    from inpaintdiff.cli.parser_plan import add_plan  # it needs the helpers above

    add_plan(verbs)

    p = _verb(
        verbs,
        "demo",
        "inpaintdiff.cli.demo:run",
        "Simulate traffic, paint behind a hole with the built-in model, compare with baselines, register the model.",
        "  inpaintdiff demo\n  inpaintdiff demo --output demo-output --clips 4 --samples 3",
    )
    p.add_argument("-o", "--output", type=Path, default=Path("demo-output"), help="folder (default %(default)s)")
    p.add_argument("--clips", type=int, default=2, help="test clips (default %(default)s)")
    p.add_argument("--frames", type=int, default=32, help="frames a clip (default %(default)s)")
    _sampling(p, samples=3)
    _tracking(p)

    from inpaintdiff.cli.parser_evaluate import add_evaluation  # it needs the helpers above

    add_evaluation(verbs)
    from inpaintdiff.cli.parser_report import add_report  # it needs the helpers above

    add_report(verbs)

    p = _verb(
        verbs,
        "verify",
        "inpaintdiff.cli.verify:run",
        "Count the values outside the hole that differ between two videos.",
        "  inpaintdiff verify in.mp4 out.mkv --box 200,120,330,230",
    )
    p.add_argument("original", type=Path)
    p.add_argument("result", type=Path)
    _hole(p)
    p.add_argument("--strict", action="store_true", help="exit with code 1 if any value changed")

    from inpaintdiff.cli.parser_masks import add_masks  # it needs the helpers above

    masks = verbs.add_parser("masks", help="Make, show and convert holes.")
    add_masks(masks.add_subparsers(metavar="VERB", required=True))

    data = verbs.add_parser("data", help="Make, look at and check data sets.").add_subparsers(
        metavar="VERB", required=True
    )
    from inpaintdiff.cli.parser_worlds import add_worlds  # it needs the helpers above

    add_worlds(data)
    p = _verb(
        data,
        "check",
        "inpaintdiff.cli.data:check",
        "Name every defect of a data set folder.",
        "  inpaintdiff data check DIR",
    )
    p.add_argument("dir", type=Path)
    from inpaintdiff.cli.parser_data import add_prepare  # it needs the helpers above

    add_prepare(data)

    from inpaintdiff.cli.parser_runs import add_runs  # it needs the helpers above

    add_runs(
        verbs.add_parser("runs", help="Trainings and their records.").add_subparsers(metavar="VERB", required=True)
    )

    from inpaintdiff.cli.parser_serve import add_serve  # it needs the helpers above

    add_serve(verbs)

    from inpaintdiff.cli.parser_models import add_models  # it needs the helpers above

    add_models(verbs.add_parser("models", help="The model registry.").add_subparsers(metavar="VERB", required=True))

    from inpaintdiff.cli.parser_weights import add_weights  # it needs the helpers above

    weights = verbs.add_parser("weights", help="Published weights of the networks behind LPIPS, FID, VFID and RAFT.")
    add_weights(weights.add_subparsers(metavar="VERB", required=True))

    p = _verb(
        verbs,
        "bench-schemes",
        "inpaintdiff.cli.bench:run",
        "Judge sampling schemes exactly, on Gaussian videos: no training, no sampling, no taste.",
        "  inpaintdiff bench-schemes\n  inpaintdiff bench-schemes --out bench/",
    )
    p.add_argument("--out", type=Path, metavar="DIR", help="write the tables and figures there (replaces earlier ones)")
    _verb(
        verbs,
        "bench-solvers",
        "inpaintdiff.cli.bench:run_solvers",
        "Measure the order of convergence of every solver, against the exact flow of Gaussian pixels.",
        "  inpaintdiff bench-solvers",
    )
    add_experiments(verbs, _verb)
    return parser
