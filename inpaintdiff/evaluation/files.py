"""Evaluations in files: JSON with everything, CSV with one row a method and video. Files appear whole or not at all."""

import contextlib
import csv
import io
import json
import math
import secrets
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from inpaintdiff.errors import SettingError, VideoWriteError
from inpaintdiff.evaluation.stats import ScoredVideos

_SCHEMA = "inpaintdiff.evaluation/2"
# JSON has no word for it, and it must not be taken for a missing number
_INFINITE = "inf"


def as_dict(found: ScoredVideos) -> dict[str, Any]:
    """Everything as plain values; None where a number is not defined, "inf" where it is infinite."""
    return {
        "schema": _SCHEMA,
        "inpaintdiff": metadata.version("inpaintdiff"),
        "protocol": found.protocol.card(),
        "networks": {kind: dict(file) for kind, file in found.networks.items()},
        "absent": dict(found.absent),
        "about": dict(found.about),
        "methods": [
            {
                "name": name,
                "means": {s: number(found.mean(name, s)) for s in found.score_names},
                "sets": {s: {"value": number(x.value), "n": x.n} for s, x in found.sets.get(name, {}).items()},
                "videos": [
                    {
                        "video": v.video,
                        "scores": {s: number(v.scores.get(s, math.nan)) for s in found.score_names},
                        "seconds_per_frame": number(v.seconds_per_frame),
                        "calls": v.calls,
                        "frames": v.frames,
                        "peak_memory_mb": number(v.peak_memory),
                    }
                    for v in videos
                ],
            }
            for name, videos in found.results.items()
        ],
        "differences": [
            {
                "ours": found.methods[0],
                "theirs": other,
                "score": s,
                "mean": number(d.mean),
                "low": number(d.low),
                "high": number(d.high),
                "videos": d.videos,
            }
            for other in found.methods[1:]
            for s in found.score_names
            for d in (found.difference(other, s),)
        ],
    }


def as_json(found: ScoredVideos) -> str:
    """`as_dict` as text."""
    return json.dumps(as_dict(found), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def as_csv(found: ScoredVideos) -> str:
    """One row for every method and video; an empty cell where a number is not defined."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["method", "video", *found.score_names, "seconds_per_frame", "calls", "peak_memory_mb"])
    for name, videos in found.results.items():
        for v in videos:
            numbers = [*(v.scores.get(s, math.nan) for s in found.score_names), v.seconds_per_frame]
            cells = [number(x) for x in numbers] + [v.calls, number(v.peak_memory)]
            rows.writerow([name, v.video, *("" if x is None else x for x in cells)])
    return text.getvalue()


def read(path: Path) -> dict[str, Any]:
    """What `as_json` wrote, as plain values.

    Raises:
        SettingError: missing, or not such a file.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        schema = found["schema"]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise SettingError(f"{path} is not a file of results; expected what `evaluate --json` writes ({e})") from e
    if schema != _SCHEMA:
        raise SettingError(f"{path} has results of schema {schema!r}; this version reads {_SCHEMA!r}")
    return dict(found)


def number(x: float) -> float | str | None:
    """A number as JSON and CSV have it."""
    return None if math.isnan(x) else x if math.isfinite(x) else _INFINITE


def value(x: float | str | None) -> float:
    """The inverse of `number`."""
    return math.nan if x is None else float(x)


def write_text(path: Path, text: str, overwrite: bool = False) -> Path:
    """Write a text file under a temporary name, then rename it.

    Raises:
        VideoWriteError: the file exists, or cannot be written.
    """
    return write_bytes(path, text.encode("utf-8"), overwrite)


def write_bytes(path: Path, content: bytes, overwrite: bool = False) -> Path:
    """Write a file under a temporary name, then rename it.

    Raises:
        VideoWriteError: the file exists, or cannot be written.
    """
    return write_file(path, lambda file: file.write(content), overwrite)


def write_picture(path: Path, pixels: UInt8[np.ndarray, "h w 3"], overwrite: bool = False) -> Path:
    """Write a PNG file under a temporary name, then rename it.

    Raises:
        VideoWriteError: the file exists, or cannot be written.
    """
    return write_file(path, lambda file: Image.fromarray(pixels).save(file, format="PNG"), overwrite)


def check_output(path: Path, overwrite: bool) -> None:
    """Whether a file may be written, before hours are paid for it.

    Raises:
        VideoWriteError: it exists, or is a folder.
    """
    if path.is_dir():
        raise VideoWriteError(f"{path} is a folder; give the name of a file")
    if path.exists() and not overwrite:
        raise VideoWriteError(f"{path} exists already; give another name, or --overwrite")


def write_file(path: Path, put: Callable[[BinaryIO], object], overwrite: bool = False) -> Path:
    """Have a file written under a temporary name, piece by piece if need be, then rename it.

    Raises:
        VideoWriteError: the file exists, or cannot be written.
    """
    check_output(path, overwrite)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            put(file)
        part.replace(path)
    except OSError as e:
        raise VideoWriteError(f"{path} cannot be written: {e.strerror or e}") from e
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return path
