"""What is known of a source after it was cut into clips: a small JSON file, written last, so that one that exists is complete."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from inpaintdiff.data.prepare.fingerprint import Fingerprint
from inpaintdiff.data.prepare.pieces import Dropped
from inpaintdiff.data.prepare.sources import Source
from inpaintdiff.errors import DatasetError

# Beside the splits: records, settings, and clips that have no split yet.
FOLDER = ".prepare"


@dataclass(frozen=True)
class ClipRecord:
    """A clip that was cut.

    Attributes:
        name: unique in the data set; files are called by it.
        frames: its length.
        first: seconds since the start of the source.
        print: to find near-duplicates.
        sha256: digest of each of its files, by suffix: .mp4, .hole.png or .hole.npz, .tracks.csv.
    """

    name: str
    frames: int
    first: float
    print: Fingerprint
    sha256: dict[str, str]


@dataclass(frozen=True)
class SourceRecord:
    """A source that was cut.

    Attributes:
        name, label, bytes, changed, split: as in `Source`.
        seconds: its length.
        clips: what came of it.
        dropped: what was left out.
        refused: why nothing could come of it; None where something could.
    """

    name: str
    label: str
    bytes: int
    changed: int
    split: str | None = None
    seconds: float = 0.0
    clips: tuple[ClipRecord, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    refused: str | None = None
    tracks: tuple[int, int] | None = field(default=None)

    def is_of(self, source: Source) -> bool:
        """Whether the source's files are still what they were."""
        now = (source.name, source.label, source.bytes, source.changed, source.split, tracks_state(source))
        return now == (self.name, self.label, self.bytes, self.changed, self.split, self.tracks)


def tracks_state(source: Source) -> tuple[int, int] | None:
    """Size and time of change of the file of boxes; None where there is none."""
    if source.tracks is None:
        return None
    state = source.tracks.stat()
    return state.st_size, state.st_mtime_ns


def record_path(root: Path, name: str) -> Path:
    """Where the record of a source lies."""
    return root / FOLDER / f"{name}.json"


def read_record(root: Path, source: Source) -> SourceRecord | None:
    """The record of a source; None where there is none, or where the source has changed since.

    Raises:
        DatasetError: a record that cannot be read.
    """
    path = record_path(root, source.name)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        record = _from_json(content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as e:
        raise DatasetError(f"{path} cannot be read ({e!r}); remove it, and the source is cut again") from e
    return record if record.is_of(source) else None


def write_record(root: Path, record: SourceRecord) -> None:
    """Write a record under a temporary name first."""
    write_text(record_path(root, record.name), json.dumps(asdict(record), indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a small file under a temporary name first; one that says so already is not touched."""
    if path.is_file() and path.read_bytes() == text.encode():
        return
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _from_json(content: dict[str, Any]) -> SourceRecord:
    clips = tuple(ClipRecord(**{**c, "print": Fingerprint(**c["print"])}) for c in content["clips"])
    dropped = tuple(Dropped(**d) for d in content["dropped"])
    tracks = None if content["tracks"] is None else (int(content["tracks"][0]), int(content["tracks"][1]))
    return SourceRecord(**{**content, "clips": clips, "dropped": dropped, "tracks": tracks})
