"""`QualityCallback`: what the model paints while it is trained, measured by a named protocol and shown in MLflow."""

import logging
import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from inpaintdiff.data.clips import WholeClips
from inpaintdiff.data.datamodules import ClipDataModule
from inpaintdiff.data.pictures import contact_sheet, hole_marked, side_by_side
from inpaintdiff.data.video import write_video
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import Evaluation, Networks, evaluate, find_networks, load_protocol
from inpaintdiff.evaluation.known_worlds import known_of
from inpaintdiff.evaluation.meaning import Meaning
from inpaintdiff.evaluation.scoring import Suite, networks_of
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.model_config import ModelInfo
from inpaintdiff.painting.clips import model_method
from inpaintdiff.painting.painters import ModelPainter
from inpaintdiff.training.module import InpaintingModule
from inpaintdiff.training.tracking import TrackingLogger
from inpaintdiff.types import VideoClip

logger = logging.getLogger(__name__)

# what takes little beside the painting; others, as pvcs and fvd, may be asked for
_METRICS = ("psnr", "ssim", "lpips", "fid", "vfid_eval")
_SHOWN = 4  # clips whose videos and pictures are kept
_TOLD_EVERY = 10.0  # seconds


class QualityCallback(Callback):
    """Paints whole clips with the averaged weights, measures them and shows them in MLflow.

    The first clips of the split go through the real Inpainter, always with the same seeds, so that numbers of different epochs
    can be compared. Logs, for protocol v1, `val/psnr_hole_v1` (dB), `val/ssim_hole_v1` and the like of all regions (mean over samples,
    then clips); where weights are found, `val/lpips_v1`, `val/fid_nN_v1` and `val/vfid_eval_nN_v1` with N, the number of features, and
    beside each its unbiased `..._mmd_nN_v1`; of simulated traffic `val/semantic_v1`, of simulated cars how far the shares of models and
    paints are from the known ones. A metric without weights is absent: one sentence in the log, no number. `val/quality_seconds`, and
    `val/quality_share`, the part of the training's wall time that this callback took.

    Features of the true clips are computed at the first painting of a fit and kept in a temporary folder until it ends.

    Artifacts, under `samples/val-STEP/`: videos (input, samples, truth side by side), `scores.csv` with a row a video, and
    `scores.json`, which `inpaintdiff compare` reads. `test` does the same with the test split. Several processes share the clips.

    Args:
        clips: how many clips.
        samples: answers per clip.
        steps: network calls a stage; None for the model's own number.
        scheme: sampling scheme.
        every_n_epochs: validations of `fit` between paintings.
        frames: clips are cut to this many frames; None paints them whole.
        precision: "fp32", "bf16" or "auto".
        protocol: name, or a .yaml file.
        metrics: families of the protocol's metrics; by default those of psnr, ssim, lpips, fid and vfid_eval that the protocol has.
        features_dir: folder with published weights of LPIPS, Inception and I3D; see also `inpaintdiff weights`.

    Raises:
        SettingError: a number is below 1; no such protocol, metric or folder.
    """

    def __init__(
        self,
        clips: int = 4,
        samples: int = 1,
        steps: int | None = 10,
        scheme: str = "lookahead-ar++",
        every_n_epochs: int = 1,
        frames: int | None = None,
        precision: str = "fp32",
        protocol: str = "v1",
        metrics: list[str] | None = None,
        features_dir: str | None = None,
    ) -> None:
        if min(clips, samples, 1 if steps is None else steps, every_n_epochs, frames or 1) < 1:
            raise SettingError("QualityCallback: clips, samples, steps, every_n_epochs and frames must be at least 1")
        self.clips, self.frames, self.every_n_epochs = clips, frames, every_n_epochs
        self.sampling = SamplingConfig(scheme=scheme, calls=steps, samples=samples, precision=precision)
        self.protocol = load_protocol(protocol)
        self.metrics = [m for m in _METRICS if m in self.protocol.metrics] if metrics is None else metrics
        self.features_dir = None if features_dir is None else Path(features_dir)
        Suite(self.protocol, Networks(), families=self.metrics)  # a wrong name is said now
        self._networks: Networks | None = None
        self._kept: tempfile.TemporaryDirectory[str] | None = None
        self._validations = 0
        self._begun = time.monotonic()
        self._spent = 0.0

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Load the feature networks, before hours are paid for; they stay on the CPU until they are needed."""
        if stage == "predict":
            return
        # every process has clips of its own, so a folder each: nothing is shared that another could take away
        self._kept = self._kept or tempfile.TemporaryDirectory(prefix="inpaintdiff-features-")
        if self._networks is not None:
            return
        wanted = networks_of(self.protocol, families=self.metrics)
        self._networks = find_networks(self.features_dir, wanted=wanted)
        for family, why in Suite(self.protocol, self._networks, families=self.metrics).absent.items():
            if trainer.is_global_zero:
                logger.info("%s is not computed: %s", family, why)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Forget the features of true clips."""
        if self._kept is not None:
            self._kept.cleanup()
            self._kept = None

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """As `teardown`, which Lightning leaves out then."""
        self.teardown(trainer, pl_module, "")

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock that the share of time refers to."""
        self._begun, self._spent = time.monotonic(), 0.0

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Paint, if it is time."""
        if trainer.sanity_checking:
            return
        if not trainer.training and trainer.state.fn == "fit":
            self._validations += 1
            if (self._validations - 1) % self.every_n_epochs:
                return
        self._paint(trainer, pl_module, "val")

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Paint test clips."""
        self._paint(trainer, pl_module, "test")

    def state_dict(self) -> dict[str, Any]:
        """So that a resumed run keeps the rhythm."""
        return {"validations": self._validations}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `state_dict`."""
        self._validations = int(state_dict["validations"])

    def _paint(self, trainer: pl.Trainer, module: pl.LightningModule, split: str) -> None:
        assert isinstance(module, InpaintingModule)
        assert self._networks is not None
        begun = time.monotonic()
        data_module = trainer.datamodule
        if not isinstance(data_module, ClipDataModule):
            raise SettingError(f"QualityCallback paints clips of a ClipDataModule, got {type(data_module).__name__}")
        data = data_module.whole_clips(split)
        total = min(len(data), self.clips)
        share = (trainer.global_rank, trainer.world_size)
        mine = range(share[0], total, share[1])
        shown: list[tuple[str, VideoClip, Tensor]] = []
        name = f"step {trainer.global_step}"

        def after(video: str, clip: VideoClip, answers: dict[str, Tensor]) -> None:
            if len(shown) < _SHOWN:
                shown.append((video, clip, answers[name]))

        info = ModelInfo(module.config, {"name": name}, name)
        painter = ModelPainter(name, module.denoiser, info, None, self.sampling, module.device)
        found = evaluate(
            [model_method(painter)],
            self._clips(data, mine),
            self.sampling.samples,
            protocol=self.protocol,
            about={"data": data.root.name, "split": split, "frames": self.frames},
            after=after,
            scored=_Progress(begun, len(mine), trainer.is_global_zero),
            networks=self._networks.to(module.device),
            further=Meaning(known_of(data)),
            families=self.metrics,
            share=share,
            kept=None if self._kept is None else Path(self._kept.name),
        )
        self._networks.to("cpu")
        for key, value in numbers(found).items():
            module.log(f"{split}/{key}", value, sync_dist=True)  # the same in every process
        _show(trainer, split, shown, found)
        self._spent += time.monotonic() - begun
        module.log(f"{split}/quality_seconds", time.monotonic() - begun, sync_dist=True)
        if trainer.state.fn == "fit":
            share_of_time = self._spent / (time.monotonic() - self._begun)
            module.log(f"{split}/quality_share", share_of_time, sync_dist=True)

    def _clips(self, data: WholeClips, mine: Sequence[int]) -> Iterator[tuple[str, VideoClip]]:
        """Read one at a time."""
        for i in mine:
            clip = data[i]
            yield data.name(i), clip.select(range(min(clip.length, self.frames or clip.length)))


