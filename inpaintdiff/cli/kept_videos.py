"""`inpaintdiff evaluate --videos DIR`: everything that a review shows, in files without loss."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.data.holes import write_hole
from inpaintdiff.data.video import to_uint8, write_video
from inpaintdiff.errors import VideoWriteError
from inpaintdiff.evaluation import Method
from inpaintdiff.painting.outputs import false_colours
from inpaintdiff.types import VideoClip

_FPS = 8


class KeptVideos:
    """DIR/truth/NAME.mkv, DIR/masks/NAME.npz, DIR/painted/METHOD/NAME.mkv (the first answer) and DIR/uncertainty/METHOD/NAME.mkv.

    Args:
        folder: DIR.
        overwrite: replace what is there.

    Raises:
        VideoWriteError: the folder has something in it already.
    """

    def __init__(self, folder: Path, overwrite: bool) -> None:
        self.folder, self.overwrite = folder, overwrite
        if not overwrite and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise VideoWriteError(f"{folder} exists already; give another name, or --overwrite")

    def folders(self) -> dict[str, str]:
        """For the file of results."""
        return {"truth": str(self.folder / "truth"), "masks": str(self.folder / "masks")}

    def told(self, methods: Sequence[Method], samples: int) -> list[Method]:
        """The methods, their facts saying where their videos will be."""
        found = []
        for m in methods:
            facts = {**(m.about or {}), "folder": str(self.folder / "painted" / _safe(m.name))}
            if samples > 1 and m.calls is not None:
                facts["uncertainty"] = str(self.folder / "uncertainty" / _safe(m.name))
            found.append(replace(m, about=facts))
        return found

    def keep(self, video: str, clip: VideoClip, answers: Mapping[str, Float[Tensor, "s t c h w"]]) -> None:
        """Write one video."""
        name = f"{_safe(video)}.mkv"
        self._write(self.folder / "truth" / name, to_uint8(clip.frames))
        hole = self.folder / "masks" / f"{_safe(video)}.npz"
        hole.parent.mkdir(parents=True, exist_ok=True)
        write_hole(hole, clip.hole[:, 0].cpu().numpy(), overwrite=self.overwrite)
        for method, painted in answers.items():
            self._write(self.folder / "painted" / _safe(method) / name, to_uint8(painted[0].cpu()))
            if len(painted) > 1:
                spread = ((painted.cpu().double() + 1) / 2).std(dim=0).mean(dim=1).numpy()  # t h w
                colours = np.stack([false_colours(frame) for frame in spread])
                self._write(self.folder / "uncertainty" / _safe(method) / name, colours)

    def _write(self, path: Path, frames: np.ndarray) -> None:
        write_video(path, frames, _FPS, lossless=True, overwrite=self.overwrite)


def _safe(name: str) -> str:
    return name.replace("/", "_")
