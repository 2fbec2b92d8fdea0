"""`inpaintdiff evaluate`: models and baselines on the same held-out clips, with paired intervals."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from inpaintdiff.cli.sampling_options import sampling_of
from inpaintdiff.data.clips import WholeClips
from inpaintdiff.data.pictures import contact_sheet, hole_marked
from inpaintdiff.data.synthetic.scene import simulated_clip
from inpaintdiff.errors import SettingError, VideoWriteError
from inpaintdiff.evaluation import Method, baseline_method, evaluate
from inpaintdiff.painting.clips import calls_of, paint_clip
from inpaintdiff.painting.painters import ModelPainter, baseline_name, choose_device, load_painter
from inpaintdiff.types import VideoClip

# clips in the picture, as more rows are not looked at, and frames of each
_SHOWN, _COLUMNS = 3, 6
# pixels; below this a car is smaller than one
_SMALLEST = 16


def run(args: argparse.Namespace) -> int:
    """Print the table; write the results and the picture where asked to."""
    outputs = [p for p in (args.json, args.csv, args.grid) if p is not None]
    for path in outputs:
        _check_output(path, args.overwrite)
    number, clips, about = _clips(args)
    methods = _methods(args)
    rows: list[tuple[str, Tensor]] = []

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TextColumn("clips"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("evaluating", total=number)

        def before(video: str, method: str) -> None:
            bar.update(task, description=f"{video}: {method}")

        def after(video: str, clip: VideoClip, answers: dict[str, Tensor]) -> None:
            bar.advance(task)
            if args.grid is not None and bar.tasks[0].completed <= _SHOWN:
                rows.extend(_rows(video, clip, answers))

        found = evaluate(methods, clips, args.samples, args.seed, about=about, before=before, after=after)
    print(found.table())
    if args.json is not None:
        found.save_json(args.json, args.overwrite)
    if args.csv is not None:
        found.save_csv(args.csv, args.overwrite)
    if args.grid is not None:
        _save_picture(args.grid, rows)
    if outputs:
        print("\nwritten: " + ", ".join(str(p) for p in outputs))
    return 0


def _clips(args: argparse.Namespace) -> tuple[int, Iterator[tuple[str, VideoClip]], dict[str, object]]:
    """How many clips, the clips one by one, and facts about them for the result file."""
    for name in ("clips", "frames", "synthetic"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise SettingError(f"--{name} must be at least 1, got {value}")
    if (args.data is None) == (args.synthetic is None):
        raise SettingError("which clips? Give either --data DIR, a data set, or --synthetic N, freshly simulated ones")
    if args.data is not None:
        data = WholeClips(args.data, args.split, args.frames)
        n = min(len(data), args.clips or len(data))
        facts: dict[str, object] = {"data": args.data.resolve().name, "split": args.split, "frames": args.frames}
        return n, ((data.name(i), data[i]) for i in range(n)), facts
    if args.size < _SMALLEST:
        raise SettingError(f"--size must be at least {_SMALLEST}, got {args.size}")
    n, first = min(args.synthetic, args.clips or args.synthetic), args.synthetic_seed
    made = ((f"traffic-{s}", simulated_clip(s, frames=args.frames, size=args.size)) for s in range(first, first + n))
    return n, made, {"data": "simulated traffic", "first_seed": first, "frames": args.frames, "size": args.size}


def _methods(args: argparse.Namespace) -> list[Method]:
    """Models first, in the order given, then the baselines."""
    device = choose_device(args.device)
    sampling = sampling_of(args)
    methods = []
    for source in args.model or ["builtin"]:
        if (baseline := baseline_name(source)) is not None:
            methods.append(baseline_method(baseline))
            continue
        painter = load_painter(source, sampling, device, args.tracking_uri)
        assert isinstance(painter, ModelPainter)
        methods.append(_model_method(painter))
    named = [name.strip() for name in args.baselines.split(",")] if args.baselines not in ("", "none") else []
    taken = {m.name for m in methods}
    return methods + [baseline_method(name) for name in dict.fromkeys(named) if name not in taken]


def _model_method(painter: ModelPainter) -> Method:
    return Method(
        painter.name,
        lambda clip, samples, seed: paint_clip(painter, clip, samples, seed),
        lambda clip: calls_of(painter, clip),
        {**painter.describe(), "device": str(painter.device)},
    )


def _rows(video: str, clip: VideoClip, answers: dict[str, Tensor]) -> list[tuple[str, Tensor]]:
    """A few frames of every version, the same number for clips of any length."""
    at = [round(i * (clip.length - 1) / (_COLUMNS - 1)) for i in range(_COLUMNS)]
    rows = [(f"{Path(video).name} input", hole_marked(clip))]
    for method, painted in answers.items():
        name = Path(method).stem
        rows += [(name if len(painted) == 1 else f"{name} sample {k}", s) for k, s in enumerate(painted)]
    return [(label, frames[at]) for label, frames in [*rows, ("truth", clip.frames)]]


def _save_picture(path: Path, rows: list[tuple[str, Tensor]]) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(contact_sheet(rows, _COLUMNS)).save(part, format="PNG")
        part.replace(path)
    except OSError as e:
        raise VideoWriteError(f"{path} cannot be written: {e.strerror or e}") from e
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _check_output(path: Path, overwrite: bool) -> None:
    """Before hours are paid for what cannot be written."""
    if path.is_dir():
        raise VideoWriteError(f"{path} is a folder; give the name of a file")
    if path.exists() and not overwrite:
        raise VideoWriteError(f"{path} exists already; give another name, or --overwrite")
