"""`inpaintdiff models promote|rollback|pull|diff|export`: which version is the champion, and versions as plain files."""

import argparse
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inpaintdiff.cli import FAILURE
from inpaintdiff.errors import CheckpointError, RegistryError, SettingError
from inpaintdiff.types import VideoClip

# the validation split of a simulated data set of seed 0: neither trained on nor the clips of the published table
_FIRST_SEED = 10_000_000


def promote(args: argparse.Namespace) -> int:
    """Make a version the champion if it is not worse than the present one; code 1 if it is and --force was not given."""
    from inpaintdiff.registry import find_version, tracking
    from inpaintdiff.registry_versions import CANDIDATE, champion_of, crown, note

    store = tracking(uri=args.tracking_uri)
    champion = champion_of(args.name, store)
    wanted = f"/{args.version}" if args.version else f"@{CANDIDATE}"
    version = str(find_version(f"models:/{args.name}{wanted}", store).version)
    if champion == version:
        raise RegistryError(f"{args.name} version {version} is the champion already")
    if champion is None:
        good, why = True, "there was no champion to compare with"
    else:
        good, why = _compare(args, version, champion)
    if not good and not args.force:
        note(args.name, version, f"refused: {why}", store)
        print(f"refused: {args.name} version {version} does not replace version {champion}: {why}")
        print("the champion stays; --force promotes it all the same")
        return FAILURE
    forced = "" if good else "forced although worse: "
    crown(args.name, version, f"promoted: {forced}{why}", store)
    print(f"{args.name} version {version} is the champion now ({forced}{why})")
    if champion is not None:
        print(f"back to version {champion} with: inpaintdiff models rollback {args.name}")
    return 0


def rollback(args: argparse.Namespace) -> int:
    """Make the former champion champion again."""
    from inpaintdiff.registry import tracking
    from inpaintdiff.registry_versions import rollback as go_back

    now, back = go_back(args.name, tracking(uri=args.tracking_uri))
    print(f"{args.name} version {back} is the champion again, version {now} is not any more")
    return 0


def pull(args: argparse.Namespace) -> int:
    """Copy a version into a folder of plain files."""
    from inpaintdiff.registry import tracking
    from inpaintdiff.registry_versions import pull as copy_out

    weights = copy_out(args.model, args.output, tracking(uri=args.tracking_uri), args.overwrite)
    print(f"{weights}\nuse it with --model {weights}")
    return 0


def diff(args: argparse.Namespace) -> int:
    """Print what two models differ in; code 0 whatever it is."""
    from inpaintdiff.painting.painters import model_file
    from inpaintdiff.registry_versions import difference

    found = difference(*(model_file(source, args.tracking_uri) for source in (args.first, args.second)))
    rows = [("", args.first, args.second), *found.facts]
    widths = [max(len(row[c]) for row in rows) for c in range(2)]
    for what, first, second in rows:
        print(f"{what:<{widths[0]}}  {first:<{widths[1]}}  {second}")
    if found.weights is None:
        print("\nthe networks differ, so their weights cannot be compared")
    elif found.weights == 0:
        print("\nthe weights are the same")
    else:
        print(f"\nthe weights differ by {found.weights:.3%} of their length")
    return 0


def export(args: argparse.Namespace) -> int:
    """Write any model as one safetensors file: of a checkpoint the averaged weights, without what only training needs."""
    from inpaintdiff.checkpoint import load_denoiser, save_model
    from inpaintdiff.painting.painters import model_file

    if args.output.suffix != ".safetensors":
        raise CheckpointError(
            f"-o {args.output} does not end in .safetensors, the only format that models are written in"
        )
    if args.output.exists() and not args.overwrite:
        raise CheckpointError(f"{args.output} exists already; give another name, or --overwrite")
    denoiser, info = load_denoiser(model_file(args.model, args.tracking_uri))
    save_model(args.output, info.config, denoiser.state_dict(), info.card, args.dtype)
    print(f"{args.output}  ({args.output.stat().st_size / 1e6:.1f} MB)")
    return 0


def _compare(args: argparse.Namespace, version: str, champion: str) -> tuple[bool, str]:
    """Both versions on the same clips with the same seeds."""
    from inpaintdiff.evaluation import evaluate, may_replace
    from inpaintdiff.inpaint.sampling import SamplingConfig
    from inpaintdiff.painting.clips import model_method
    from inpaintdiff.painting.painters import ModelPainter, choose_device, load_painter

    number, clips, about = _clips(args)
    sampling, device = SamplingConfig(calls=args.steps, precision=args.precision), choose_device(args.device)
    methods = []
    for v in (version, champion):
        painter = load_painter(f"models:/{args.name}/{v}", sampling, device, args.tracking_uri)
        assert isinstance(painter, ModelPainter)
        methods.append(model_method(painter, f"version {v}"))
    columns = (
        TextColumn("comparing with the champion"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=number)
        found = evaluate(methods, clips, about=about, after=lambda *_: bar.advance(task))
    print(found.table())
    return may_replace(found, f"version {champion}")


def _clips(args: argparse.Namespace) -> tuple[int, Iterator[tuple[str, VideoClip]], dict[str, object]]:
    """The fixed clips that promotions are decided on."""
    from inpaintdiff.data.clips import WholeClips
    from inpaintdiff.data.synthetic.worlds import world_clip

    if min(args.clips, args.frames) < 2:
        raise SettingError(f"--clips and --frames must be at least 2, got {args.clips} and {args.frames}")
    if args.data is not None:
        data = WholeClips(args.data, args.split, args.frames)
        n = min(len(data), args.clips)
        return n, ((data.name(i), data[i]) for i in range(n)), {"data": args.data.resolve().name, "split": args.split}
    seeds = range(_FIRST_SEED, _FIRST_SEED + args.clips)
    made = ((f"traffic-{s}", world_clip("traffic", s, frames=args.frames)) for s in seeds)
    return args.clips, made, {"data": "simulated traffic", "first_seed": _FIRST_SEED}
