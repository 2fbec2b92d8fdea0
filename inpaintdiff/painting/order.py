"""`Order`: what is wanted of one video, and whether it is there already."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inpaintdiff.data.video import check_output
from inpaintdiff.errors import VideoWriteError
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.painting.journal import check_journal, is_blank, journal_folder, remove_journal
from inpaintdiff.painting.outputs import numbered


@dataclass(frozen=True)
class Order:
    """What is wanted: a video in, painted videos out.

    Attributes:
        video: file or folder of pictures.
        output: .mp4, .mkv, .mov, or with `lossless` .mkv or a folder; with several samples the names get -1, -2, ...
        mask, boxes, invert, dilate, extend, allow_large, track: the hole, see `as_hole`.
        sampling: how to paint.
        context: surroundings of the hole, see `choose_regions`.
        lossless, crf, overwrite: see `write_video`.
        resume: go on with an earlier run of the same order that was cut off, see `Journal`.
    """

    video: Path
    output: Path
    mask: Path | None = None
    boxes: Sequence[str] = ()
    invert: bool = False
    dilate: int = 0
    extend: str | None = None
    allow_large: bool = False
    track: int | None = None
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    context: float = 0.5
    lossless: bool = False
    crf: int = 12
    overwrite: bool = False
    resume: bool = False

    def outputs(self) -> tuple[list[Path], Path | None, Path]:
        """See `numbered`."""
        return numbered(self.output, self.sampling.samples)

    def videos(self) -> list[Path]:
        """All that will be written but the record."""
        outputs, spread, _ = self.outputs()
        return [*outputs, *([spread] if spread else [])]

    def encoding(self) -> dict[str, Any]:
        """As the record says it."""
        return {"lossless": True} if self.lossless else {"lossless": False, "crf": self.crf}


def check_outputs(order: Order, overwrite: bool) -> None:
    """See that everything can be written.

    Raises:
        VideoWriteError: as `check_output`.
    """
    sidecar = order.outputs()[2]
    for path in order.videos():
        check_output(path, lossless=order.lossless, overwrite=overwrite)
    if sidecar.exists() and not overwrite:
        raise VideoWriteError(f"{sidecar} exists already; give another output, or --overwrite (overwrite=True).")


def was_done(order: Order) -> bool:
    """Whether an order that is to be gone on with is finished, by its record; what is left of its journal is removed.

    A run can be cut off between its last file and the end of its journal.
    """
    folder, sidecar = journal_folder(order.output), order.outputs()[2]
    if not order.resume or order.overwrite or not is_blank(folder):
        return False
    try:
        done = all(p.exists() for p in order.videos()) and _is_record_of(sidecar, order)
        if done and folder.exists():
            check_journal(folder, resume=True, overwrite=False)
            remove_journal(folder)
    except OSError:  # whatever stands in the way is for `check` to name
        return False
    return done


def _is_record_of(sidecar: Path, order: Order) -> bool:
    try:
        record = json.loads(sidecar.read_text(encoding="utf-8"))
        made = record["seed"], record["samples"], record["encoding"], record["hole"]["dilated"]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return made == (order.sampling.seed, order.sampling.samples, order.encoding(), order.dilate)
