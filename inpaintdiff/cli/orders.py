"""What `inpaint` and `plan` have in common: an order from the command line, and what is said about its job."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from inpaintdiff.cli.sampling_options import sampling_of
from inpaintdiff.painting.forecast import Forecast, size
from inpaintdiff.painting.job import Job
from inpaintdiff.painting.order import Order
from inpaintdiff.painting.resources import free_disk, free_memory


def order_of(args: argparse.Namespace) -> Order:
    """What the arguments ask for.

    Raises:
        SettingError, PlanError: an option is out of range or unknown.
    """
    return Order(
        video=args.video,
        output=args.output,
        mask=Path(args.mask) if args.mask else None,
        boxes=tuple(args.box),
        invert=args.invert_mask,
        dilate=args.dilate,
        extend=args.mask_extend,
        allow_large=args.yes,
        track=args.track,
        sampling=sampling_of(args),
        context=args.context,
        lossless=args.lossless,
        crf=args.crf,
        overwrite=args.overwrite,
        resume=getattr(args, "resume", False),
    )


def facts(order: Order, job: Job, needed: Forecast) -> Iterator[str]:
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
    yield f"plan    {needed.stages} stages, {needed.calls} network calls"
    yield f"memory  {size(needed.peak_bytes)} at most, {size(needed.more_bytes)} more than now; {size(free_memory())} are free"
    if needed.device_bytes:
        yield f"        {size(needed.device_bytes)} of {job.painter.device}"
    there = order.output.absolute().parent
    yield f"disk    {size(needed.disk_bytes)} beside the output until it is done; {size(free_disk(there))} are free"
