"""`inpaintdiff demo`: the whole path on simulated traffic, with something to look at in the end."""

import argparse
import sys
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from inpaintdiff.checkpoint import model_path
from inpaintdiff.cli.sampling_options import sampling_of
from inpaintdiff.data.clips import WholeClips
from inpaintdiff.data.format import MANIFEST, read_manifest
from inpaintdiff.data.pictures import contact_sheet, hole_marked, side_by_side
from inpaintdiff.data.synthetic.write import synthesize_traffic
from inpaintdiff.data.video import to_uint8, write_video
from inpaintdiff.errors import DatasetError, SettingError
from inpaintdiff.evaluation import Evaluation, Method, baseline_method, evaluate
from inpaintdiff.painting.clips import model_method
from inpaintdiff.painting.painters import ModelPainter, choose_device, load_painter
from inpaintdiff.registry import record_run, register_model, tracking
from inpaintdiff.types import VideoClip

NAME = "inpaintdiff-traffic"
_BASELINES = ("nearest", "median", "telea")
_SIZE = 64


def run(args: argparse.Namespace) -> int:
    """Simulate, register, paint, compare, write; say where everything lies."""
    if min(args.clips, args.frames) < 1:
        raise SettingError(f"--clips and --frames must be at least 1, got {args.clips} and {args.frames}")
    out: Path = args.output
    data = _simulated(out / "data", args.clips, args.frames)
    store = tracking(uri=args.tracking_uri)
    version = register_model(model_path("builtin"), NAME, store=store)
    painter = load_painter(f"models:/{NAME}@champion", sampling_of(args), choose_device(args.device), args.tracking_uri)
    assert isinstance(painter, ModelPainter)
    methods = [model_method(painter, "inpaintdiff"), *map(baseline_method, _BASELINES)]
    found, rows = _paint(data, methods, args, out)
    print(found.table())
    Image.fromarray(contact_sheet(rows, columns=8)).save(out / "grid.png")
    found.save_json(out / "scores.json", overwrite=True)
    found.save_csv(out / "scores.csv", overwrite=True)
    means = {f"test/{s}_v1": found.mean("inpaintdiff", s) for s in ("psnr_hole", "ssim_hole", "psnr_full", "ssim_full")}
    record_run(store, "inpaintdiff-demo", f"demo of {NAME} version {version}", {"seed": args.seed}, means, out)
    print(_whereabouts(out, store.open_with(), version))
    return 0


def _simulated(root: Path, clips: int, frames: int) -> WholeClips:
    """The test clips of the default data set, which training never sees; those of an earlier demo are used again."""
    if (root / MANIFEST).exists():
        entries = read_manifest(root).splits["test"]
        if len(entries) < clips or any(e.frames != frames for e in entries):
            raise DatasetError(
                f"{root} holds {len(entries)} clips of another demo, expected {clips} of {frames} frames; "
                "give another folder (-o), or remove it"
            )
    else:
        synthesize_traffic(root, {"test": clips}, frames=frames, size=_SIZE, workers=0)
    return WholeClips(root, "test")


def _paint(
    data: WholeClips, methods: list[Method], args: argparse.Namespace, out: Path
) -> tuple[Evaluation, list[tuple[str, Tensor]]]:
    """Every method on every clip; videos are written as soon as a clip is done."""
    rows: list[tuple[str, Tensor]] = []
    columns = (
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    fps = read_manifest(data.root).fps
    clips = ((data.name(i), data[i]) for i in range(args.clips))
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("painting", total=args.clips)

        def before(video: str, method: str) -> None:
            bar.update(task, description=f"{video}: {method}")

        def after(video: str, clip: VideoClip, answers: dict[str, Tensor]) -> None:
            name = Path(video).name
            for k, sample in enumerate(answers["inpaintdiff"], start=1):
                write_video(out / f"{name}-sample-{k}.mp4", to_uint8(sample), fps, overwrite=True)
            shown = [hole_marked(clip), *answers["inpaintdiff"], clip.frames]
            write_video(out / f"{name}-side-by-side.mp4", side_by_side(shown), fps, overwrite=True)
            rows.append((f"{name} input", hole_marked(clip)))
            rows.append(("truth", clip.frames))
            rows.extend((f"sample {k}", s) for k, s in enumerate(answers["inpaintdiff"], start=1))
            rows.extend((b, answers[b][0]) for b in _BASELINES)
            bar.advance(task)

        about = {"data": "simulated traffic", "frames": args.frames}
        found = evaluate(methods, clips, args.samples, args.seed, about=about, before=before, after=after)
    return found, rows


def _whereabouts(out: Path, page: str, version: str) -> str:
    clip = out / "data" / "test" / "000000"
    return f"""
look at       {out / "grid.png"}  (rows: input, truth, samples of the model, baselines)
play          {out / "*-side-by-side.mp4"}  (input, samples, truth)
scores        {out / "scores.json"}, {out / "scores.csv"}
model         models:/{NAME}@champion (version {version})
MLflow page   {page}
next          inpaintdiff inpaint {clip}.mp4 --mask {clip}.hole.png -o painted.mp4"""
