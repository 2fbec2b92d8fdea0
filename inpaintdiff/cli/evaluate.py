"""`inpaintdiff evaluate`: folders of painted videos, models and baselines on the same clips, with paired intervals."""

import argparse
import math
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch.nn.functional as F
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from inpaintdiff.checkpoint import BUILTIN
from inpaintdiff.cli.kept_videos import KeptVideos
from inpaintdiff.cli.sampling_options import sampling_of
from inpaintdiff.data.clips import WholeClips
from inpaintdiff.data.pictures import contact_sheet, hole_marked
from inpaintdiff.data.synthetic.worlds import find_world, world_clip
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import (
    Method,
    PaintedVideos,
    Protocol,
    Truths,
    baseline_method,
    evaluate,
    find_networks,
    load_protocol,
)
from inpaintdiff.evaluation.files import check_output, write_picture
from inpaintdiff.evaluation.known_worlds import Known, known_by_seed, known_of
from inpaintdiff.evaluation.meaning import Meaning
from inpaintdiff.evaluation.scoring import networks_of
from inpaintdiff.painting.clips import model_method
from inpaintdiff.painting.painters import ModelPainter, baseline_name, choose_device, load_painter
from inpaintdiff.types import VideoClip

# clips in the picture, as more rows are not looked at, and frames of each
_SHOWN, _COLUMNS = 3, 6
# pixels, about which larger frames are shrunk to
_TILE = 256
# pixels; below this a car is smaller than one
_SMALLEST = 16
_FRAMES = 32


