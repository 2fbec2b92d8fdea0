"""Which videos a data set is made from: any folders, or BDD100K's published layout with its splits and labels."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inpaintdiff.data.format import SPLITS
from inpaintdiff.errors import DatasetError

_VIDEOS = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".wmv"})
# Beside videos/SPLIT/NAME.mov, BDD100K's box tracks of 2020 lie in one of these.
_BDD_LABELS = ("labels/box_track_20", "box_track_20", "labels-20/box-track")
_MOT = (".txt", ".csv")


@dataclass(frozen=True)
class Source:
    """A video that clips are cut from.

    Attributes:
        path: its file.
        name: unique in the data set, of letters that any file system takes; clips are called by it.
        label: its path as people know it, below the folder that was given.
        bytes, changed: size and time of change (ns) of the file: another file means other clips.
        split: the one that its publisher gave it; None where there is none.
        tracks: file of boxes beside it: BDD100K's .json, or MOT's .txt or .csv.
    """

    path: Path
    name: str
    label: str
    bytes: int
    changed: int
    split: str | None = None
    tracks: Path | None = None


def find_sources(roots: Sequence[Path], published_splits: bool) -> list[Source]:
    """All videos below the folders, in order of their labels.

    Args:
        roots: folders, searched to any depth; hidden files and folders are left out.
        published_splits: take videos/{train,val,test} as splits, where a folder has them (BDD100K).

    Raises:
        DatasetError: a folder that does not exist, or no video.
    """
    found: list[Source] = []
    for root in roots:
        if not root.is_dir():
            raise DatasetError(f"{root} is not a folder; expected one that holds videos")
        prefix = f"{root.resolve().name}/" if len(roots) > 1 else ""
        splits = _split_folders(root) if published_splits else {}
        for folder, split in splits.items() if splits else [(root, None)]:
            found += [_source(path, root, prefix, split) for path in _videos(folder)]
    if not found:
        names = " and ".join(map(str, roots))
        raise DatasetError(f"{names} has no videos; expected files that end in {', '.join(sorted(_VIDEOS))}")
    return _with_unique_names(sorted(found, key=lambda s: s.label))


def _videos(folder: Path) -> Iterator[Path]:
    for at, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(files):
            if Path(name).suffix.lower() in _VIDEOS and not name.startswith("."):
                yield Path(at) / name


def _split_folders(root: Path) -> dict[Path, str]:
    for base in (root / "videos", root):
        if found := {base / split: split for split in SPLITS if (base / split).is_dir()}:
            return found
    return {}


def _source(path: Path, root: Path, prefix: str, split: str | None) -> Source:
    state = path.stat()
    label = prefix + path.relative_to(root).as_posix()
    return Source(path, "", label, state.st_size, state.st_mtime_ns, split, _tracks(path, root, split))


def _tracks(path: Path, root: Path, split: str | None) -> Path | None:
    beside = [path.with_suffix(suffix) for suffix in _MOT]
    bases = (root, root.parent)
    bdd = [base / labels / split / f"{path.stem}.json" for base in bases for labels in _BDD_LABELS] if split else []
    return next((p for p in [*bdd, *beside] if p.is_file()), None)


def _with_unique_names(sources: list[Source]) -> list[Source]:
    plain = [re.sub(r"[^A-Za-z0-9_-]+", "_", Path(s.label).stem).strip("_") or "video" for s in sources]
    # file systems that ignore case would take two names for one
    count = Counter(name.lower() for name in plain)
    return [
        replace(
            s, name=name if count[name.lower()] == 1 else f"{name}-{hashlib.sha256(s.label.encode()).hexdigest()[:8]}"
        )
        for s, name in zip(sources, plain, strict=True)
    ]
