"""What solvers are given: estimates in the type of their state and in the range of frames, from a network in its own arithmetic."""

import pytest
import torch
from torch import nn

from inpaintdiff.diffusion.denoiser import Denoiser, autocast_to, estimates
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.types import Conditioning

X = torch.linspace(-3, 3, 2 * 2 * 3 * 4 * 4, dtype=torch.float64).view(2, 2, 3, 4, 4)
CPU = torch.device("cpu")


class Layer(Denoiser):
    """1.5 x by way of a real layer, whose type of arithmetic can be seen; also when it is told of the window."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.layer.weight, 1.5)
        self.types: list[torch.dtype] = []

    def forward(self, x, sigma, cond):
        out = self.layer(x.float().unsqueeze(-1)).squeeze(-1)
        self.types.append(out.dtype)
        return out

    def on(self, cond, recall=lambda b, t, make: make()):
        recall(0, 0, lambda: [self.layer(torch.ones(1))])
        return super().on(cond, recall)


def window() -> Conditioning:
    return condition(
        torch.zeros(2, 2, 3, 4, 4), torch.ones(2, 2, 1, 4, 4, dtype=torch.bool), torch.arange(2).repeat(2, 1)
    )


@pytest.mark.parametrize(("limit", "expected"), [(1.0, 1.0), (2.5, 2.5), (None, 4.5)])
def test_estimates_have_the_type_of_the_state_and_lie_within_the_limit(limit, expected):
    found = estimates(Layer(), window(), limit)(X, torch.ones(2))
    assert found.dtype == X.dtype
    torch.testing.assert_close(found, (1.5 * X.float()).double().clamp(-expected, expected), rtol=0, atol=0)


def test_the_range_of_frames_is_the_default():
    assert estimates(Layer(), window())(X, torch.ones(2)).abs().max() == 1


def test_precision_surrounds_the_network_at_every_use_and_nothing_else():
    net, made = Layer(), []
    seen = []
    denoise = estimates(
        net, window(), precision=autocast_to(torch.bfloat16, CPU), recall=lambda b, t, make: made.extend(make())
    )
    for x in (X, X.float()):
        seen.append(denoise(x, torch.ones(2)).dtype)
        assert not torch.is_autocast_enabled("cpu")
    assert [m.dtype for m in made] == net.types[:1] == [torch.bfloat16]
    assert net.types == [torch.bfloat16] * 2
    assert seen == [torch.float64, torch.float32]


def test_an_outer_autocast_holds_unless_the_network_has_its_own_arithmetic():
    """The teacher of a distillation computes as its student does; what is painted for a score computes as it was asked to."""
    net = Layer()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        estimates(net, window())(X, torch.ones(2))
        estimates(net, window(), precision=autocast_to(None, CPU))(X, torch.ones(2))
    assert net.types == [torch.bfloat16, torch.float32]
