"""`inpaintdiff models search-steps`: a copy of a model that paints in few steps, at levels that were searched for it."""

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inpaintdiff.analysis.step_search import StepSearch, Window
from inpaintdiff.checkpoint import save_model
from inpaintdiff.data.clip_sources import ClipSource
from inpaintdiff.data.clips import TaskClips, TaskRequest
from inpaintdiff.data.simulated import SimulatedSource
from inpaintdiff.diffusion.sigma import LevelsGrid
from inpaintdiff.diffusion.solvers import make_solver
from inpaintdiff.errors import CheckpointError, SettingError
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.painting.painters import choose_device, load_model
from inpaintdiff.schemes.tasks import SchemeTasks
from inpaintdiff.types import VideoClip

_MANY = 60
# A window may lie beside a hole that comes and goes; one after so many is none.
_ATTEMPTS = 100


def run(args: argparse.Namespace) -> int:
    """Search, say what it brought, and write the model."""
    if args.output.exists() and not args.overwrite:
        raise CheckpointError(f"{args.output} exists already; give another name, or --overwrite")
    if min(args.steps, args.windows, args.trials) < 1:
        raise SettingError(
            f"--steps, --windows and --trials must be at least 1, got {args.steps}, {args.windows}, {args.trials}"
        )
    device = choose_device(args.device)
    denoiser, info = load_model(args.model, device, args.tracking_uri)
    if info.config["grid"]["class"] == LevelsGrid.__name__:
        raise CheckpointError(f"{args.model} has levels of its own already; give the model that it was made from")
    sampling = SamplingConfig(solver=args.solver, precision=args.precision).resolved(info.config, device)
    name = sampling.solver_of(info.config)
    autocast = torch.bfloat16 if sampling.precision == "bf16" else None
    search = StepSearch(denoiser.eval(), make_solver(name), info.grid().grid(max(_MANY, args.steps)), autocast)
    windows = list(_windows(args, info.window, info.size[0], 2 * args.windows, device))
    columns = (
        TextColumn("trying grids"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=args.trials)
        own = info.grid().grid(args.steps)
        found = search.run(windows[::2], windows[1::2], own, args.trials, lambda n: bar.update(task, completed=n))
    print(
        f"root mean square distance from {max(_MANY, args.steps)} steps, frames in [-1, 1], {found.trials} grids tried"
    )
    print(f"{'':<28} {'searched on':>12} {'unseen':>8}")
    for label, values in (("the model's own grid", found.before), ("searched", (found.error, found.unseen))):
        print(f"{label:<28} {values[0]:>12.4f} {values[1]:>8.4f}")
    print("levels: " + ", ".join(f"{v:.4g}" for v in found.levels))
    own_grid = {"class": LevelsGrid.__name__, "args": {"levels": list(found.levels)}}
    config = {**info.config, "grid": own_grid, "sampling": {"solver": name, "calls": args.steps}}
    card = {
        **info.card,
        "searched_steps": f"{args.steps} of {name} on {args.windows} windows: {found.before[1]:.4f} -> {found.unseen:.4f}",
    }
    save_model(args.output, config, denoiser.state_dict(), card, args.dtype)
    print(f"{args.output}: paints in {args.steps} network calls a stage")
    return 0


def _windows(args: argparse.Namespace, window: int, size: int, count: int, device: torch.device) -> Iterator[Window]:
    """Stages that sampling asks for, on clips that no validation looks at; every second one is kept from the search."""
    source: ClipSource | Path = args.data or SimulatedSource("traffic", "train", count, 1, None, 2 * window, size)
    clips = TaskClips(source, "train")
    tasks, rng = SchemeTasks(window=window), random.Random(args.seed)
    for i in range(count):
        k = i % len(clips)
        for _ in range(_ATTEMPTS):
            stage = tasks.sample(clips.entries[k].frames, rng)
            clip = VideoClip.collate([clips[TaskRequest(k, stage, rng.getrandbits(63))]])
            if bool(clip.hole.any()):
                break
        else:
            raise SettingError(f"{clips.name(k)} of {args.data} has no hole to paint; expected a data set with holes")
        noise = torch.randn(clip.frames.shape, generator=torch.Generator().manual_seed(args.seed + i))
        yield Window(condition(clip.frames, clip.hole, clip.index).to(device), noise.to(device))
