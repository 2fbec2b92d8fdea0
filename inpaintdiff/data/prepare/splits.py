"""Which source goes into which split. A source is never in two: clips of one video are too alike to judge by."""

import hashlib
from collections.abc import Sequence

from inpaintdiff.data.prepare.records import SourceRecord
from inpaintdiff.data.prepare.settings import PrepareSettings


def split_of_sources(records: Sequence[SourceRecord], settings: PrepareSettings) -> dict[str, str]:
    """Split by name of source: the publisher's own, else drawn by the hash of seed and name.

    Of the sources that are drawn, val and test get their shares, at least one each where train keeps one.
    """
    splits = {r.name: r.split for r in records if r.split is not None}
    drawn = sorted((r.name for r in records if r.split is None), key=lambda name: _rank(settings.seed, name))
    held_out = {"test": settings.test, "val": settings.val}
    at = 0
    for split, share in held_out.items():
        count = max(1, round(share * len(drawn))) if share > 0 else 0
        count = min(count, max(0, len(drawn) - at - 1))
        splits |= dict.fromkeys(drawn[at : at + count], split)
        at += count
    return splits | dict.fromkeys(drawn[at:], "train")


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
