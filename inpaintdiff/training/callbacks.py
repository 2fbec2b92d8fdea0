"""Callbacks of a training: inpainted samples with their scores, and the finished model in the registry.

Also the door to `tracking`: what a configuration names lies here.
"""

import logging
import tempfile
import time
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from inpaintdiff.checkpoint import ModelInfo, save_model
from inpaintdiff.data.pictures import contact_sheet, hole_marked, side_by_side
from inpaintdiff.data.video import write_video
from inpaintdiff.errors import RegistryError, SettingError
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.metrics.frame import sample_scores
from inpaintdiff.registry import DEFAULT_FOLDER, register_model
from inpaintdiff.registry_store import brief
from inpaintdiff.training.ema import EMA
from inpaintdiff.training.module import InpaintingModule
from inpaintdiff.training.tracking import Checkpoints, SaveConfig, TrackingLogger, continue_run
from inpaintdiff.types import VideoClip

__all__ = [
    "Checkpoints",
    "QualityCallback",
    "RegisterCallback",
    "SaveConfig",
    "TrackingLogger",
    "continue_run",
]

logger = logging.getLogger(__name__)


class QualityCallback(Callback):
    """Paints whole clips with the averaged weights, measures them and shows them in MLflow.

    The first clips of the split go through the real Inpainter, always with the same seeds, so that numbers of different epochs
    can be compared. Logs `val/{psnr,ssim}_{hole,full}_v1` (mean over samples, then clips; dB and 1), `val/quality_seconds`, and
    `val/quality_share`, the part of the training's wall time that this callback took. Videos (input, samples, truth side by
    side) lie under `samples/` of the run, and a contact sheet under its images. `test` does the same with the test split.

    Args:
        clips: how many clips.
        samples: answers per clip.
        steps: network calls a stage.
        scheme: sampling scheme.
        every_n_epochs: validations of `fit` between paintings.
        frames: clips are cut to this many frames; None paints them whole.
        precision: "fp32" or "bf16".

    Raises:
        SettingError: a number is below 1.
    """

    def __init__(
        self,
        clips: int = 4,
        samples: int = 1,
        steps: int = 10,
        scheme: str = "lookahead-ar++",
        every_n_epochs: int = 1,
        frames: int | None = None,
        precision: str = "fp32",
    ) -> None:
        if min(clips, samples, steps, every_n_epochs, frames or 1) < 1:
            raise SettingError("QualityCallback: clips, samples, steps, every_n_epochs and frames must be at least 1")
        self.clips, self.frames, self.every_n_epochs = clips, frames, every_n_epochs
        self.sampling = SamplingConfig(scheme=scheme, calls=steps, samples=samples, precision=precision)
        self._validations = 0
        self._begun = time.monotonic()
        self._spent = 0.0

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
        begun = time.monotonic()
        inpainter = self.sampling.inpainter(module.denoiser, module.config, module.device)
        named: list[tuple[str, VideoClip]] = trainer.datamodule.clips(split, self.clips)
        sums: dict[str, torch.Tensor] = {}
        painted: list[tuple[str, VideoClip, torch.Tensor]] = []
        for i, (name, whole) in enumerate(named):
            if i % trainer.world_size != trainer.global_rank:
                continue
            clip = whole.select(range(min(whole.length, self.frames or whole.length)))
            samples = inpainter(clip, samples=self.sampling.samples, seed=i).frames.cpu()  # s t c h w
            for k, v in _scores(samples, clip).items():
                sums[k] = sums.get(k, torch.zeros(())) + v
            painted.append((name, clip, samples))
        for k in ("psnr_hole", "ssim_hole", "psnr_full", "ssim_full"):
            total = trainer.strategy.reduce(sums.get(k, torch.zeros(())).to(module.device), reduce_op="sum")
            module.log(f"{split}/{k}_v1", total / len(named))
        _show(trainer, split, painted)
        self._spent += time.monotonic() - begun
        module.log(f"{split}/quality_seconds", time.monotonic() - begun, sync_dist=True)
        if trainer.state.fn == "fit":
            share = self._spent / (time.monotonic() - self._begun)
            module.log(f"{split}/quality_share", share, sync_dist=True)


def _scores(samples: torch.Tensor, clip: VideoClip) -> dict[str, torch.Tensor]:
    """PSNR and SSIM of protocol v1, mean over samples (s t c h w, composited); float32, which every device can sum."""
    return {name: value.float() for name, value in sample_scores(samples, clip.frames, clip.hole).items()}


def _show(trainer: pl.Trainer, split: str, painted: list[tuple[str, VideoClip, torch.Tensor]]) -> None:
    """Videos and a contact sheet into the run; rank 0 shows its own clips."""
    target = next((x for x in trainer.loggers if isinstance(x, TrackingLogger)), None)
    if target is None or not trainer.is_global_zero or not painted:
        return
    rows = []
    videos = find_spec("av") is not None  # training needs no encoder
    with tempfile.TemporaryDirectory() as folder:
        for name, clip, samples in painted:
            short = Path(name).stem
            rows += [(f"{short} input", hole_marked(clip))]
            rows += [(f"{short} sample {i}", s) for i, s in enumerate(samples)]
            rows += [(f"{short} truth", clip.frames)]
            if videos:
                video = side_by_side([hole_marked(clip), *samples, clip.frames])
                write_video(Path(folder) / f"{short}.mp4", video, fps=10)
        if videos:
            target.log_files(folder, f"samples/{split}-{trainer.global_step:07d}")
    target.log_image(contact_sheet(rows), key=f"{split}/samples", step=trainer.global_step)


