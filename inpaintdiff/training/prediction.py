"""What `predict` does: videos are painted from file to file by the code of `inpaintdiff inpaint`, shared out among the devices."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch.distributed as dist
from lightning.pytorch.callbacks import BasePredictionWriter
from torch.utils.data import DataLoader

from inpaintdiff.data.clip_sources import FolderSource
from inpaintdiff.data.datamodules import ClipDataModule
from inpaintdiff.errors import InpaintDiffError, SettingError
from inpaintdiff.painting.many import Outcome, orders_of, paint_all
from inpaintdiff.painting.order import Order, check_outputs
from inpaintdiff.painting.painters import Painter

logger = logging.getLogger(__name__)


class VideosToPaint(pl.LightningDataModule):
    """Videos and their holes, as `inpaintdiff inpaint` takes them; for `predict` only.

    Args:
        videos: file, folder of pictures, folder of videos, or CSV file with the columns video, mask, box, output.
        mask: of all of them, or a folder with a mask of each video's name.
        boxes: x1,y1,x2,y2[@t0-t1], pixels.
        invert_mask: black is filled.
        dilate: grow the holes by so many pixels.
        mask_extend: "hold" repeats the last picture of a mask that is too short.
        allow_large: accept holes of more than 60 % of the picture.
        track: of boxes and polygons, only the object with this number.
        window: not used; a configuration shares the model's with its data.
    """

    def __init__(
        self,
        videos: str,
        mask: str | None = None,
        boxes: list[str] | None = None,
        invert_mask: bool = False,
        dilate: int = 0,
        mask_extend: str | None = None,
        allow_large: bool = False,
        track: int | None = None,
        window: int | None = None,
    ) -> None:
        super().__init__()
        self.videos = Path(videos)
        self.hole: dict[str, Any] = {
            "mask": None if mask is None else Path(mask),
            "boxes": tuple(boxes or ()),
            "invert": invert_mask,
            "dilate": dilate,
            "extend": mask_extend,
            "allow_large": allow_large,
            "track": track,
        }

    def orders(self, like: Order) -> list[Order]:
        """One for each video.

        Args:
            like: `output` is a folder; how to paint and to write.
        """
        whole = replace(like, video=self.videos, **self.hole)
        if (many := orders_of(whole)) is not None:
            return many
        suffix = "" if self.videos.is_dir() and like.lossless else ".mkv" if like.lossless else ".mp4"
        return [replace(whole, output=like.output / f"{self.videos.stem}{suffix}")]

    def predict_dataloader(self) -> DataLoader[int]:
        count = len(self.orders(Order(self.videos, Path())))
        rank, ranks = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return DataLoader(range(count), collate_fn=itemgetter(0), sampler=range(rank, count, ranks))  # type: ignore[arg-type]


class PredictionWriter(BasePredictionWriter):
    """Paints every video into `FOLDER/NAME.mp4`, as `inpaintdiff inpaint` does; several samples get -1, -2, ..., and their spread a video.

    A video that cannot be painted does not stop the others.

    Args:
        folder: made if it is not there.
        lossless: .mkv files whose known pixels stay bit-identical.
        crf: quality of h264, smaller is better.
        overwrite: replace videos of an earlier run.
        resume: pass over what is finished, and go on with what was cut off.
        context: surroundings that the model is given, in sizes of the hole.
    """

    def __init__(
        self,
        folder: str = "predictions",
        lossless: bool = False,
        crf: int = 12,
        overwrite: bool = False,
        resume: bool = False,
        context: float = 0.5,
    ) -> None:
        super().__init__("batch")
        self.folder = Path(folder)
        self.options: dict[str, Any] = {
            "lossless": lossless, "crf": crf, "overwrite": overwrite, "resume": resume, "context": context,
        }  # fmt: skip
        self.orders: list[Order] = []
        self.outcomes: list[Outcome] = []

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Refuse to replace videos before the first one is painted.

        Raises:
            VideoWriteError: there are videos of an earlier run.
            SettingError: nothing says where the videos and their holes are.
        """
        like = Order(Path(), self.folder, sampling=pl_module.sampling, **self.options)
        self.orders, self.outcomes = _orders(getattr(trainer, "datamodule", None), like), []
        if not like.resume:
            for order in self.orders:
                check_outputs(order, like.overwrite)

    def write_on_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        prediction: Painter,
        batch_indices: Sequence[int] | None,
        batch: int,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """One video; the prediction is who paints it."""
        for outcome in paint_all([self.orders[batch]], prediction):
            self.outcomes.append(outcome)
            logger.info("%s: %s", outcome.order.video, outcome.error or f"painted into {outcome.order.output}")

    def on_predict_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say what became of all of them.

        Raises:
            InpaintDiffError: some failed.
        """
        errors = [[o.error for o in self.outcomes if o.error]]
        if trainer.world_size > 1:
            errors = [[] for _ in range(trainer.world_size)]
            dist.all_gather_object(errors, [o.error for o in self.outcomes if o.error])
        failed = [e for of_rank in errors for e in of_rank]
        if trainer.is_global_zero:
            done = len(self.orders) - len(failed)
            logger.info("%d of %d videos are done, in %s", done, len(self.orders), self.folder.resolve())
        if failed:
            raise InpaintDiffError(
                f"{len(failed)} of {len(self.orders)} videos were not painted; the first: {failed[0]}"
            )


def _orders(data: object, like: Order) -> list[Order]:
    """What a data module has to be painted."""
    if isinstance(data, VideosToPaint):
        return data.orders(like)
    source = data.source(data.predict_split) if isinstance(data, ClipDataModule) else None
    if not isinstance(source, FolderSource):
        raise SettingError(
            f"{type(data).__name__} has no files of holes to paint; give --data VideosToPaint --data.videos PATH --data.mask PATH"
        )
    suffix = ".mkv" if like.lossless else ".mp4"
    return [
        replace(
            like,
            video=source.root / entry.video,
            mask=source.root / entry.hole if entry.hole else None,
            allow_large=True,
            output=like.output / f"{source.name(i)}{suffix}",
        )
        for i, entry in enumerate(source.entries)
    ]
