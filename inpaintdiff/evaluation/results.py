"""`Evaluation`: all results, and what people and files get of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import files, tables
from inpaintdiff.evaluation.protocol import Protocol
from inpaintdiff.evaluation.stats import ScoredVideos, SetScore, VideoResult

__all__ = ["Evaluation", "SetScore", "VideoResult"]


@dataclass(frozen=True)
class Evaluation(ScoredVideos):
    """Scores of every method on every video, as a table, a sentence, a JSON file and a CSV file."""

    def table(self) -> str:
        """Means of every method, the differences to ours with intervals, and what they show in one sentence."""
        return tables.table(self)

    def markdown(self) -> str:
        """Means and differences as tables of Markdown."""
        return tables.markdown(self)

    def sentence(self) -> str:
        """What the intervals show, in plain words."""
        return tables.sentence(self)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values; None where a number is not defined."""
        return files.as_dict(self)

    def save_json(self, path: Path | str, overwrite: bool = False) -> Path:
        """Write `as_dict` to a file.

        Raises:
            VideoWriteError: the file exists, or cannot be written.
        """
        return files.write_text(Path(path), files.as_json(self), overwrite)

    def save_csv(self, path: Path | str, overwrite: bool = False) -> Path:
        """Write one row for every method and video; an empty cell where a number is not defined.

        Raises:
            VideoWriteError: the file exists, or cannot be written.
        """
        return files.write_text(Path(path), files.as_csv(self), overwrite)

    @staticmethod
    def load(path: Path | str) -> "Evaluation":
        """Read a file of `save_json`.

        Raises:
            SettingError: missing, or not such a file.
        """
        found = files.read(Path(path))
        try:
            methods = found["methods"]
            return Evaluation(
                Protocol.from_card(found["protocol"], str(path)),
                {m["name"]: tuple(_read_video(v) for v in m["videos"]) for m in methods},
                found["about"],
                {
                    m["name"]: {s: SetScore(files.value(x["value"]), x["n"]) for s, x in m["sets"].items()}
                    for m in methods
                },
                found["networks"],
                found["absent"],
            )
        except (KeyError, TypeError, AttributeError) as e:
            raise SettingError(f"{path} is a file of results, but lacks a part of them ({e})") from e


def _read_video(row: dict[str, Any]) -> VideoResult:
    scores = {s: files.value(x) for s, x in row["scores"].items()}
    seconds, memory = files.value(row["seconds_per_frame"]), files.value(row["peak_memory_mb"])
    return VideoResult(row["video"], scores, seconds, row["calls"], row["frames"], memory)