def run(args: argparse.Namespace) -> int:
    """Print the table; write the results and the picture where asked to."""
    outputs = [p for p in (args.json, args.csv, args.grid) if p is not None]
    for path in outputs:
        check_output(path, args.overwrite)
    protocol = load_protocol(args.protocol)
    number, clips, about = _clips(args, protocol)
    methods = _methods(args, clips)
    networks = find_networks(
        args.features_dir, _named(args.features), networks_of(protocol, args.flow), choose_device(args.device)
    )
    rows: list[tuple[str, Tensor]] = []
    meaning = Meaning(_known(args))
    kept = None
    if args.videos is not None:
        kept = KeptVideos(args.videos, args.overwrite)
        about["folders"] = kept.folders()
        methods = kept.told(methods, args.samples)

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TextColumn("videos"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("evaluating", total=number * len(methods))

        def before(video: str, method: str) -> None:
            bar.update(task, description=f"{video}: {method}")

        def scored(video: str, method: str) -> None:
            bar.advance(task)

        def after(video: str, clip: VideoClip, answers: dict[str, Tensor]) -> None:
            if kept is not None:
                kept.keep(video, clip, answers)
            if args.grid is not None and bar.tasks[0].completed <= _SHOWN * len(methods):
                rows.extend(_rows(video, clip, answers))

        found = evaluate(
            methods,
            clips,
            args.samples,
            args.seed,
            protocol,
            about,
            before,
            after,
            networks,
            args.flow,
            scored,
            meaning,
        )
    print(found.table())
    if not math.isnan(meaning.truth()):
        print(
            f"The truth itself has a semantic score of {meaning.truth():.3f}; a clip through which nothing drives has none."
        )
    if args.json is not None:
        found.save_json(args.json, args.overwrite)
    if args.csv is not None:
        found.save_csv(args.csv, args.overwrite)
    if args.grid is not None:
        write_picture(args.grid, contact_sheet(rows, _COLUMNS), args.overwrite)
    if args.videos is not None:
        outputs.append(args.videos)
    if outputs:
        print("\nwritten: " + ", ".join(str(p) for p in outputs))
    return 0


def _clips(
    args: argparse.Namespace, protocol: Protocol
) -> tuple[int, Iterable[tuple[str, VideoClip]], dict[str, object]]:
    """How many clips, the clips one by one, and facts about them for the result file."""
    for name in ("clips", "frames", "synthetic"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise SettingError(f"--{name} must be at least 1, got {value}")
    sources = [name for name in ("truth", "data", "synthetic") if getattr(args, name) is not None]
    if args.results and sources != ["truth"]:
        raise SettingError("RESULTS are scored against their truth; give --truth DIR and --masks DIR")
    if len(sources) != 1:
        raise SettingError(
            "which clips? Give either --truth DIR with --masks DIR, --data DIR, a data set, or --synthetic N, freshly simulated ones"
        )
    if args.truth is not None:
        truths = _truths(args, protocol)
        places = {"truth": str(args.truth), "masks": str(args.masks), "invert": args.invert_mask}
        facts: dict[str, object] = {
            "data": args.truth.resolve().name,
            "masks": args.masks.resolve().name,
            "folders": places,
        }
        return len(truths), truths, {**facts, "frames": args.frames}
    frames = args.frames or _FRAMES
    if args.data is not None:
        data = WholeClips(args.data, args.split, frames)
        n = min(len(data), args.clips or len(data))
        facts = {"data": args.data.resolve().name, "split": args.split, "frames": frames}
        return n, ((data.name(i), data[i]) for i in range(n)), facts
    if args.size < _SMALLEST:
        raise SettingError(f"--size must be at least {_SMALLEST}, got {args.size}")
    n, first = min(args.synthetic, args.clips or args.synthetic), args.synthetic_seed
    find_world(args.world, None)
    made = ((f"{args.world}-{s}", world_clip(args.world, s, frames, args.size)) for s in range(first, first + n))
    return n, made, {"data": f"simulated {args.world}", "first_seed": first, "frames": frames, "size": args.size}


def _known(args: argparse.Namespace) -> Known:
    """What is known of simulated clips by their names; nothing of other videos."""
    if args.synthetic is not None:
        return known_by_seed(args.world, args.size)
    return Known() if args.data is None else known_of(WholeClips(args.data, args.split))


def _truths(args: argparse.Namespace, protocol: Protocol) -> Truths:
    if args.masks is None:
        raise SettingError(f"--truth {args.truth} says what is true, not what was painted; give --masks DIR as well")
    found = Truths.find(args.truth, args.masks, protocol, args.invert_mask, args.yes)
    videos = dict(list(found.videos.items())[: args.clips])
    return replace(found, videos=videos, limit=args.frames)


def _methods(args: argparse.Namespace, clips: Iterable[tuple[str, VideoClip]]) -> list[Method]:
    """Folders first, then models, in the order given, then the baselines."""
    methods = []
    for folder in args.results:
        assert isinstance(clips, Truths)
        names = [f.resolve().name for f in args.results]
        # as much of the path as tells them apart
        name = folder.resolve().name if names.count(folder.resolve().name) == 1 else str(folder)
        methods.append(Method(name, about={"folder": str(folder)}, painted=PaintedVideos(folder, clips)))
    device, sampling = choose_device(args.device), sampling_of(args)
    for source in args.model or ([] if args.results else [_own_model(args)]):
        if (baseline := baseline_name(source)) is not None:
            methods.append(baseline_method(baseline))
            continue
        painter = load_painter(source, sampling, device, args.tracking_uri)
        assert isinstance(painter, ModelPainter)
        methods.append(model_method(painter))
    baselines = ("none" if args.results else "nearest,median,telea") if args.baselines is None else args.baselines
    named = [name.strip() for name in baselines.split(",")] if baselines not in ("", "none") else []
    taken = {m.name for m in methods}
    return methods + [baseline_method(name) for name in dict.fromkeys(named) if name not in taken]


def _own_model(args: argparse.Namespace) -> str:
    """The built-in model of the world that is painted, where there is one."""
    own = f"builtin:{args.world}"
    return own if args.synthetic is not None and args.world != "traffic" and own in BUILTIN else "builtin"


def _named(features: list[str]) -> dict[str, Path]:
    """`KIND=FILE` of --features."""
    for text in features:
        if "=" not in text:
            raise SettingError(f"--features {text} is not of the form KIND=FILE, as i3d=weights/i3d.pt")
    return {kind: Path(file) for kind, _, file in (text.partition("=") for text in features)}


def _rows(video: str, clip: VideoClip, answers: dict[str, Tensor]) -> list[tuple[str, Tensor]]:
    """A few frames of every version, the same number for clips of any length."""
    at = [round(i * (clip.length - 1) / (_COLUMNS - 1)) for i in range(_COLUMNS)]
    rows = [(f"{Path(video).name} input", hole_marked(clip))]
    for method, painted in answers.items():
        name = Path(method).stem
        rows += [(name if len(painted) == 1 else f"{name} sample {k}", s) for k, s in enumerate(painted)]
    shrink = max(1, max(clip.frames.shape[-2:]) // _TILE)
    return [(label, F.avg_pool2d(frames[at], shrink)) for label, frames in [*rows, ("truth", clip.frames)]]
