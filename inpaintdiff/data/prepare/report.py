"""What `data prepare` made and what it left out, for people: a JSON file and a contact sheet."""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from inpaintdiff.data.contact_sheet import SheetRow, draw_sheet, row_of, write_sheet
from inpaintdiff.data.format import Manifest
from inpaintdiff.data.pictures import evenly_spaced
from inpaintdiff.data.prepare.assemble import Repeat
from inpaintdiff.data.prepare.records import SourceRecord, write_text

REPORT, SHEET = "prepare_report.json", "contact_sheet.png"
_ROWS, _COLUMNS = 5, 8


def write_report(
    root: Path, manifest: Manifest, records: Sequence[SourceRecord], repeats: Sequence[Repeat]
) -> dict[str, float]:
    """Write the report, and the contact sheet where it is missing or the report has changed.

    Returns:
        Seconds that were left out, by reason, most first.
    """
    left_out: dict[str, float] = defaultdict(float)
    sources: list[dict[str, Any]] = []
    for record in sorted(records, key=lambda r: r.label):
        for piece in record.dropped:
            left_out[piece.reason] += piece.end - piece.first
        clips = [e for entries in manifest.splits.values() for e in entries if e.source == record.label]
        sources.append(
            {
                "source": record.label,
                "split": next((s for s, entries in manifest.splits.items() for e in entries if e in clips), None),
                "seconds": record.seconds,
                "clips": len(clips),
                "refused": record.refused,
                "dropped": [asdict(piece) for piece in record.dropped],
            }
        )
    fps = manifest.fps
    for repeat in repeats:
        frames = next(c.frames for r in records for c in r.clips if c.name == repeat.clip)
        left_out["near-duplicates of other clips"] += frames / fps
    ordered = {reason: round(s, 2) for reason, s in sorted(left_out.items(), key=lambda pair: (-pair[1], pair[0]))}
    report = {
        "kind": manifest.name,
        "clips": {split: len(entries) for split, entries in manifest.splits.items()},
        "seconds_kept": round(sum(e.frames for entries in manifest.splits.values() for e in entries) / fps, 2),
        "seconds_left_out": ordered,
        "near_duplicates": [asdict(r) for r in repeats],
        "sources": sources,
    }
    text = json.dumps(report, indent=1) + "\n"
    fresh = not (root / SHEET).is_file() or not (root / REPORT).is_file() or (root / REPORT).read_text() != text
    if fresh:
        rows = []
        for entries in manifest.splits.values():
            if entries:
                chosen = [entries[i] for i in evenly_spaced(len(entries), _ROWS)]
                rows += [_labelled(row_of(root, manifest, entry, _COLUMNS)) for entry in chosen]
        write_sheet(root / SHEET, draw_sheet(rows, tile=128), overwrite=True)
    write_text(root / REPORT, text)
    return ordered


def _labelled(row: SheetRow) -> SheetRow:
    """Names of files are long words; sheets break labels at spaces."""
    return replace(row, label=re.sub(r"(?<=\w)[_-](?=\w)", " ", row.label))
