"""How much of what the machine could compute does training achieve?"""

import time
from collections import Counter, deque
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from inpaintdiff.analysis.cost import Makeup
from inpaintdiff.analysis.unet_cost import unet_cost
from inpaintdiff.types import VideoClip

# A product of square matrices of this size keeps every core, or every part of a GPU, busy.
_SIZE = {"cpu": 1536, "cuda": 8192}


class PeakShare(Callback):
    """Logs `train/mfu`: floating-point operations a second of the last steps, as a share of what large matrix products reach here.

    Time between steps counts, waiting for data too; validation does not. The peak is measured for a second when training begins, in
    the dtype of training; on a machine that others use, both are what is left. A backward pass is taken for two forward ones.

    Args:
        steps: over how many steps.
        seconds: that measuring the peak takes.
    """

    def __init__(self, steps: int = 50, seconds: float = 1.0) -> None:
        self._spans: deque[tuple[int, float]] = deque(maxlen=steps)
        self._seconds = seconds
        self._peak = 0.0
        self._last: float | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure the peak."""
        precision = str(trainer.precision)
        dtype = torch.bfloat16 if "bf16" in precision else torch.float16 if "16" in precision else torch.float32
        self._peak = matrix_peak(pl_module.device, dtype, self._seconds)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """What was before is no step."""
        self._last = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As between epochs."""
        self._last = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Steps are timed from end to end, as a GPU computes on when a step's Python is done."""
        now = time.perf_counter()
        if self._last is not None:
            self._spans.append((step_flops(pl_module.config["network"]["args"], batch), now - self._last))
            flops, seconds = (sum(column) for column in zip(*self._spans, strict=True))
            pl_module.log("train/mfu", flops / seconds / self._peak, on_step=True, on_epoch=False)
        self._last = now


def step_flops(args: dict[str, Any], batch: VideoClip) -> int:
    """Floating-point operations of a training step of `VideoUNet`, forward and backward.

    Args:
        args: that the network is built with.
        batch: of the step.
    """
    frames, (height, width) = batch.frames.shape[1], batch.frames.shape[-2:]
    unknown = batch.hole.flatten(2).any(dim=2).sum(dim=1).tolist()
    total = 0
    for n, clips in Counter(unknown).items():
        cost = unet_cost(args, height, width, Makeup(frames, n))
        # in training observed frames go through the first part at every step
        total += clips * (cost.flops + (frames - n) * cost.observe_flops)
    return 3 * total


def matrix_peak(device: torch.device, dtype: torch.dtype, seconds: float = 1.0) -> float:
    """Floating-point operations a second of the fastest of several large matrix products.

    Args:
        device: cpu or cuda.
        dtype: of the matrices.
        seconds: that this takes, at least.
    """
    n = _SIZE.get(device.type, _SIZE["cpu"])
    a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    best, begun = float("inf"), time.perf_counter()
    while time.perf_counter() - begun < seconds or best == float("inf"):
        before = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - before)
    return 2 * n**3 / best
