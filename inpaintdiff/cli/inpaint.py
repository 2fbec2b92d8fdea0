"""`inpaintdiff inpaint`: a video file and a hole in, the same file with the hole painted out."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inpaintdiff.cli import FAILURE, INTERRUPTED, WRONG_INPUT
from inpaintdiff.cli.orders import facts, order_of
from inpaintdiff.errors import InpaintDiffError
from inpaintdiff.painting.files import Writing, Written, check, make_job
from inpaintdiff.painting.files import run as run_order
from inpaintdiff.painting.forecast import forecast
from inpaintdiff.painting.job import Job, Step
from inpaintdiff.painting.journal import journal_folder
from inpaintdiff.painting.many import Outcome, orders_of, paint_all
from inpaintdiff.painting.order import Order, was_done
from inpaintdiff.painting.outputs import FULL_SPREAD
from inpaintdiff.painting.painters import Painter, check_names, choose_device, load_painter
from inpaintdiff.painting.seam import VISIBLE


def run(args: argparse.Namespace) -> int:
    """Paint one video, or many; what is decided and done is said on stderr, the names of the files on stdout."""
    order = order_of(args)
    check_names(args.model, order.sampling)
    device = choose_device(args.device)
    many = orders_of(order)
    if not many and was_done(order):
        print(f"was done  {order.output}")
        return 0
    checked = None if many else check(order)  # before the model is loaded, which takes longer
    painter = load_painter(args.model, order.sampling, device, args.tracking_uri)
    if checked is None:
        return _run_many(many or [], painter)
    job = make_job(checked, painter)
    try:
        written = _perform(order, job)
    except (KeyboardInterrupt, InpaintDiffError) as e:
        if not journal_folder(order.output).exists():
            raise
        print(f"inpaintdiff: {e if isinstance(e, InpaintDiffError) else 'interrupted'}", file=sys.stderr)
        print(f"What is painted so far is kept. Go on with: {_resuming(args)}", file=sys.stderr)
        return WRONG_INPUT if isinstance(e, InpaintDiffError) else INTERRUPTED
    for path in written.videos:
        print(path)
    if written.uncertainty:
        print(f"{written.uncertainty}  (spread of the samples, brightest at {FULL_SPREAD:.0%} of white)")
    print(f"{written.sidecar}  (how it was made)")
    return 0


def _run_many(orders: list[Order], painter: Painter) -> int:
    outcomes: list[Outcome] = []
    for outcome in paint_all(orders, painter, _perform):
        outcomes.append(outcome)
        if outcome.error:
            print(f"inpaintdiff: {outcome.error}", file=sys.stderr)
        print(f"{len(outcomes)} of {len(orders)}: {outcome.order.video.name}", file=sys.stderr)
    failed = [o for o in outcomes if o.error]
    for o in outcomes:
        if o.error:
            print(f"failed   {o.order.video}: {o.error}")
        else:
            print(f"{'painted' if o.written else 'was done'}  {o.order.output}")
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} videos are done")
    if any(o.unforeseen for o in failed):
        return FAILURE
    return WRONG_INPUT if failed else 0


def _perform(order: Order, job: Job) -> Written:
    for line in facts(order, job, forecast(job, lossless=order.lossless)):
        print(line, file=sys.stderr)
    with _bar() as report:
        written = run_order(order, job, report)
    print(f"done in {written.seconds:.1f} s", file=sys.stderr)
    if written.seam is not None and written.seam > VISIBLE:
        print(
            f"the border of the hole shows: steps across it are {written.seam:.1f} times those beside it",
            file=sys.stderr,
        )
    return written


def _resuming(args: argparse.Namespace) -> str:
    """The command that goes on."""
    return args.command if args.resume else f"{args.command} --resume"


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
