"""A network call of half observed windows: what is left out exactly, and what bf16 brings, as ratios to computing every frame.

Processor seconds of one thread, ways taken in turns, so that a busy machine slows all of them; `-s` shows the table.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from inpaintdiff.diffusion.denoiser import NetworkDenoiser
from inpaintdiff.diffusion.precondition import EDMPrediction
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.models.unet import PRESETS, VideoUNet
from tests.benchmarks.plain import in_turns, said_by

NETWORKS: dict[str, dict[str, Any]] = {
    "64 channels": {**PRESETS["fdm-64"], "width": 64},
    "built-in model's": PRESETS["small-64"],
}
ROUNDS = 5


def ways(args: dict[str, Any]) -> dict[str, Callable[[], Tensor]]:
    """A call at 64x64 for 8 frames with a hole and 8 observed ones."""
    g = torch.Generator().manual_seed(0)
    network = VideoUNet(**args)
    for p in network.parameters():
        p.data = 0.1 * torch.randn(p.shape, generator=g)
    denoiser = NetworkDenoiser(network, EDMPrediction()).eval()
    unknown = torch.zeros(1, 16, 1, 64, 64, dtype=torch.bool)
    unknown[:, :8, :, 16:48, 16:48] = True
    x, sigma = torch.randn(1, 16, 3, 64, 64, generator=g), torch.ones(1)
    cond = condition(x, unknown, torch.arange(16)[None])
    half = torch.autocast("cpu", dtype=torch.bfloat16)
    seen = denoiser.on(cond)
    with half:
        seen_half = denoiser.on(cond)

    def every_frame() -> Tensor:
        last, network.last_attention = network.last_attention, len(network.up) - 1
        try:
            return denoiser(x, sigma, cond)
        finally:
            network.last_attention = last

    def in_half() -> Tensor:
        with half:
            return seen_half(x, sigma)

    return {
        "every frame": every_frame,
        "observed frames not decoded": lambda: denoiser(x, sigma, cond),
        "nor encoded again": lambda: seen(x, sigma),
        "and in bf16": in_half,
    }


@torch.inference_mode()
def measure() -> dict[str, dict[str, list[float]]]:
    """Network -> way -> seconds, how many times as fast as every frame, largest difference from it."""
    torch.set_num_threads(1)
    found = {}
    for name, args in NETWORKS.items():
        calls = ways(args)
        truth = calls["every frame"]()
        apart = {way: float((call() - truth).abs().max()) for way, call in calls.items()}
        found[name] = {way: [*times, apart[way]] for way, times in in_turns(calls, ROUNDS).items()}
    return found


@pytest.mark.slow
def test_what_is_left_out_is_left_out_exactly_and_pays() -> None:
    for name, rows in said_by(__file__).items():
        for way, (seconds, ratio, apart) in rows.items():
            print(f"{name:<18} {way:<28} {seconds:6.3f} s   {ratio:.2f}x   apart {apart:.1e}")
        assert rows["nor encoded again"][2] < 1e-5
        assert rows["observed frames not decoded"][1] > 1.1
        assert rows["nor encoded again"][1] > 1.05 * rows["observed frames not decoded"][1]


if __name__ == "__main__":
    print(json.dumps(measure()))
