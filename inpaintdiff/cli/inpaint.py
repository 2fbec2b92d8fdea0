"""`inpaintdiff inpaint`: a video file and a hole in, the same file with the hole painted out."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inpaintdiff.cli import INTERRUPTED, WRONG_INPUT
from inpaintdiff.errors import InpaintDiffError
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.painting.files import Order, Writing, check, make_job
from inpaintdiff.painting.files import run as run_order
from inpaintdiff.painting.job import Job, Step
from inpaintdiff.painting.journal import journal_folder
from inpaintdiff.painting.outputs import FULL_SPREAD
from inpaintdiff.painting.painters import check_names, choose_device, load_painter


def run(args: argparse.Namespace) -> int:
    """Paint one video; what was done is said on stderr, the names of the files on stdout."""
    order = _order(args)
    check_names(args.model, order.sampling)
    device = choose_device(args.device)
    checked = check(order)
    painter = load_painter(args.model, order.sampling, device, args.tracking_uri)
    job = make_job(checked, painter)
    for line in _facts(order, job):
        print(line, file=sys.stderr)
    try:
        with _bar() as report:
            written = run_order(order, job, report)
    except (KeyboardInterrupt, InpaintDiffError) as e:
        if not journal_folder(order.output).exists():
            raise
        print(f"inpaintdiff: {e if isinstance(e, InpaintDiffError) else 'interrupted'}", file=sys.stderr)
        resume = "" if args.resume else " --resume"
        print(f"What is painted so far is kept. Go on with: {args.command}{resume}", file=sys.stderr)
        return WRONG_INPUT if isinstance(e, InpaintDiffError) else INTERRUPTED
    print(f"done in {written.seconds:.1f} s", file=sys.stderr)
    for path in written.videos:
        print(path)
    if written.uncertainty:
        print(f"{written.uncertainty}  (spread of the samples, brightest at {FULL_SPREAD:.0%} of white)")
    print(f"{written.sidecar}  (how it was made)")
    return 0


def _order(args: argparse.Namespace) -> Order:
    return Order(
        video=args.video,
        output=args.output,
        mask=Path(args.mask) if args.mask else None,
        boxes=tuple(args.box),
        invert=args.invert_mask,
        dilate=args.dilate,
        extend=args.mask_extend,
        allow_large=args.yes,
        sampling=SamplingConfig(
            scheme=args.scheme,
            step=args.step,
            window=args.window,
            solver=args.solver,
            calls=args.steps,
            samples=args.samples,
            seed=args.seed,
            precision=args.precision,
        ),
        context=args.context,
        lossless=args.lossless,
        crf=args.crf,
        overwrite=args.overwrite,
        resume=args.resume,
    )


def _facts(order: Order, job: Job) -> Iterator[str]:
    """What was decided, said before time is spent."""
    info = job.video.info
    incomplete = sum(job.holes.incomplete())
    share = job.holes.pixels / (info.frames * info.height * info.width)
    yield f"video   {info.frames} frames of {info.width} x {info.height} at {float(info.fps):g} a second"
    yield f"hole    {share:.1%} of the pixels, in {incomplete} frames; grown by {order.dilate} pixels (--dilate)"
    for r in job.regions:
        if r.factor == 1:
            how = "as it is"
        else:
            how = (
                f"{r.factor} x {r.factor} pixels as one, so what is painted is {r.factor} times coarser than the video"
            )
        yield f"cut-out {r.width * r.factor} x {r.height * r.factor} at ({r.left}, {r.top}), {how}"
    yield f"model   {job.painter.name} on {job.painter.device}, seed {job.seed}, {job.samples} sample{'s' * (job.samples > 1)}"
    yield f"plan    {sum(job.stages)} stages, {job.calls} network calls"


@contextmanager
def _bar() -> Iterator[Callable[[Step | Writing], None]]:
    """One bar for painting and then for writing, on stderr."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[frames]}"),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        painting = progress.add_task("painting", total=None, frames="")
        writing = None

        def report(step: Step | Writing) -> None:
            nonlocal writing
            if isinstance(step, Step):
                progress.update(
                    painting,
                    description=f"stage {step.stage}/{step.stages}",
                    completed=step.stage,
                    total=step.stages,
                    frames=f"{step.frames}/{step.total_frames} frames",
                )
                return
            if writing is None:
                progress.remove_task(painting)
                writing = progress.add_task("writing", total=step.total_frames, frames="")
            progress.update(writing, completed=step.frames, frames=f"{step.frames}/{step.total_frames} frames")

        yield report
