"""Arguments of every verb. Standard library only: this is what `--help` needs, and nothing else is imported for it."""

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
from inpaintdiff.cli.parser_data import add_prepare
from inpaintdiff.cli.parser_evaluate import add_evaluation
from inpaintdiff.cli.parser_experiments import add_experiments
from inpaintdiff.cli.parser_masks import add_masks
from inpaintdiff.cli.parser_models import add_models
from inpaintdiff.cli.parser_plan import add_plan
from inpaintdiff.cli.parser_report import add_report
from inpaintdiff.cli.parser_runs import add_runs
from inpaintdiff.cli.parser_serve import add_serve
from inpaintdiff.cli.parser_weights import add_weights
from inpaintdiff.cli.parser_worlds import add_worlds

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


def build_parser() -> argparse.ArgumentParser:
    """The parser of everything but Lightning's four verbs."""
    parser = argparse.ArgumentParser(
        prog="inpaintdiff", description=_OVERVIEW, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    p = add_verb(
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
    add_hole(p)
    p.add_argument("--model", default="builtin", metavar="MODEL", help=MODEL_HELP)
    add_sampling(p)
    add_embedding(p)
    add_result(p)
    p.add_argument("--overwrite", action="store_true", help="replace an existing output")
    p.add_argument(
        "--resume", action="store_true", help="go on with a run that was cut off (OUT.job lies beside the output)"
    )
    add_tracking(p)

    add_plan(verbs)

    p = add_verb(
        verbs,
        "demo",
        "inpaintdiff.cli.demo:run",
        "Simulate traffic, paint behind a hole with the built-in model, compare with baselines, register the model.",
        "  inpaintdiff demo\n  inpaintdiff demo --output demo-output --clips 4 --samples 3",
    )
    p.add_argument("-o", "--output", type=Path, default=Path("demo-output"), help="folder (default %(default)s)")
    p.add_argument("--clips", type=int, default=2, help="test clips (default %(default)s)")
    p.add_argument("--frames", type=int, default=32, help="frames a clip (default %(default)s)")
    add_sampling(p, samples=3)
    add_tracking(p)

    add_evaluation(verbs)
    add_report(verbs)

    p = add_verb(
        verbs,
        "verify",
        "inpaintdiff.cli.verify:run",
        "Count the values outside the hole that differ between two videos.",
        "  inpaintdiff verify in.mp4 out.mkv --box 200,120,330,230",
    )
    p.add_argument("original", type=Path)
    p.add_argument("result", type=Path)
    add_hole(p)
    p.add_argument("--strict", action="store_true", help="exit with code 1 if any value changed")

    masks = verbs.add_parser("masks", help="Make, show and convert holes.")
    add_masks(masks.add_subparsers(metavar="VERB", required=True))

    data = verbs.add_parser("data", help="Make, look at and check data sets.").add_subparsers(
        metavar="VERB", required=True
    )
    add_worlds(data)
    p = add_verb(
        data,
        "check",
        "inpaintdiff.cli.data:check",
        "Name every defect of a data set folder.",
        "  inpaintdiff data check DIR",
    )
    p.add_argument("dir", type=Path)
    add_prepare(data)

    add_runs(
        verbs.add_parser("runs", help="Trainings and their records.").add_subparsers(metavar="VERB", required=True)
    )

    add_serve(verbs)

    add_models(verbs.add_parser("models", help="The model registry.").add_subparsers(metavar="VERB", required=True))

    weights = verbs.add_parser("weights", help="Published weights of the networks behind LPIPS, FID, VFID and RAFT.")
    add_weights(weights.add_subparsers(metavar="VERB", required=True))

    p = add_verb(
        verbs,
        "bench-schemes",
        "inpaintdiff.cli.bench:run",
        "Judge sampling schemes exactly, on Gaussian videos: no training, no sampling, no taste.",
        "  inpaintdiff bench-schemes\n  inpaintdiff bench-schemes --out bench/",
    )
    p.add_argument("--out", type=Path, metavar="DIR", help="write the tables and figures there (replaces earlier ones)")
    add_verb(
        verbs,
        "bench-solvers",
        "inpaintdiff.cli.bench:run_solvers",
        "Measure the order of convergence of every solver, against the exact flow of Gaussian pixels.",
        "  inpaintdiff bench-solvers",
    )
    add_experiments(verbs)
    return parser
