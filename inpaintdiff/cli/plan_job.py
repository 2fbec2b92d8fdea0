"""`inpaintdiff plan IN.mp4 --mask M`: what `inpaint` with the same options would do, and what it would take."""

import argparse
import json
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

from inpaintdiff.analysis.cost import Makeup, makeups
from inpaintdiff.cli.orders import facts, order_of
from inpaintdiff.cli.plan_compare import SecondsOf, compare, show
from inpaintdiff.cli.sampling_options import sampling_of
from inpaintdiff.errors import SettingError
from inpaintdiff.painting.files import make_job, read_inputs
from inpaintdiff.painting.forecast import Forecast, call_cost, forecast, size
from inpaintdiff.painting.job import Job
from inpaintdiff.painting.order import Order
from inpaintdiff.painting.painters import ModelPainter, check_names, choose_device, load_painter
from inpaintdiff.painting.resources import free_disk, free_memory, resident_memory
from inpaintdiff.painting.timing import Times, flops_of, network_speed, time_job
from inpaintdiff.schemes import Stage
from inpaintdiff.schemes.chart import plan_as_dict, plan_as_text

# Seconds that network calls are tried for.
TRYING = 2.0


def run_job(args: argparse.Namespace) -> int:
    """Predict a job.

    Raises:
        InpaintDiffError: as `inpaint` would, the refusal of what cannot fit included.
    """
    args.output = args.output or Path(f"{args.video.stem}-painted{'.mkv' if args.lossless else '.mp4'}")
    args.model = args.model or "builtin"
    order = order_of(args)
    check_names(args.model, order.sampling)
    checked = read_inputs(order)
    painter = load_painter(args.model, order.sampling, choose_device(args.device), args.tracking_uri)
    job = make_job(checked, painter)
    if args.compare:
        return _compare(args, job)
    needed = forecast(job, lossless=order.lossless)
    begin = time.perf_counter()
    times = time_job(job, order, seconds=TRYING) if isinstance(painter, ModelPainter) else None
    measured = time.perf_counter() - begin
    plans = job.plans()
    if args.json:
        print(json.dumps(_as_dict(order, job, needed, times, plans)))
    else:
        columns = shutil.get_terminal_size((100, 24)).columns
        for cutout, plan in zip(job.cutouts, plans, strict=True):
            print(plan_as_text(plan, cutout.incomplete(), width=columns))
        print(*facts(order, job, needed), sep="\n")
        if times is not None:
            print(
                f"time    {duration(times.total)} here: network {duration(times.network)}, stages' files "
                f"{duration(times.files)}, writing {duration(times.writing)} (from {measured:.1f} s of trying)"
            )
    if args.picture is not None:
        from inpaintdiff.analysis.plan_picture import draw_plan

        title = f"{args.scheme}: {needed.stages} stages, {needed.calls} network calls"
        # of several cut-outs, the one with the most stages
        most = max(range(len(plans)), key=lambda r: len(plans[r]))
        draw_plan(plans[most], job.cutouts[most].incomplete(), args.picture, title=title)
    return 0


def duration(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, hours = round(seconds / 60), seconds / 3600
    return f"{minutes} min" if minutes < 100 else f"{hours:.1f} h" if hours < 99.5 else f"{hours / 24:.1f} days"


def _as_dict(order: Order, job: Job, needed: Forecast, times: Times | None, plans: list[list[Stage]]) -> dict[str, Any]:
    stages = [stage for plan in plans for stage in plan]
    return {
        **plan_as_dict(stages, job.painter.calls),
        "calls": needed.calls,
        "samples": job.samples,
        "regions": [
            {
                "top": r.top,
                "left": r.left,
                "height": r.height * r.factor,
                "width": r.width * r.factor,
                "factor": r.factor,
                "stages": n,
            }
            for r, n in zip(job.regions, job.stages, strict=True)
        ],
        "flops": needed.flops,
        "seconds": None if times is None else round(times.total, 3),
        "seconds_of": None
        if times is None
        else {"network": round(times.network, 3), "files": round(times.files, 3), "writing": round(times.writing, 3)},
        "peak_bytes": needed.peak_bytes,
        "device_bytes": needed.device_bytes,
        "disk_bytes": needed.disk_bytes,
        "free_bytes": free_memory(),
        "free_disk_bytes": free_disk(order.output.absolute().parent),
        "device": str(job.painter.device),
    }


def run_model(args: argparse.Namespace, incomplete: list[bool]) -> int:
    """Predict painting so many frames of the model's own size, without a video.

    Raises:
        InpaintDiffError: the model cannot be loaded, or is none.
    """
    sampling = sampling_of(args)
    painter = load_painter(args.model, sampling, choose_device(args.device), args.tracking_uri)
    if not isinstance(painter, ModelPainter):
        raise SettingError(f"{args.model} makes no network calls; give a VIDEO and its hole to predict what it takes")
    calls = painter.calls * sampling.samples
    window, step = painter.scheme.window, painter.scheme.step
    if args.compare:
        rows = compare([incomplete], window, step)
        show(rows, calls, _seconds_of(painter, sum((r.makeups for r in rows), Counter()), calls), args.json)
        return 0
    stages = painter.plan(incomplete)
    found = makeups(stages)
    seconds = _seconds_of(painter, found, calls)(found) if found else 0.0
    costs = [c for m in found if (c := call_cost(painter, m))]
    peak = resident_memory() + max((c.resident_bytes for c in costs), default=0)
    if args.json:
        flops = sum(n * calls * flops_of(painter, m) for m, n in found.items())
        costs_of = {"flops": flops, "seconds": round(seconds, 3), "peak_bytes": peak, "device": str(painter.device)}
        made = plan_as_dict(stages, painter.calls)
        print(json.dumps({**made, "calls": len(stages) * calls, "samples": sampling.samples, **costs_of}))
        return 0
    print(plan_as_text(stages, incomplete, width=shutil.get_terminal_size((100, 24)).columns))
    print(f"plan    {len(stages)} stages, {len(stages) * calls} network calls of {args.model} on {painter.device}")
    print(f"memory  {size(peak)} at most")
    print(f"time    {duration(seconds)} here, of the network alone")
    return 0


def _seconds_of(painter: ModelPainter, wanted: Counter[Makeup], calls: int) -> SecondsOf:
    """Measure the model's speed here."""
    if not wanted:
        return lambda _: 0.0
    speed = network_speed(painter, wanted, TRYING)
    return lambda found: sum(n * calls * speed.seconds(flops_of(painter, m)) for m, n in found.items())


def _compare(args: argparse.Namespace, job: Job) -> int:
    painter = job.painter
    if not isinstance(painter, ModelPainter):
        raise SettingError(f"{args.model} has no sampling scheme; --compare wants a model")
    rows = compare([c.incomplete() for c in job.cutouts], painter.scheme.window, painter.scheme.step)
    calls = painter.calls * job.samples
    show(rows, calls, _seconds_of(painter, sum((r.makeups for r in rows), Counter()), calls), args.json)
    return 0
