"""Arguments of `inpaintdiff evaluate` and `inpaintdiff compare`."""

import argparse
from pathlib import Path

from inpaintdiff.cli.options import MODEL_HELP, add_sampling, add_tracking, add_verb


def add_evaluation(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The verbs that score and compare."""
    p = add_verb(
        verbs,
        "evaluate",
        "inpaintdiff.cli.evaluate:run",
        "Score painted videos, anyone's, or models and baselines, by a named protocol, with paired 95 % intervals.",
        "  inpaintdiff evaluate painted/ --truth videos/ --masks masks/ --json scores.json\n"
        "  inpaintdiff evaluate ours/ theirs/ --truth videos/ --masks masks/ --protocol legacy-432 --features-dir weights/\n"
        "  inpaintdiff evaluate --truth videos/ --masks masks/ --model builtin --baselines flow,telea\n"
        "  inpaintdiff evaluate --synthetic 16\n"
        "  inpaintdiff evaluate --synthetic 8 --world dashcam --baselines flow,nearest --grid sheet.png\n"
        "  inpaintdiff evaluate --synthetic 16 --samples 3 --json scores.json --videos review/     then: inpaintdiff report scores.json\n"
        "  inpaintdiff evaluate --data data/traffic --split test --model runs/traffic/last.ckpt --json scores.json",
    )
    p.add_argument(
        "results",
        type=Path,
        nargs="*",
        metavar="RESULTS",
        help="folder of painted videos, or of folders of pictures, named as the truths; the first is compared with the others",
    )
    _clips(p)
    _measures(p)
    p.add_argument(
        "--model",
        action="append",
        metavar="MODEL",
        help=f"repeatable (default: builtin, unless RESULTS are given): {MODEL_HELP}",
    )
    p.add_argument(
        "--baselines",
        metavar="NAMES",
        help="of nearest, median, telea, navier-stokes, blur, flow; none for none "
        "(default: nearest,median,telea, unless RESULTS are given)",
    )
    add_sampling(p)
    _outputs(p)
    p.add_argument(
        "--videos", type=Path, metavar="DIR", help="keep truth, holes and what was painted, for `inpaintdiff report`"
    )
    p.add_argument("--grid", type=Path, metavar="PNG", help="write a picture of the first clips here")
    add_tracking(p)

    p = add_verb(
        verbs,
        "compare",
        "inpaintdiff.cli.compare:run",
        "Compare result files of `evaluate`: paired by video, with 95 % intervals and a sentence of what differs.",
        "  inpaintdiff compare ours.json theirs.json\n  inpaintdiff compare a.json b.json c.json --csv all.csv",
    )
    p.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="JSON",
        help="of `evaluate --json`; the first method is compared with the others",
    )
    p.add_argument("--force", action="store_true", help="compare although protocol cards differ")
    _outputs(p)


def _clips(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("videos (one of --truth, --data, --synthetic)")
    group.add_argument("--truth", type=Path, metavar="DIR", help="folder of true videos, or of folders of pictures")
    group.add_argument(
        "--masks", type=Path, metavar="DIR", help="their holes, by name: pictures, folders, videos (white = painted)"
    )
    group.add_argument("--invert-mask", action="store_true", help="black = painted")
    group.add_argument("--yes", action="store_true", help="accept holes of more than 60 %% of the picture")
    group.add_argument("--data", type=Path, metavar="DIR", help="data set folder (dataset.json inside)")
    group.add_argument("--split", default="test", help="split of the data set (default %(default)s)")
    group.add_argument("--synthetic", type=int, metavar="N", help="N freshly simulated clips")
    group.add_argument(
        "--world",
        default="traffic",
        metavar="NAME",
        help="of those clips: traffic (default), dashcam, cars or balls; painted by its own built-in model unless --model says otherwise",
    )
    group.add_argument(
        "--synthetic-seed",
        type=int,
        default=20_000_000,
        help="seed of the first of those clips (default %(default)s, the test split of a data set of seed 0)",
    )
    group.add_argument("--clips", type=int, metavar="N", help="the first N clips only")
    group.add_argument(
        "--frames", type=int, metavar="N", help="the first N frames of each clip (default: all of --truth, else 32)"
    )
    group.add_argument(
        "--size", type=int, default=64, help="height and width of --synthetic clips (default %(default)s)"
    )


def _measures(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("measures")
    group.add_argument(
        "--protocol", default="v1", metavar="NAME", help="v1 (default), legacy-432, devil, or a .yaml file of your own"
    )
    group.add_argument(
        "--features-dir", type=Path, metavar="DIR", help="published weights of LPIPS, Inception (FID), I3D and RAFT"
    )
    group.add_argument(
        "--features",
        action="append",
        default=[],
        metavar="KIND=FILE",
        help="weights of one network, repeatable: lpips, inception, i3d, raft",
    )
    group.add_argument(
        "--flow", choices=("dis", "raft"), default="dis", help="of E_warp (default %(default)s; raft is slow)"
    )


def _outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write results, intervals and the protocol card here")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row for every method and video here")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
