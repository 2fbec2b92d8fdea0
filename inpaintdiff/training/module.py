"""`InpaintingModule`: noise prediction over a video network, as a LightningModule; `DistillationModule` is its one subclass."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Timer
from torch import Tensor

from inpaintdiff.checkpoint import file_digest, read_checkpoint
from inpaintdiff.diffusion.loss import denoising_loss
from inpaintdiff.diffusion.sigma import DDPMLinearDistribution, LogNormalDistribution, SigmaDistribution
from inpaintdiff.errors import CheckpointError, SettingError
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.model_config import ModelInfo, build_denoiser
from inpaintdiff.models.unet import PRESETS
from inpaintdiff.painting.painters import ModelPainter, Painter, load_model
from inpaintdiff.types import Conditioning, VideoClip


@dataclass(frozen=True)
class NetworkConfig:
    """A preset of `models.unet.PRESETS`, and what departs from it.

    Attributes:
        preset: name of the preset.
        width, multipliers, blocks, attention_levels, heads, patch, dropout: as `VideoUNet`; None keeps the preset's.
    """

    preset: str = "small-64"
    width: int | None = None
    multipliers: list[int] | None = None
    blocks: int | None = None
    attention_levels: list[int] | None = None
    heads: int | None = None
    patch: int | None = None
    dropout: float | None = None

    def arguments(self) -> dict[str, Any]:
        """Plain arguments of `VideoUNet`."""
        if self.preset not in PRESETS:
            raise SettingError(f"no network preset {self.preset!r}; expected one of {', '.join(sorted(PRESETS))}")
        own = {k: v for k, v in asdict(self).items() if k != "preset" and v is not None}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in {**PRESETS[self.preset], **own}.items()}


@dataclass(frozen=True)
class ObjectiveConfig:
    """Parametrisation and distribution of noise levels.

    Attributes:
        predict: what the network predicts: "noise" (DDPM, FDM), "v" or "edm".
        sigmas: "ddpm-linear" (uniform over the linear-beta schedule, the paper's) or "log-normal" (EDM).
        sigma_data: standard deviation of the data, for EDM.
        log_mean, log_std: of ln sigma, for "log-normal". Video with large holes wants more noise than EDM's pictures: what is
            known says much, so even at levels far above the data there is something to learn.
        sigma_min, sigma_max: ends of the sampling grid that goes with "log-normal".
        per_clip: normalise the loss by each clip's own number of unknown values; False as FDM.
    """

    predict: Literal["noise", "v", "edm"] = "noise"
    sigmas: Literal["ddpm-linear", "log-normal"] = "ddpm-linear"
    sigma_data: float = 0.5
    log_mean: float = -1.2
    log_std: float = 1.2
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    per_clip: bool = True

    def distribution(self) -> SigmaDistribution:
        """The distribution that training draws from."""
        if self.sigmas == "ddpm-linear":
            return DDPMLinearDistribution()
        return LogNormalDistribution(self.log_mean, self.log_std, self.sigma_data)

    def precondition(self) -> dict[str, Any]:
        """Class name and arguments, as `checkpoint.build_denoiser` wants them."""
        if self.predict == "edm":
            return {"class": "EDMPrediction", "args": {"sigma_data": self.sigma_data}}
        return {"class": {"noise": "NoisePrediction", "v": "VPrediction"}[self.predict], "args": {}}

    def grid(self) -> dict[str, Any]:
        """The sampling grid that covers the levels of training."""
        if self.sigmas == "ddpm-linear":
            return {"class": "DDPMLinearGrid", "args": {}}
        return {"class": "KarrasGrid", "args": {"sigma_min": self.sigma_min, "sigma_max": self.sigma_max}}


class InpaintingModule(pl.LightningModule):
    """Trains a denoiser of windows of frames with holes (METHOD: arXiv 2405.00251; FDM, arXiv 2205.11495).

    Args:
        network: the video U-Net.
        objective: parametrisation and noise levels.
        window: K, frames a window; remembered with the weights.
        size: height and width in pixels that the model is trained at; remembered with the weights.
        lr: learning rate of AdamW, without weight decay.
        warmup_steps: linear warm-up of the learning rate.
        decay_steps: cosine decay to 1 % of `lr` over this many steps after the warm-up; None keeps it constant. Where the trainer has a
            max_time, it ends with that at the latest: a rented machine is given back with the rate low.
        seed: of noise and levels; with the step number it determines every draw, so that resuming is exact.
        start_from: model whose weights training starts from, as `--model` of `inpaintdiff inpaint` names it: fine-tuning. The network and
            the parametrisation must be the same; noise levels, window and size may differ. Not a hyper-parameter: a checkpoint has
            weights of its own.
        sampling: how validation, test and prediction paint. Not a hyper-parameter: never read from a checkpoint.
    """

    def __init__(
        self,
        network: NetworkConfig = NetworkConfig(),
        objective: ObjectiveConfig = ObjectiveConfig(),
        window: int = 16,
        size: int = 64,
        lr: float = 1e-4,
        warmup_steps: int = 100,
        decay_steps: int | None = None,
        seed: int = 0,
        start_from: str | None = None,
        sampling: SamplingConfig = SamplingConfig(),  # noqa: B008 (frozen)
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "network": {"class": "VideoUNet", "args": network.arguments()},
            "precondition": objective.precondition(),
            "grid": objective.grid(),
            "window": window,
            "height": size,
            "width": size,
        }
        # plain values only: a checkpoint must reload with weights_only=True and without lightning
        self.save_hyperparameters(
            {
                "denoiser": self.config,  # what `checkpoint.load_denoiser` reads
                "network": asdict(network),
                "objective": asdict(objective),
                "window": window,
                "size": size,
                "lr": lr,
                "warmup_steps": warmup_steps,
                "decay_steps": decay_steps,
                "seed": seed,
            }
        )
        self.denoiser = build_denoiser(self.config)
        if start_from is not None:
            self._start_from(start_from)
        self.sigmas = objective.distribution()
        self.per_clip = objective.per_clip
        self.lr, self.warmup_steps, self.decay_steps = lr, warmup_steps, decay_steps
        self.seed = seed
        self.sampling = sampling

    @classmethod
    def load_from_checkpoint(
        cls, checkpoint_path: str | Path, map_location: str | torch.device = "cpu", **changes: Any
    ) -> "InpaintingModule":
        """The module of a checkpoint, with the averaged weights if there was an EMA.

        Args:
            checkpoint_path: as `fit` writes it; no pickled code in it is run.
            map_location: device of the weights.
            changes: arguments of the constructor that replace those of the checkpoint, as `sampling`, which it does not hold.

        Raises:
            CheckpointError: the file is no checkpoint of this module.
        """
        checkpoint = read_checkpoint(checkpoint_path)
        try:
            arguments = {k: v for k, v in checkpoint["hyper_parameters"].items() if k != "denoiser"}
            arguments["network"] = NetworkConfig(**arguments["network"])
            arguments["objective"] = ObjectiveConfig(**arguments["objective"])
            module = cls(**{**arguments, **changes})
            module.load_state_dict(checkpoint["state_dict"])
        except (KeyError, TypeError, AttributeError, RuntimeError) as e:
            first = next(iter(str(e).splitlines()), type(e).__name__)
            raise CheckpointError(f"{checkpoint_path} is no checkpoint of {cls.__name__}: {first}") from e
        return module.to(map_location)

    def _start_from(self, source: str) -> None:
        """Copy the weights of a model that was built alike."""
        denoiser, info = load_model(source)
        for key in ("network", "precondition"):
            if info.config[key] != json.loads(json.dumps(self.config[key])):
                raise CheckpointError(
                    f"start_from: {source} has the {key} {info.config[key]}, the configuration says {self.config[key]}; give it the same"
                )
        self.denoiser.load_state_dict(denoiser.state_dict())

    def _loss(self, batch: VideoClip, stream: str, batch_size: int) -> Tensor:
        """Loss of every clip, see `_generators`."""
        cond = self._conditioning(batch)
        generators = self._generators(stream, batch_size)
        return denoising_loss(self.denoiser, batch.frames, cond, self.sigmas, generators, self.per_clip)

    def _conditioning(self, batch: VideoClip) -> Conditioning:
        return condition(batch.frames, batch.hole, batch.index)

    def _generators(self, stream: str, batch_size: int) -> list[torch.Generator]:
        """One a clip: its draws depend on the seed, the stream and its place in the global batch, not on the rank."""
        generators = []
        for i in range(batch_size):
            place = f"{self.seed}/{stream}/{self.global_rank * batch_size + i}"
            digest = hashlib.blake2b(place.encode(), digest_size=8).digest()
            generators.append(torch.Generator(device=self.device).manual_seed(int.from_bytes(digest, "big") >> 1))
        return generators

    def training_step(self, batch: VideoClip, batch_idx: int) -> Tensor:
        n = len(batch.frames)
        # the batch's number tells the parts of an accumulated batch apart
        loss = self._loss(batch, f"train/{self.global_step}/{batch_idx}", n).mean()
        self.log("train/loss", loss, prog_bar=True, batch_size=n)
        return loss

    def validation_step(self, batch: VideoClip, batch_idx: int) -> None:
        self._evaluate("val", batch, batch_idx)

    def test_step(self, batch: VideoClip, batch_idx: int) -> None:
        self._evaluate("test", batch, batch_idx)

    def _evaluate(self, split: str, batch: VideoClip, batch_idx: int) -> None:
        """Log the loss; the same draws at every validation, so that its changes are the network's."""
        n = len(batch.frames)
        loss = self._loss(batch, f"{split}/{batch_idx}", n).mean()
        self.log(f"{split}/loss", loss, prog_bar=True, batch_size=n, sync_dist=True)

    def predict_step(self, batch: int, batch_idx: int) -> Painter:
        """Who paints video number `batch`: `PredictionWriter` has it done, stage by stage and from file to file."""
        source = str(self.trainer.ckpt_path or "untrained")
        info = ModelInfo(self.config, {"name": Path(source).name}, source)
        digest = file_digest(Path(source)) if self.trainer.ckpt_path else None
        return ModelPainter(source, self.denoiser, info, digest, self.sampling, self.device)

    def _time_used(self) -> float:
        """Share of the trainer's max_time that has passed; 0 where there is none."""
        timer = next((c for c in self.trainer.callbacks if isinstance(c, Timer)), None) if self._trainer else None
        if timer is None or timer.time_remaining() is None:
            return 0.0
        used, left = timer.time_elapsed(), float(timer.time_remaining() or 0.0)
        return min(1.0, used / max(used + left, 1e-9))

    def configure_optimizers(self) -> dict[str, Any]:
        # one pass over the weights instead of ten
        fused = self.device.type in ("cpu", "cuda")
        optimiser = torch.optim.AdamW(self.parameters(), lr=self.lr, weight_decay=0.0, fused=fused)
        # Lightning refuses to clip gradients that a fused optimiser unscales itself; now whoever scales them does
        optimiser._step_supports_amp_scaling = False

        def factor(step: int) -> float:
            warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
            if self.decay_steps is None:
                return warm
            done = min(1.0, max(max(0, step - self.warmup_steps) / self.decay_steps, self._time_used()))
            return warm * (0.01 + 0.99 * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * done)))))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
