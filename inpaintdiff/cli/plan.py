"""`inpaintdiff plan`: the stages of a sampling scheme, before they are paid for. A number of frames without a model needs no torch."""

import argparse
import json
import re
import shutil
from pathlib import Path

from inpaintdiff.cli.plan_compare import compare, show
from inpaintdiff.cli.scheme_options import options_of
from inpaintdiff.errors import PlanError, SettingError, VideoWriteError
from inpaintdiff.schemes import make_scheme
from inpaintdiff.schemes.chart import plan_as_dict, plan_as_text
from inpaintdiff.schemes.stage import check_plan

_PICTURES = (".png", ".svg", ".pdf")
_LONGEST = 10_000_000
# The default of `inpaint` calls the network once a step; knowing that saves the import of torch.
_ONCE_A_STEP, _CALLS = "dpmpp-2m", 20
_WINDOW = 16


def run(args: argparse.Namespace) -> int:
    """Print the chart of a plan, or its JSON; draw the picture."""
    if args.picture is not None:
        _check_picture(args.picture, args.overwrite)
    _check_given(args)
    if args.video is not None and _has_hole(args):
        from inpaintdiff.cli.plan_job import run_job

        return run_job(args)
    incomplete = _incomplete(args)
    if args.model is not None:
        from inpaintdiff.cli.plan_job import run_model

        return run_model(args, incomplete)
    window = _WINDOW if args.window is None else args.window
    step = max(1, window // 2) if args.step is None else args.step
    calls = _calls(args.solver or _ONCE_A_STEP, _CALLS if args.steps is None else args.steps)
    if args.compare:
        show(compare([incomplete], window, step), calls * args.samples, None, args.json)
        return 0
    options: dict[str, object] = {**options_of(args)}
    if "embedding" in options:
        from inpaintdiff.inpaint.embedding import read_embedding

        options["embedding"] = read_embedding(str(options["embedding"]))
    scheme = make_scheme(args.scheme, window=window, step=step, **options)
    # proven before it is shown: a plan of a user's own scheme may be wrong
    stages = list(check_plan(scheme.stages(incomplete), incomplete, scheme.window))
    if args.json:
        print(json.dumps(plan_as_dict(stages, calls)))
    else:
        print(plan_as_text(stages, incomplete, width=shutil.get_terminal_size((100, 24)).columns))
        print(f"{len(stages)} stages x {calls} network calls = {len(stages) * calls} calls for each answer")
    if args.picture is not None:
        from inpaintdiff.analysis.plan_picture import draw_plan

        title = f"{args.scheme}: {len(stages)} stages, {len(stages) * calls} network calls"
        draw_plan(stages, incomplete, args.picture, title=title)
    return 0


def frame_ranges(text: str, frames: int) -> list[bool]:
    """Which frames are named by `0-35,40`; both ends of a range are inside.

    Raises:
        PlanError: another form, or frames that the video does not have.
    """
    chosen = [False] * frames
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part, re.ASCII)
        if not match:
            raise PlanError(f"--incomplete {text[:80]!r} is not of the form 0-35,40 (frame numbers from 0)")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < frames:
            raise PlanError(f"--incomplete {part.strip()} does not lie within the frames 0 to {frames - 1}")
        chosen[first : last + 1] = [True] * (last + 1 - first)
    return chosen


def _has_hole(args: argparse.Namespace) -> bool:
    return args.mask is not None or bool(args.box)


def _check_given(args: argparse.Namespace) -> None:
    if args.incomplete is not None and _has_hole(args):
        raise SettingError("give --incomplete, or the hole itself by --mask or --box, not both")
    if args.frames is not None and args.video is not None:
        raise SettingError("give --frames N or a VIDEO, not both: the video knows how many frames it has")


def _incomplete(args: argparse.Namespace) -> list[bool]:
    """Which frames have a hole, from whatever the user gave; a video with a hole is a job, see `plan_job`."""
    if _has_hole(args):
        return _incomplete_by_hole(args)
    if args.video is not None:
        from inpaintdiff.data.video import probe_video

        frames = probe_video(args.video).frames
    elif args.frames is not None:
        frames = args.frames
    else:
        raise SettingError(
            "how long is the video? Give --frames N, or a VIDEO, or a --mask with a picture for each frame"
        )
    if not 1 <= frames <= _LONGEST:
        raise SettingError(f"--frames is {frames}, expected 1 to {_LONGEST}")
    return [True] * frames if args.incomplete is None else frame_ranges(args.incomplete, frames)


def _incomplete_by_hole(args: argparse.Namespace) -> list[bool]:
    from inpaintdiff.data.hole_annotations import is_shapes
    from inpaintdiff.data.hole_files import read_levels
    from inpaintdiff.data.holes import boxes_to_hole, parse_box, read_hole

    boxes = [parse_box(text) for text in args.box]
    frames, size = args.frames, None
    if args.mask is not None:
        if is_shapes(Path(args.mask)):
            raise SettingError(f"{args.mask} holds outlines, which have no size of their own; give the VIDEO as well")
        pictures, *own = read_levels(Path(args.mask), f"mask {args.mask}").shape
        if frames is None and pictures > 1:
            frames = pictures
        size = own[0], own[1]
    if frames is None:
        raise SettingError("how long is the video? Give --frames N, or a VIDEO")
    if size is None:
        # without a picture whatever holds the boxes will do: only their frames count
        size = max(b.y2 for b in boxes) + 1, max(b.x2 for b in boxes) + 1
    hole = boxes_to_hole(boxes, frames, *size)
    if args.mask is not None:
        hole |= read_hole(
            args.mask,
            frames,
            *size,
            dilate=args.dilate,
            allow_large=args.yes,
            invert=args.invert_mask,
            track=args.track,
        )
    return [bool(picture.any()) for picture in hole]


def _calls(solver: str, most: int) -> int:
    """Network calls a stage: as many as allowed, or what fits of a solver that calls twice a step."""
    if most < 1:
        raise SettingError(f"--steps is {most}, expected at least 1")
    if solver == _ONCE_A_STEP:
        return most
    from inpaintdiff.diffusion.solvers import make_solver

    made = make_solver(solver)
    return made.nfe(made.steps_within(most))


def _check_picture(path: Path, overwrite: bool) -> None:
    if path.suffix.lower() not in _PICTURES:
        raise SettingError(f"--picture {path} has no suffix of {', '.join(_PICTURES)}")
    if path.exists() and not overwrite:
        raise VideoWriteError(f"{path} exists already; give another name, or --overwrite")
    if not path.absolute().parent.is_dir():
        raise VideoWriteError(f"there is no folder {path.absolute().parent} for the picture; make it first")
