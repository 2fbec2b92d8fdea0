"""`inpaintdiff report`: results as one page to look at, and blind studies of them."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import Evaluation, merge
from inpaintdiff.evaluation.files import check_output, write_text
from inpaintdiff.report import MediaSettings, find_sources, score_study, worst_first, write_review, write_study


def run(args: argparse.Namespace) -> int:
    """Write the page, or the study, or count its answers."""
    for name in ("clips", "frames"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise SettingError(f"--{name} must be at least 1, got {value}")
    if args.answers is not None:
        return _count(args)
    output = args.output or Path("study.html" if args.study else "review.html")
    if output.suffix.lower() not in (".html", ".htm"):
        raise SettingError(f"the output {output} is a page; expected a name that ends in .html")
    check_output(output, args.overwrite)
    files = args.results
    found = Evaluation.load(files[0]) if len(files) == 1 else merge(files, args.force)
    worst_first(found, args.sort)  # an unknown score is said before anything is drawn
    sources = find_sources(found, args.truth, args.masks, _named(args.painted), args.frames)
    settings = MediaSettings(args.media, args.size)
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TextColumn("videos"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        videos = min(len(sources.names()), args.clips or len(sources.names()))
        methods = len(found.methods) + args.with_truth
        task = bar.add_task("reading", total=videos * (methods * (methods - 1) // 2 if args.study else 1))

        def told(video: str) -> None:
            bar.update(task, advance=1, description=video)

        pages: Sequence[Path]
        if args.study:
            pages = write_study(output, sources, args.seed, args.clips, args.with_truth, settings, args.overwrite, told)
        else:
            pages = (write_review(output, sources, args.clips, args.sort, settings, args.overwrite, told),)
    print("written: " + ", ".join(f"{p} ({p.stat().st_size / 2**20:.1f} MB)" for p in pages))
    if args.study:
        page, key = pages[0], pages[-1]
        print(f"Give {page} to raters and keep {key}. Count their files with:")
        print(f"  inpaintdiff report {key} --answers ANSWERS.json ...")
    return 0


def _count(args: argparse.Namespace) -> int:
    if len(args.results) != 1 or args.study:
        raise SettingError(
            "--answers are counted by one key: inpaintdiff report study.key.json --answers a.json b.json"
        )
    if args.json is not None:
        check_output(args.json, args.overwrite)
    result = score_study(args.results[0], args.answers, args.seed)
    print(result.text())
    if args.json is not None:
        write_text(args.json, json.dumps(result.as_dict(), indent=1, ensure_ascii=False) + "\n", args.overwrite)
        print(f"\nwritten: {args.json}")
    return 0


def _named(painted: list[str]) -> dict[str, Path]:
    """`METHOD=DIR` of --painted; names of methods may have an = themselves, folders not."""
    for text in painted:
        if "=" not in text:
            raise SettingError(f"--painted {text} is not of the form METHOD=DIR, as ours=painted/")
    return {method: Path(folder) for method, _, folder in (text.rpartition("=") for text in painted)}
