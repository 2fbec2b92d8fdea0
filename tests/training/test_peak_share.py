"""`train/mfu`: operations are those that torch counts, and the share is one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.flop_counter import FlopCounterMode

from inpaintdiff.training.peak_share import PeakShare, matrix_peak, step_flops
from inpaintdiff.types import VideoClip
from tests.training.runs import NETWORK, data, module, trainer


@pytest.mark.parametrize("blinded", [0, 3])
def test_operations_are_those_that_torch_counts(blinded: int) -> None:
    """Forward and backward, with as many frames observed as there are; planted fault: holes that are not looked at."""
    m = module(network=replace(NETWORK, dropout=0.0, width=16))
    g = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in m.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=g))
    hole = torch.zeros(2, 6, 1, 32, 32, dtype=torch.bool)
    hole[0, 2:, :, 8:24, 8:24] = True
    hole[1, 5:, :, 8:24, 8:24] = True
    batch = VideoClip(torch.randn(2, 6, 3, 32, 32, generator=g), hole, torch.arange(6).repeat(2, 1))
    with FlopCounterMode(display=False) as counter:
        m._loss(batch, "s", 2).mean().backward()
    seen = batch if not blinded else replace(batch, hole=torch.ones_like(hole))
    counted = step_flops(m.config["network"]["args"], seen)
    assert (counted == pytest.approx(counter.get_total_flops(), rel=0.05)) is (blinded == 0)


def test_products_reach_the_peak_in_about_the_time_that_is_given() -> None:
    fast = matrix_peak(torch.device("cpu"), torch.float32, 0.1)
    assert 1e9 < fast < 1e13


def test_the_share_is_logged(traffic: Path, tmp_path: Path) -> None:
    class Shares(Callback):
        def __init__(self) -> None:
            self.seen: list[float | None] = []

        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            found = trainer.callback_metrics.get("train/mfu")
            self.seen.append(None if found is None else float(found))

    shares = Shares()
    trainer(tmp_path, 4, PeakShare(seconds=0.1), shares).fit(module(), data(traffic))
    assert any(s is not None for s in shares.seen)
    assert all(0 < s < 1 for s in shares.seen if s is not None)
