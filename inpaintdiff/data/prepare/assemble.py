"""From clips of all sources to a data set: near-duplicates out, splits, fixed holes, and the manifest, written last."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inpaintdiff.checkpoint import file_digest
from inpaintdiff.data.clip_sources import plain_holes
from inpaintdiff.data.format import MANIFEST, SPLITS, ClipEntry, Manifest, manifest_text, read_manifest
from inpaintdiff.data.hole_files import write_hole
from inpaintdiff.data.hole_generators import BlobHole, GridHole, HoleMixture
from inpaintdiff.data.prepare.fingerprint import near_duplicates
from inpaintdiff.data.prepare.records import FOLDER, ClipRecord, SourceRecord, write_text
from inpaintdiff.data.prepare.settings import PrepareSettings
from inpaintdiff.data.prepare.splits import split_of_sources
from inpaintdiff.errors import DatasetError

_VIDEO, _HOLES, _TRACKS = ".mp4", (".hole.png", ".hole.npz"), ".tracks.csv"
# Where splits are published a clip that is in two of them stays in the one that is held out.
_RANK = {"test": 0, "val": 1, "train": 2, None: 3}
# Holes of clips that have none of their own; training draws them anew, test sets have them once and for all.
_FIXED = {"bdd": lambda: HoleMixture([GridHole(), BlobHole()]), "folder": plain_holes}


@dataclass(frozen=True)
class Repeat:
    """A clip that was left out because it repeats another one."""

    source: str
    clip: str
    of: str


class MissingFilesError(Exception):
    """Files of these sources are gone, so that they have to be cut again."""

    def __init__(self, sources: set[str]) -> None:
        super().__init__(", ".join(sorted(sources)))
        self.sources = sources


def assemble(root: Path, records: Sequence[SourceRecord], settings: PrepareSettings) -> tuple[Manifest, list[Repeat]]:
    """Put every clip where it belongs and write dataset.json. Whatever is right already is not touched.

    Raises:
        DatasetError: no clip is left.
        MissingFilesError: a clip that is wanted lies nowhere.
    """
    ordered = sorted(records, key=lambda r: (_RANK[r.split], r.label))
    clips = [(record, clip) for record in ordered for clip in record.clips]
    if not clips:
        raise DatasetError(f"none of the {len(records)} videos gave a clip; {_why(records)}")
    twins = near_duplicates([clip.print for _, clip in clips])
    repeats = [Repeat(clips[i][0].label, clips[i][1].name, clips[k][1].name) for i, k in sorted(twins.items())]
    kept = [pair for i, pair in enumerate(clips) if i not in twins]
    sources = [r for r in records if any(r is record for record, _ in kept)]
    splits = split_of_sources(sources, settings)
    before = _files_of_manifest(root)
    missing = {record.name for record, clip in kept if not _placed(root, record, clip, splits[record.name])}
    if missing:
        raise MissingFilesError(missing)
    entries: dict[str, list[ClipEntry]] = {split: [] for split in SPLITS}
    for record, clip in sorted(kept, key=lambda pair: pair[1].name):
        split = splits[record.name]
        entries[split].append(_entry(root, record, clip, split, settings))
    manifest = Manifest(
        settings.kind,
        settings.height,
        settings.width,
        float(settings.fps),
        {split: tuple(e) for split, e in entries.items()},
        f"Cut from {len(sources)} videos by `inpaintdiff data prepare {settings.kind}`; rights are those of the videos",
    )
    write_text(root / MANIFEST, manifest_text(manifest))
    for name in before - _names(manifest):
        (root / name).unlink(missing_ok=True)
    return manifest, repeats


def _why(records: Sequence[SourceRecord]) -> str:
    """The commonest reason, for an error."""
    reasons = [r.refused for r in records if r.refused] + [d.reason for r in records for d in r.dropped]
    if not reasons:
        return "no vehicle is large enough for long enough; give a smaller --size or fewer --min-frames"
    common = max(sorted(set(reasons)), key=reasons.count)
    return f"the commonest reason ({reasons.count(common)} of {len(reasons)}): {common}"


def _placed(root: Path, record: SourceRecord, clip: ClipRecord, split: str) -> bool:
    """Move the files of a clip into its split, from where they were cut or from another split; False if one is nowhere."""
    for suffix in clip.sha256:
        name = clip.name + suffix
        target = root / split / name
        places = [root / FOLDER / record.name / name, target, *(root / s / name for s in SPLITS if s != split)]
        found = next((p for p in places if p.is_file()), None)
        if found is None:
            return False
        if found != target:
            target.parent.mkdir(exist_ok=True)
            found.replace(target)
    return True


def _entry(root: Path, record: SourceRecord, clip: ClipRecord, split: str, settings: PrepareSettings) -> ClipEntry:
    names = {suffix: f"{split}/{clip.name}{suffix}" for suffix in clip.sha256}
    digests = {names[suffix]: digest for suffix, digest in clip.sha256.items()}
    hole = next((names[s] for s in _HOLES if s in names), None)
    if hole is None and split != "train" and settings.kind in _FIXED:
        hole = _fixed_hole(root, clip, split, settings)
        digests[hole] = file_digest(root / hole)
    return ClipEntry(names[_VIDEO], clip.frames, hole, names.get(_TRACKS), digests, source=record.label)


def _fixed_hole(root: Path, clip: ClipRecord, split: str, settings: PrepareSettings) -> str:
    """The hole of a held-out clip: a function of seed, name and size, the same on every machine."""
    stem = f"{split}/{clip.name}"
    existing = [stem + suffix for suffix in _HOLES if (root / (stem + suffix)).is_file()]
    if existing:
        return existing[0]
    generator = _FIXED[settings.kind]()
    seed = int.from_bytes(hashlib.sha256(f"{settings.seed}/{clip.name}".encode()).digest()[:8], "big")
    nothing = np.zeros((clip.frames, settings.height, settings.width), dtype=bool)
    hole = generator.draw(np.random.default_rng(seed), nothing)
    name = stem + (_HOLES[0] if bool((hole == hole[0]).all()) else _HOLES[1])
    write_hole(root / name, hole)
    return name


def _files_of_manifest(root: Path) -> set[str]:
    return _names(read_manifest(root)) if (root / MANIFEST).is_file() else set()


def _names(manifest: Manifest) -> set[str]:
    return {
        name
        for clips in manifest.splits.values()
        for c in clips
        for name in (c.video, c.hole, c.tracks)
        if name is not None
    }
