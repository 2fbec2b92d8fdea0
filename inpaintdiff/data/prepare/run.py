"""`inpaintdiff data prepare`: from folders of videos to a data set. A run that was cut off goes on, a second one changes nothing."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inpaintdiff.data.format import MANIFEST, SPLITS, Manifest
from inpaintdiff.data.prepare.assemble import MissingFilesError, assemble
from inpaintdiff.data.prepare.pool import cut_all
from inpaintdiff.data.prepare.records import FOLDER, SourceRecord, read_record, record_path, write_text
from inpaintdiff.data.prepare.report import REPORT, SHEET, write_report
from inpaintdiff.data.prepare.settings import PrepareSettings
from inpaintdiff.data.prepare.sources import Source, find_sources
from inpaintdiff.errors import DatasetError

# no source has a name that begins like this
_SETTINGS = "_settings.json"


@dataclass(frozen=True)
class Prepared:
    """What came of it.

    Attributes:
        manifest: as it was written.
        refused: why, for every video that gave nothing at all, by label.
        left_out: seconds by reason.
        repeats: number of near-duplicates that were left out.
    """

    manifest: Manifest
    refused: dict[str, str]
    left_out: dict[str, float]
    repeats: int


def prepare(
    roots: Sequence[Path],
    out: Path,
    settings: PrepareSettings,
    workers: int | None = None,
    begin: Callable[[int, int], None] | None = None,
    progress: Callable[[float, int], None] | None = None,
) -> Prepared:
    """Make a data set in the documented folder format from videos.

    Args:
        roots: folders of videos.
        out: a new or empty folder, or one that this made from the same settings.
        settings: how.
        workers: processes; None is one a core, 0 works in this process. They do not change the result.
        begin: called with the bytes and the number of the videos that are to be cut.
        progress: called with the bytes and the number of those that are done.

    Raises:
        DatasetError: no videos, no clips, or a folder that holds something else.
        SettingError: a detector that cannot be used.
    """
    _check_place(out, roots)
    sources = find_sources(roots, published_splits=settings.kind in {"bdd", "cars"})
    if settings.kind == "cars":
        _check_tracks(sources, settings)
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    _check_settings(out, settings)
    _forget_others(out, sources)
    workers = (os.cpu_count() or 1) if workers is None else workers
    while True:
        todo = [s for s in sources if read_record(out, s) is None]
        if todo:
            if begin:
                begin(sum(s.bytes for s in todo), len(todo))
            cut_all(out, todo, settings, workers, progress)
        records = [record for s in sources if (record := read_record(out, s)) is not None]
        try:
            manifest, repeats = assemble(out, records, settings)
        except MissingFilesError as e:
            for name in e.sources:
                record_path(out, name).unlink()
            continue
        break
    for source in sources:
        shutil.rmtree(out / FOLDER / source.name, ignore_errors=True)
    left_out = write_report(out, manifest, records, repeats)
    return Prepared(manifest, _refused(records), left_out, len(repeats))


def _refused(records: Sequence[SourceRecord]) -> dict[str, str]:
    """Videos of which nothing could be used, with the reason that took most of them."""
    found: dict[str, str] = {}
    for record in records:
        if record.refused is not None:
            found[record.label] = record.refused
        elif not record.clips:
            reasons: dict[str, float] = {}
            for piece in record.dropped:
                reasons[piece.reason] = reasons.get(piece.reason, 0.0) + piece.end - piece.first
            found[record.label] = max(
                reasons, key=lambda r: reasons[r], default="no vehicle is large enough for long enough"
            )
    return found


def _check_place(out: Path, roots: Sequence[Path]) -> None:
    for root in roots:
        if (
            out.resolve() == root.resolve()
            or out.resolve() in root.resolve().parents
            or root.resolve() in out.resolve().parents
        ):
            raise DatasetError(f"{out} and {root} lie within each other; give a folder outside of the videos'")
    if not out.exists():
        return
    known = {MANIFEST, FOLDER, REPORT, SHEET, *SPLITS}
    others = [] if not out.is_dir() else sorted(p.name for p in out.iterdir() if p.name not in known)
    if not out.is_dir() or others or ((out / MANIFEST).exists() and not (out / FOLDER).is_dir()):
        what = others[0] if others else MANIFEST if out.is_dir() else "a file"
        raise DatasetError(f"{out} holds something else ({what}); give a new or empty folder")


def _check_tracks(sources: Sequence[Source], settings: PrepareSettings) -> None:
    if settings.detector is None and not any(s.tracks for s in sources):
        raise DatasetError(
            "there are no tracks of cars: neither labels/box_track_20 of BDD100K, nor a MOT file NAME.txt beside any video;"
            " give them, or --detector with a YOLOX network (.onnx) that finds them"
        )


def _check_settings(out: Path, settings: PrepareSettings) -> None:
    path = out / FOLDER / _SETTINGS
    if path.is_file():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as e:
            raise DatasetError(f"{path} cannot be read as JSON: {e}; give a new folder") from e
        settings.check_same(before, out)
    else:
        write_text(path, json.dumps(settings.facts(), indent=1) + "\n")


def _forget_others(out: Path, sources: Sequence[Source]) -> None:
    """Records and cut-off work of videos that are no longer there, and files that a killed run was writing."""
    names = {s.name for s in sources}
    for path in (out / FOLDER).iterdir():
        if path.is_dir() and path.name not in names:
            shutil.rmtree(path)
        elif path.suffix == ".part" or (path.suffix == ".json" and path.name != _SETTINGS and path.stem not in names):
            path.unlink()
    for split in SPLITS:
        for path in (out / split).glob(".*.part"):
            path.unlink()
    for path in out.glob(".*.part"):
        path.unlink()