class RegisterCallback(Callback):
    """At the end of `fit` writes the averaged weights to a safetensors file with a model card and registers it.

    Args:
        name: registered model.
        alias: points at the new version if it points at none yet; None leaves aliases alone.
        candidate: points at the new version if `alias` is taken: the new model must prove itself (`inpaintdiff models promote`).
        folder: where the file goes, as NAME.safetensors.
        about: a sentence for the card.
        licence: of the weights, for the card.
    """

    def __init__(
        self,
        name: str = "inpaintdiff-traffic",
        alias: str | None = "champion",
        candidate: str = "candidate",
        folder: str = f"{DEFAULT_FOLDER}/models",
        about: str | None = None,
        licence: str | None = None,
    ) -> None:
        self.name, self.alias, self.candidate, self.folder = name, alias, candidate, Path(folder)
        self.about, self.licence = about, licence
        self.version: str | None = None
        self._begun = time.monotonic()
        self._before = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Seconds of training so far: a resumed run counts from there."""
        return {"seconds": self._before + time.monotonic() - self._begun}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `state_dict`."""
        self._before = float(state_dict["seconds"])

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._begun = time.monotonic()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Export and register; not after an interruption, and not in a dry run (`fast_dev_run`)."""
        assert isinstance(pl_module, InpaintingModule)
        if not trainer.is_global_zero or trainer.fast_dev_run or trainer.interrupted:
            return
        card = self.card(trainer)
        path = self.folder / f"{self.name}.safetensors"
        save_model(path, pl_module.config, pl_module.denoiser.state_dict(), card)
        target = next((x for x in trainer.loggers if isinstance(x, TrackingLogger)), None)
        scores = {k.removeprefix("val/"): str(card[k]) for k in card if k.startswith("val/") and k.endswith("_v1")}
        options: dict[str, Any] = {
            "alias": self.alias,
            "spare_alias": self.candidate,
            "tags": {
                "optimizer_steps": str(trainer.global_step),
                "data": str(card.get("data")),
                "window": str(pl_module.config["window"]),
                "size": f"{pl_module.config['height']}x{pl_module.config['width']}",
                **scores,
            },
            "card_text": ModelInfo(pl_module.config, card, str(path)).card_markdown(),
        }
        self._register(path, target, options)

    def _register(self, path: Path, target: TrackingLogger | None, options: dict[str, Any]) -> None:
        """In the registry; if that does not answer, with the run that is kept."""
        try:
            if (kept := target and target.kept) or find_spec("mlflow") is None:
                raise RegistryError("the run is kept, too" if kept else "MLflow is not installed here")
            run_id, store = (target.run_id, target.store) if target else (None, None)
            with brief():
                self.version = register_model(path, self.name, run_id=run_id, store=store, **options)
        except RegistryError as e:
            logger.warning("the model is not registered (%s): it is in %s", e, path)
            if target:
                folder = target.keep_registration(path, self.name, **options)
                logger.warning("it will be registered by: inpaintdiff runs upload %s", folder)
            else:
                logger.warning("register it with: inpaintdiff models register %s --name %s", path, self.name)
            return
        logger.info(
            "registered %s version %s; use it with --model models:/%s/%s, make it the champion with: inpaintdiff models promote %s",
            self.name,
            self.version,
            self.name,
            self.version,
            f"{self.name} --version {self.version}",
        )
        if target:
            logger.info("look at the run with: %s", target.store.open_with())

    def card(self, trainer: pl.Trainer) -> dict[str, Any]:
        """Facts of this training as plain values."""
        ema = next((c for c in trainer.callbacks if isinstance(c, EMA)), None)
        data = trainer.datamodule
        facts: dict[str, Any] = {
            "name": self.name,
            "about": self.about,
            "licence_of_the_weights": self.licence,
            "data": f"{type(data).__name__}, {Path(data.root).name}" if data is not None else None,
            "optimizer_steps": trainer.global_step,
            "epochs": trainer.current_epoch,
            "weights": f"exponential moving average, decay {ema.decay}" if ema else "as trained, no average",
            "trained_hours": round(self.state_dict()["seconds"] / 3600, 2),
            "trained_on": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
            "date": datetime.now(UTC).date().isoformat(),
            "versions": f"inpaintdiff {metadata.version('inpaintdiff')}, torch {torch.__version__}",
        }
        scores = {k: round(float(v), 4) for k, v in trainer.callback_metrics.items() if k.startswith("val/")}
        return {k: v for k, v in {**facts, **scores}.items() if v is not None}
