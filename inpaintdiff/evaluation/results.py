"""`Evaluation`: scores of every method on every video, as a table, a sentence, a JSON file and a CSV file."""

import contextlib
import csv
import io
import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from inpaintdiff.errors import SettingError, VideoWriteError
from inpaintdiff.evaluation.protocol import SCORES, Protocol
from inpaintdiff.metrics.paired import FEW_VIDEOS, Difference, paired_difference

_SCHEMA = "inpaintdiff.evaluation/1"
# what the table compares; scores of the full picture follow from those of the hole where known pixels are exact
_COMPARED = ("psnr_hole", "ssim_hole")


@dataclass(frozen=True)
class VideoResult:
    """One method on one video.

    Attributes:
        video: its name.
        scores: by the names of `SCORES`, mean over samples; NaN where a score is not defined.
        seconds_per_frame: wall time of painting one answer, over all frames of the video.
        calls: network calls of one answer.
    """

    video: str
    scores: Mapping[str, float]
    seconds_per_frame: float
    calls: int


@dataclass(frozen=True)
class Evaluation:
    """All results.

    Attributes:
        protocol: how they were scored.
        results: of every method, in the same order of videos. The first method is "ours".
        about: plain facts: samples, seed, where the clips come from, what each method is.
    """

    protocol: Protocol
    results: Mapping[str, tuple[VideoResult, ...]]
    about: Mapping[str, Any]

    @property
    def methods(self) -> tuple[str, ...]:
        """Names, ours first."""
        return tuple(self.results)

    def scores(self, method: str, score: str) -> list[float]:
        """One score of every video."""
        return [v.scores[score] for v in self.results[method]]

    def mean(self, method: str, score: str) -> float:
        """Mean over the videos that have the score; NaN if none has."""
        values = [x for x in self.scores(method, score) if not math.isnan(x)]
        return float(np.mean(values)) if values else math.nan

    def difference(self, other: str, score: str) -> Difference:
        """Ours minus another method, with its paired interval."""
        ours, theirs = self.scores(self.methods[0], score), self.scores(other, score)
        return paired_difference(ours, theirs, self.protocol.confidence, self.protocol.resamples)

    def table(self) -> str:
        """Means of every method, the differences to ours with intervals, and what they show in one sentence."""
        names, n = self.methods, len(self.results[self.methods[0]])
        width = max(len("method"), *map(len, names))
        heads = [title for title, _, _ in SCORES.values()]
        lines = [
            f"{_count(n, 'video')}, {_count(self.about['samples'], 'answer')} a video, protocol {self.protocol.name}; "
            "seconds and network calls are those of one answer",
            f"{'method':<{width}}" + "".join(f"{x:>11}" for x in (*heads, "s/frame", "calls")),
        ]
        for name in names:
            means = [f"{self.mean(name, s):.{digits}f}" for s, (_, _, digits) in SCORES.items()]
            seconds = float(np.mean([v.seconds_per_frame for v in self.results[name]]))
            calls = float(np.mean([v.calls for v in self.results[name]]))
            lines.append(f"{name:<{width}}" + "".join(f"{x:>11}" for x in (*means, f"{seconds:.3g}", f"{calls:g}")))
        if len(names) > 1:
            lines += ["", f"{names[0]} minus ..., mean and paired {self.protocol.confidence:.0%} interval over videos"]
        for name in names[1:]:
            cells = []
            for score in _COMPARED:
                title, unit, digits = SCORES[score]
                d = self.difference(name, score)
                interval = "[no interval]" if math.isnan(d.low) else f"[{d.low:+.{digits}f}, {d.high:+.{digits}f}]"
                cells.append(f"{title} {d.mean:+.{digits}f}{unit} {interval}")
            lines.append(f"  {name:<{width}}  " + "   ".join(f"{c:<38}" for c in cells).rstrip())
        return "\n".join([*lines, "", self.sentence()]) if len(names) > 1 else "\n".join(lines)

    def sentence(self) -> str:
        """What the intervals show, in plain words."""
        ours, parts = self.methods[0], []
        for score in _COMPARED:
            title = SCORES[score][0]
            groups: dict[int, list[str]] = {1: [], 0: [], -1: []}
            for other in self.methods[1:]:
                groups[self.difference(other, score).verdict].append(other)
            words = {1: "ahead of", 0: "not shown to differ from", -1: "behind"}
            said = [f"{words[k]} {_and(others)}" for k, others in groups.items() if others]
            parts.append(f"in {title} {ours} is {'; '.join(said)}")
        n = len(self.results[ours])
        few = f" With fewer than {FEW_VIDEOS} videos the intervals are too narrow." if n < FEW_VIDEOS else ""
        text = ". ".join(p[0].upper() + p[1:] for p in parts)
        return f"{text}.{few}"

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values; None where a number is not defined."""
        return {
            "schema": _SCHEMA,
            "inpaintdiff": metadata.version("inpaintdiff"),
            "protocol": self.protocol.card(),
            "about": dict(self.about),
            "methods": [
                {
                    "name": name,
                    "means": {s: _number(self.mean(name, s)) for s in SCORES},
                    "videos": [
                        {
                            "video": v.video,
                            **{s: _number(v.scores[s]) for s in SCORES},
                            "seconds_per_frame": v.seconds_per_frame,
                            "calls": v.calls,
                        }
                        for v in videos
                    ],
                }
                for name, videos in self.results.items()
            ],
            "differences": [
                {
                    "ours": self.methods[0],
                    "theirs": other,
                    "score": s,
                    "mean": _number(d.mean),
                    "low": _number(d.low),
                    "high": _number(d.high),
                    "videos": d.videos,
                }
                for other in self.methods[1:]
                for s in SCORES
                for d in (self.difference(other, s),)
            ],
        }

    def save_json(self, path: Path | str, overwrite: bool = False) -> Path:
        """Write `as_dict` to a file.

        Raises:
            VideoWriteError: the file exists, or cannot be written.
        """
        text = json.dumps(self.as_dict(), indent=1, allow_nan=False, ensure_ascii=False)
        return _write(Path(path), text + "\n", overwrite)

    def save_csv(self, path: Path | str, overwrite: bool = False) -> Path:
        """Write one row for every method and video; an empty cell where a number is not defined.

        Raises:
            VideoWriteError: the file exists, or cannot be written.
        """
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["method", "video", *SCORES, "seconds_per_frame", "calls"])
        for name, videos in self.results.items():
            for v in videos:
                cells = [_number(v.scores[s]) for s in SCORES]
                rows.writerow([name, v.video, *("" if x is None else x for x in cells), v.seconds_per_frame, v.calls])
        return _write(Path(path), text.getvalue(), overwrite)

    @staticmethod
    def load(path: Path | str) -> "Evaluation":
        """Read a file of `save_json`.

        Raises:
            SettingError: missing, or not such a file.
        """
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
            schema = found["schema"]
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise SettingError(f"{path} is not a file of results; expected what `evaluate --json` writes ({e})") from e
        if schema != _SCHEMA:
            raise SettingError(f"{path} has results of schema {schema!r}; this version reads {_SCHEMA!r}")
        try:
            results = {m["name"]: tuple(_read_video(v) for v in m["videos"]) for m in found["methods"]}
            return Evaluation(Protocol(**found["protocol"]), results, found["about"])
        except (KeyError, TypeError) as e:
            raise SettingError(f"{path} has results of schema {_SCHEMA!r}, but lacks a part of them ({e})") from e


def _read_video(row: dict[str, Any]) -> VideoResult:
    scores = {s: math.nan if row[s] is None else row[s] for s in SCORES}
    return VideoResult(row["video"], scores, row["seconds_per_frame"], row["calls"])


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _write(path: Path, text: str, overwrite: bool) -> Path:
    if path.exists() and not overwrite:
        raise VideoWriteError(f"{path} exists; give another name, or --overwrite")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as e:
        raise VideoWriteError(f"{path} cannot be written: {e.strerror or e}") from e
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return path
