"""What `predict` leaves behind: videos."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import BasePredictionWriter

from inpaintdiff.data.clips import WholeClips
from inpaintdiff.data.format import read_manifest
from inpaintdiff.data.video import to_uint8, write_video
from inpaintdiff.errors import SettingError, VideoWriteError
from inpaintdiff.types import VideoClip

logger = logging.getLogger(__name__)


class PredictionWriter(BasePredictionWriter):
    """Writes every painted clip as `FOLDER/SPLIT/NAME.mp4`, or `NAME-0.mp4`, `NAME-1.mp4`, ... where there are several samples.

    Args:
        folder: made if it is not there.
        lossless: .mkv files whose known pixels stay bit-identical.
        overwrite: replace videos of an earlier run.
    """

    def __init__(self, folder: str = "predictions", lossless: bool = False, overwrite: bool = False) -> None:
        super().__init__("batch")
        self.folder, self.lossless, self.overwrite = Path(folder), lossless, overwrite
        self.written: list[Path] = []

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Refuse to replace videos before the first one is painted.

        Raises:
            VideoWriteError: there are videos of an earlier run.
            SettingError: the data are not whole clips of a folder.
        """
        self.written = []
        data = self._data(trainer)
        first = [self._path(data, i, None) for i in range(len(data))] + [
            self._path(data, i, 0) for i in range(len(data))
        ]
        if there := [p for p in first if p.exists() and not self.overwrite]:
            raise VideoWriteError(
                f"{there[0]} exists already; give PredictionWriter another folder, or overwrite: true"
            )

    def write_on_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        prediction: VideoClip,
        batch_indices: Sequence[int] | None,
        batch: VideoClip,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """One clip, its samples along the first dimension."""
        assert batch_indices is not None
        data = self._data(trainer)
        fps = read_manifest(data.root).fps
        samples = prediction.frames
        for k, frames in enumerate(samples):
            path = self._path(data, batch_indices[0], k if len(samples) > 1 else None)
            write_video(path, to_uint8(frames), fps, lossless=self.lossless, overwrite=self.overwrite)
            self.written.append(path)

    def on_predict_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say where they lie."""
        logger.info("wrote %d videos to %s", len(self.written), self.folder.resolve())

    def _path(self, data: WholeClips, i: int, sample: int | None) -> Path:
        name = data.name(i) + ("" if sample is None else f"-{sample}")
        return self.folder / f"{name}{'.mkv' if self.lossless else '.mp4'}"

    @staticmethod
    def _data(trainer: pl.Trainer) -> WholeClips:
        loaders: Any = trainer.predict_dataloaders
        data = getattr(loaders, "dataset", None)
        if not isinstance(data, WholeClips):
            raise SettingError(
                "PredictionWriter wants the clips of a ClipDataModule, which have names and a frame rate"
            )
        return data