def numbers(found: Evaluation) -> Mapping[str, float]:
    """The scores of an evaluation of one method, by their names in logs; nothing that is not defined."""
    (method,), protocol = found.methods, found.protocol.name
    scores = {f"{name}_{protocol}": found.mean(method, name) for name in found.score_names}
    sets = {f"{name}_n{s.n}_{protocol}": s.value for name, s in found.sets[method].items()}
    return {name: value for name, value in {**scores, **sets}.items() if not math.isnan(value)}


class _Progress:
    """Says now and then how many clips are painted and how long the rest will take."""

    def __init__(self, begun: float, total: int, tells: bool) -> None:
        self._begun, self._total, self._tells = begun, total, tells
        self._done, self._told = 0, begun

    def __call__(self, video: str, method: str) -> None:
        self._done += 1
        now = time.monotonic()
        if self._tells and now - self._told >= _TOLD_EVERY and self._done < self._total:
            left = (now - self._begun) / self._done * (self._total - self._done)
            logger.info("%d of %d clips are painted and measured, %.0f s to go", self._done, self._total, left)
            self._told = now


def _show(trainer: pl.Trainer, split: str, painted: list[tuple[str, VideoClip, Tensor]], found: Evaluation) -> None:
    """Scores of every video, and videos and a contact sheet of some, into the run; rank 0 shows its own clips."""
    target = next((x for x in trainer.loggers if isinstance(x, TrackingLogger)), None)
    if target is None or not trainer.is_global_zero:
        return
    rows = []
    videos = find_spec("av") is not None  # training needs no encoder
    with tempfile.TemporaryDirectory() as folder:
        found.save_csv(Path(folder) / "scores.csv")
        found.save_json(Path(folder) / "scores.json")
        for name, clip, samples in painted:
            short = Path(name).stem
            rows += [(f"{short} input", hole_marked(clip))]
            rows += [(f"{short} sample {i}", s) for i, s in enumerate(samples)]
            rows += [(f"{short} truth", clip.frames)]
            if videos:
                video = side_by_side([hole_marked(clip), *samples, clip.frames])
                write_video(Path(folder) / f"{short}.mp4", video, fps=10)
        where = f"samples/{split}-{trainer.global_step:07d}"
        target.log_files(folder, where)
    if rows:
        sheet = contact_sheet(rows)
        target.log_image(sheet, key=f"{split}/samples", step=trainer.global_step)
