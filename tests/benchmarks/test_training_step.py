"""A training step: what is left out exactly, and bfloat16, against plain float32 that computes every frame; and do losses fall alike?

Processor seconds of one thread, ways taken in turns, so that a busy machine slows all of them; `-s` shows the table.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from inpaintdiff.diffusion.denoiser import NetworkDenoiser
from inpaintdiff.diffusion.loss import denoising_loss
from inpaintdiff.diffusion.precondition import EDMPrediction
from inpaintdiff.diffusion.sigma import LogNormalDistribution
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.models.unet import PRESETS, VideoUNet
from tests.benchmarks.plain import BUILT_IN, WIDE, Plain, in_turns, network, said_by, window

NETWORKS: dict[str, tuple[dict[str, Any], int]] = {"64 channels": (WIDE, 1), "built-in model's": (BUILT_IN, 4)}
LEVELS = LogNormalDistribution(0.5, 1.6, 0.5)
ROUNDS = 5


def descend(denoiser: NetworkDenoiser, optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(denoiser.parameters(), 1.0)
    optimiser.step()


def step(args: dict[str, Any], batch: int, plain: bool, half: bool, fused: bool) -> Callable[[], list[torch.Tensor]]:
    """A step as `InpaintingModule` and Lightning make it; gives the loss and the gradients."""
    net = network(args)
    denoiser = (Plain if plain else NetworkDenoiser)(net, EDMPrediction()).train()
    frames, cond = window(batch)
    optimiser = torch.optim.AdamW(denoiser.parameters(), lr=1e-4, weight_decay=0.0, fused=fused)

    def run() -> list[torch.Tensor]:
        generators = [torch.Generator().manual_seed(i) for i in range(batch)]
        # Lightning's autocast keeps no copies of weights either
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half, cache_enabled=False):
            loss = denoising_loss(denoiser, frames, cond, LEVELS, generators).mean()
        descend(denoiser, optimiser, loss)
        return [loss.detach(), *(p.grad for p in denoiser.parameters() if p.grad is not None)]

    return run


def ways(args: dict[str, Any], batch: int) -> dict[str, Callable[[], list[torch.Tensor]]]:
    return {
        "every frame": step(args, batch, plain=True, half=False, fused=False),
        "observed frames not decoded": step(args, batch, plain=False, half=False, fused=True),
        "and in bf16": step(args, batch, plain=False, half=True, fused=True),
    }


def apart(found: list[torch.Tensor], truth: list[torch.Tensor]) -> float:
    """Difference of all gradients, as a share of their length."""
    a, b = (torch.cat([x.flatten() for x in tensors[1:]]) for tensors in (found, truth))
    return float((a - b).norm() / b.norm())


def measure() -> dict[str, dict[str, list[float]]]:
    """Network -> way -> seconds, how many times as fast as every frame, difference of the first gradients."""
    torch.set_num_threads(1)
    found = {}
    for name, (args, batch) in NETWORKS.items():
        steps = ways(args, batch)
        first = {way: [x.clone() for x in run()] for way, run in steps.items()}
        found[name] = {
            way: [*times, apart(first[way], first["every frame"])] for way, times in in_turns(steps, ROUNDS).items()
        }
    return found


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_step_costs_less_and_its_gradients_are_the_same() -> None:
    for name, rows in said_by(__file__).items():
        for way, (seconds, ratio, difference) in rows.items():
            print(f"{name:<18} {way:<28} {seconds:6.3f} s   {ratio:.2f}x   apart {difference:.1e}")
        assert rows["observed frames not decoded"][2] < 1e-5, "what is left out changes no gradient"
        assert 1e-5 < rows["and in bf16"][2] < 0.1
        assert rows["observed frames not decoded"][1] > 1.03
        assert rows["and in bf16"][1] > 1.2 * rows["observed frames not decoded"][1]


def curve(half: bool, seed: int, steps: int = 100) -> list[float]:
    """Losses of a small network that learns 8 clips."""
    torch.manual_seed(0)
    denoiser = NetworkDenoiser(VideoUNet(**PRESETS["tiny"]), EDMPrediction()).train()
    optimiser = torch.optim.AdamW(denoiser.parameters(), lr=3e-3, weight_decay=0.0, fused=True)
    g = torch.Generator().manual_seed(seed)
    _, holes = window(2, 32)
    clips = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(7))
    clips = torch.nn.functional.interpolate(clips, 32).unsqueeze(1).expand(-1, 16, -1, -1, -1)  # n t c h w
    losses = []
    for _ in range(steps):
        frames = clips[torch.randint(8, (2,), generator=g)]
        given = condition(frames, ~holes.known_mask, holes.index)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half, cache_enabled=False):
            loss = denoising_loss(denoiser, frames, given, LEVELS, g).mean()
        descend(denoiser, optimiser, loss)
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_losses_fall_alike_in_bf16() -> None:
    """With the same draws the two precisions differ by less than other draws of the same precision do."""
    full, half, other = (torch.tensor(c) for c in (curve(False, 0), curve(True, 0), curve(False, 1)))
    late = slice(-40, None)
    print([round(float(c[late].mean()), 4) for c in (full, half, other)])
    assert full[late].mean() < 0.7 * full[:10].mean(), "it learns"
    noise = (other - full)[late].abs().mean()
    assert (half - full)[late].abs().mean() < 0.6 * noise
    assert float(half[late].mean()) == pytest.approx(float(full[late].mean()), rel=0.03)


if __name__ == "__main__":
    print(json.dumps(measure()))
