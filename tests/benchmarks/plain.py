"""What benchmarks compare with: the same network in float32, which computes every frame at every call and remembers nothing."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from inpaintdiff.diffusion.denoiser import Denoise, NetworkDenoiser
from inpaintdiff.diffusion.precondition import Precondition
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.models.unet import PRESETS, VideoUNet
from inpaintdiff.types import Conditioning

WIDE: dict[str, Any] = {**PRESETS["fdm-64"], "width": 64}
BUILT_IN: dict[str, Any] = {**PRESETS["small-64"], "attention_levels": (1, 2)}


class Plain(NetworkDenoiser):
    """Computes observed frames to the end, and again at every call."""

    def __init__(self, network: VideoUNet, precondition: Precondition) -> None:
        super().__init__(network, precondition)
        network.last_attention = len(network.up) - 1

    def on(self, cond: Conditioning, *_: object) -> Denoise:
        """D(.; .) of one window."""
        return lambda x, sigma: self(x, sigma, cond)


def network(args: dict[str, Any]) -> VideoUNet:
    """With the same weights each time, none of them zero."""
    g = torch.Generator().manual_seed(0)
    made = VideoUNet(**args)
    for p in made.parameters():
        p.data = torch.randn(p.shape, generator=g) / max(1, p[0].numel()) ** 0.5
    return made


def window(batch: int = 1, size: int = 64) -> tuple[torch.Tensor, Conditioning]:
    """16 frames: a quarter of each of the first 8 is unknown, the others are known."""
    g = torch.Generator().manual_seed(1)
    unknown = torch.zeros(batch, 16, 1, size, size, dtype=torch.bool)
    unknown[:, :8, :, size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = True
    frames = torch.randn(batch, 16, 3, size, size, generator=g)
    return frames, condition(frames, unknown, torch.arange(16).expand(batch, -1))


def in_turns(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """Way -> median processor seconds, and how many times as fast as the first way in the same round."""
    took: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            begun = time.process_time()
            run()
            took[way].append(time.process_time() - begun)
    first = next(iter(took.values()))
    return {
        way: (statistics.median(seconds), statistics.median(a / b for a, b in zip(first, seconds, strict=True)))
        for way, seconds in took.items()
    }


def said_by(file: str) -> Any:
    """The JSON that a benchmark file prints when it is run in a process of its own: here types are checked at every call."""
    path = Path(file)
    command = [sys.executable, "-m", f"tests.benchmarks.{path.stem}"]
    done = subprocess.run(command, cwd=path.parents[2], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)
