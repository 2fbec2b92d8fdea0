"""Painted clips of the experiment on patch sizes, kept and drawn under the truth: a sheet a picture size."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.data.contact_sheet import SheetRow, draw_sheet, write_sheet
from inpaintdiff.data.pictures import evenly_spaced
from inpaintdiff.data.video import to_uint8
from inpaintdiff.experiments.patch_results import Arm
from inpaintdiff.types import VideoClip

_SHOWN = 3  # clips
_COLUMNS = 6


def keep_frames(folder: Path, arm: Arm, seed: int, painted: Sequence[Float[Tensor, "t c h w"]]) -> None:
    """Keep what the sheets show of the first clips that an arm painted."""
    place = _place(folder, arm, seed)
    place.parent.mkdir(exist_ok=True)
    shown = [to_uint8(p[evenly_spaced(len(p), _COLUMNS)]) for p in painted[:_SHOWN]]
    part = place.with_name(f".{place.name}.part.npy")
    np.save(part, np.stack(shown))
    part.replace(place)


def save_sheets(folder: Path, arms: Sequence[Arm], clips: Mapping[int, Sequence[VideoClip]]) -> list[Path]:
    """Write painted-64.png and so on, by the first training of every arm; the hole is outlined in the truth.

    Args:
        folder: of the run.
        arms: pixels and patch of each.
        clips: by pixels, the truth.
    """
    files = []
    for pixels, truth in clips.items():
        painted = {patch: np.load(_place(folder, (pixels, patch), 0)) for size, patch in arms if size == pixels}
        rows = []
        for n in range(len(next(iter(painted.values())))):
            at = evenly_spaced(truth[n].length, _COLUMNS)
            hole = truth[n].hole[at, 0].numpy()
            rows.append(SheetRow(f"clip {n}/truth", to_uint8(truth[n].frames[at]), tuple(at), hole))
            rows += [SheetRow(f"clip {n}/patch {patch}", found[n], tuple(at)) for patch, found in painted.items()]
        files.append(write_sheet(folder / f"painted-{pixels}.png", draw_sheet(rows, tile=256), overwrite=True))
    return files


def _place(folder: Path, arm: Arm, seed: int) -> Path:
    return folder / "frames" / f"{arm[0]}-{arm[1]}-{seed}.npy"
