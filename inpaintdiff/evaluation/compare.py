"""Results of several files side by side: paired by video, and refused where they were not measured alike."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation.results import Evaluation


def merge(files: Sequence[Path], force: bool = False) -> Evaluation:
    """Every method of every file; the first of the first file is compared with each of the others.

    Args:
        files: of `Evaluation.save_json`.
        force: put results side by side whose protocol cards or feature networks differ.

    Raises:
        SettingError: fewer than two methods; a file that cannot be read; other videos; another card (unless `force`).
    """
    found = [Evaluation.load(f) for f in files]
    first = found[0]
    for path, other in zip(files[1:], found[1:], strict=True):
        _same_videos(files[0], first, path, other)
        if not force:
            _same_card(files[0], first, path, other)
    named = _named(files, found)
    if len(named) < 2:
        raise SettingError(
            f"{files[0]} has one method only, {first.methods[0]!r}; give two files, or one with several methods"
        )
    return replace(
        first,
        results={name: _in_order(e.results[m], first) for name, e, m in named},
        sets={name: e.sets.get(m, {}) for name, e, m in named},
        about={
            **first.about,
            "files": [str(f) for f in files],
            "methods": {name: e.about.get("methods", {}).get(m, {}) for name, e, m in named},
        },
        absent={family: why for e in found for family, why in e.absent.items()},
    )


def _named(files: Sequence[Path], found: Sequence[Evaluation]) -> list[tuple[str, Evaluation, str]]:
    """Name, evaluation and method; methods of the same name are told apart by their files."""
    every = [m for e in found for m in e.methods]
    named = [
        (m if every.count(m) == 1 else f"{path.stem}:{m}", e, m)
        for path, e in zip(files, found, strict=True)
        for m in e.methods
    ]
    names = [name for name, _, _ in named]
    for name in names:
        if names.count(name) > 1:
            raise SettingError(f"method {name!r} comes twice; give each file once, under a name of its own")
    return named


def _in_order(videos: tuple[Any, ...], first: Evaluation) -> tuple[Any, ...]:
    by_name = {v.video: v for v in videos}
    return tuple(by_name[name] for name in _videos(first))


def _videos(found: Evaluation) -> list[str]:
    return [v.video for v in found.results[found.methods[0]]]


def _same_videos(a: Path, first: Evaluation, b: Path, other: Evaluation) -> None:
    ours, theirs = set(_videos(first)), set(_videos(other))
    if ours != theirs:
        only = [f"{path} alone has {_some(sorted(x))}" for path, x in ((a, ours - theirs), (b, theirs - ours)) if x]
        raise SettingError(
            f"{a} and {b} are about other videos: {'; '.join(only)}. Scores are paired by video: evaluate the same ones"
        )


def _same_card(a: Path, first: Evaluation, b: Path, other: Evaluation) -> None:
    ours, theirs = first.protocol.card(), other.protocol.card()
    apart = [k for k in ours if ours[k] != theirs[k]]
    hint = "Numbers of different cards must not be compared; evaluate both alike, or --force"
    if apart:
        said = ", ".join(f"{k} ({ours[k]!r} and {theirs[k]!r})" for k in apart if k not in ("about", "definitions"))
        raise SettingError(f"{a} and {b} have different protocol cards, in {said or ', '.join(apart)}. {hint}")
    for kind in sorted(first.networks.keys() & other.networks.keys()):
        if first.networks[kind]["sha256"] != other.networks[kind]["sha256"]:
            raise SettingError(f"{a} and {b} used different weights of {kind}. {hint}")
    lengths = [{v.video: v.frames for v in e.results[e.methods[0]]} for e in (first, other)]
    if lengths[0] != lengths[1]:
        name = next(k for k in lengths[0] if lengths[0][k] != lengths[1][k])
        raise SettingError(f"{a} has {lengths[0][name]} frames of {name}, {b} has {lengths[1][name]}. {hint}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
