"""Counting a network, against what torch counts and keeps while the network runs."""

import inspect
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from inpaintdiff.analysis import unet_cost as counting
from inpaintdiff.analysis.cost import Makeup, Speed, makeups, resident
from inpaintdiff.analysis.cost_figures import answer_seconds, draw_costs
from inpaintdiff.analysis.unet_cost import unet_cost
from inpaintdiff.models import attention
from inpaintdiff.models.unet import PRESETS, VideoUNet
from inpaintdiff.schemes import Stage

SMALL: dict[str, dict[str, Any]] = {
    "tiny": PRESETS["tiny"],
    "small-64": PRESETS["small-64"],
    "deep": {"width": 16, "multipliers": (1, 2, 2), "blocks": 2, "attention_levels": (0, 2), "heads": 2},
    "bare": {"width": 16, "multipliers": (1, 2), "blocks": 1, "attention_levels": (), "heads": 2},
}


def network_and_call(
    args: dict[str, Any], height: int, width: int, makeup: Makeup
) -> tuple[VideoUNet, Callable, Callable]:
    net, t = VideoUNet(**args).eval(), makeup.frames
    known = torch.ones(1, t, 1, height, width, dtype=torch.bool)
    known[:, : makeup.unknown, :, :, 3:5] = False
    x = torch.randn(1, t, 3, height, width, generator=torch.Generator().manual_seed(0))

    def observe() -> list[list[torch.Tensor]]:
        return [net.observe(x[0, i : i + 1], torch.zeros(1, 1)) for i in range(makeup.unknown, t)]

    def call(observed: list[list[torch.Tensor]]) -> torch.Tensor:
        return net(x, known, torch.zeros(1, t), torch.arange(t)[None], observed)

    return net, observe, call


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("size", "makeup"), [((16, 16), Makeup(5, 2)), ((12, 20), Makeup(3, 3))])
def test_flops_and_parameters_are_those_that_torch_counts(
    monkeypatch: pytest.MonkeyPatch, name: str, makeup: Makeup, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(attention, "FUSED_ABOVE", 10**9)  # torch counts nothing for fused attention on a CPU
    net, observe, call = network_and_call(SMALL[name], *size, makeup)
    with torch.no_grad(), FlopCounterMode(display=False) as before:
        observed = observe()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        call(observed)
    counted = unet_cost(SMALL[name], *size, makeup)
    assert counted.flops == pytest.approx(counter.get_total_flops(), rel=0.01)
    assert counted.observe_flops * len(observed) == pytest.approx(before.get_total_flops(), rel=0.01)
    assert counted.parameters == sum(p.numel() for p in net.parameters())


def test_what_torch_counts_is_sharp() -> None:
    """Pruning of observed frames, a block and a level all change the count by more than the test above allows."""
    args = {"width": 16, "multipliers": (1, 2), "blocks": 1, "attention_levels": (1,), "heads": 2}
    counts = [
        unet_cost(args, 32, 32, Makeup(8, 8)).flops,
        unet_cost(args, 32, 32, Makeup(8, 4)).flops,
        unet_cost({**args, "blocks": 2}, 32, 32, Makeup(8, 8)).flops,
        unet_cost({**args, "multipliers": (1, 2, 2)}, 32, 32, Makeup(8, 8)).flops,
        unet_cost({**args, "patch": 2}, 32, 32, Makeup(8, 8)).flops,
    ]
    assert min(abs(a / b - 1) for i, a in enumerate(counts) for b in counts[:i]) > 0.05


class Live(TorchDispatchMode):
    """Adds up the memory of tensors that are alive."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self.seen: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self._see(tensor.untyped_storage())
        self.peak = max(self.peak, self.live)
        return out

    def _see(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self.seen:
            self.seen[key] = storage.nbytes()
            self.live += storage.nbytes()
            weakref.finalize(storage, self._drop, key)

    def _drop(self, key: int) -> None:
        self.live -= self.seen.pop(key)


@pytest.mark.parametrize("precision", [4, 2])
@pytest.mark.parametrize(
    ("name", "size", "makeup"),
    [
        ("small-64", 64, Makeup(16, 8)),
        ("small-64", 64, Makeup(16, 16)),
        ("small-64", 32, Makeup(32, 16)),
        ("deep", 32, Makeup(6, 3)),
        ("tiny", 64, Makeup(16, 12)),
    ],
)
def test_bytes_are_those_of_the_tensors_that_are_alive(name: str, size: int, makeup: Makeup, precision: int) -> None:
    _, observe, call = network_and_call(SMALL[name], size, size, makeup)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == 2), Live() as live:
        call(observe())
    assert unet_cost(SMALL[name], size, size, makeup, precision).bytes == pytest.approx(live.peak, rel=0.15)


def test_defaults_are_those_of_the_network() -> None:
    taken = {k: p.default for k, p in inspect.signature(VideoUNet).parameters.items()}
    assert {**taken, **counting._DEFAULTS} == taken
    assert counting._FUSED_ABOVE == attention.FUSED_ABOVE


def test_blocks_that_are_given_back_do_not_fragment() -> None:
    big = 64 * 2**20
    alone = resident([[big]]) - resident([[0]])
    split = resident([[big // 64] * 64]) - resident([[0]])
    assert alone == big
    assert split == 2 * big


def test_makeups_of_a_plan() -> None:
    stages = [Stage((0, 1), (2,), (5, 6)), Stage((2, 3), (), (0, 1, 5)), Stage((4,), (7, 8), (5, 6))]
    assert makeups(stages) == {Makeup(5, 3): 2, Makeup(5, 2): 1}


def test_seconds_are_a_line() -> None:
    speed = Speed(overhead=0.5, rate=100.0)
    assert speed.seconds(0) == 0.5
    assert speed.seconds(200) == 2.5


def test_an_answer_costs_what_its_calls_cost() -> None:
    args, speed = SMALL["tiny"], Speed(0.01, 1e9)
    once = 4 * speed.seconds(unet_cost(args, 32, 32, Makeup(6, 6)).flops)
    assert answer_seconds(args, speed, "ar", 6, 32, window=8, calls=4) == pytest.approx(once)
    long, longer = (answer_seconds(args, speed, "ar", n, 32, window=8, calls=4) for n in (100, 200))
    assert longer / long == pytest.approx(2, rel=0.03)


def test_figure(tmp_path: Path) -> None:
    draw_costs(SMALL["tiny"], Speed(0.01, 1e9), tmp_path / "cost.png", frames=64)
    with Image.open(tmp_path / "cost.png") as picture:
        assert picture.width > 1000
    assert [p.name for p in tmp_path.iterdir()] == ["cost.png"]
