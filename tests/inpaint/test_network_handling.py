"""How `Inpainter` handles the network: its mode, its precision, the clamp on its estimates."""

import pytest
import torch
from torch import nn

from inpaintdiff.diffusion.denoiser import Denoiser
from tests.inpaint.small import Counting, clip, inpainter, random_network


def test_clipping_of_the_estimate_can_be_switched_off_and_moved():
    for limit, expected in ((1.0, 1.0), (2.5, 2.5), (None, 3.0)):
        out = inpainter(Counting(3.0), clip_x0=limit)(clip())
        painted = out.frames[0][clip().hole.expand(8, 3, 8, 8)]
        torch.testing.assert_close(painted, torch.full_like(painted, expected))


class Modes(Denoiser):
    """Notes the mode of its parts; one part is kept in evaluation for good, as frozen backbones are."""

    def __init__(self) -> None:
        super().__init__()
        self.live, self.frozen = nn.Dropout(), nn.Dropout()
        self.frozen.eval()
        self.seen: list[bool] = []

    def forward(self, x, sigma, cond):
        self.seen += [self.training, self.live.training, torch.is_grad_enabled()]
        return self.live(cond.known)


def test_the_network_is_in_evaluation_while_painting_and_as_before_in_between():
    denoiser = Modes()
    stages = 0
    for _ in inpainter(denoiser).iter(clip()):
        stages += 1
        assert [denoiser.training, denoiser.live.training, denoiser.frozen.training] == [True, True, False]
        assert torch.is_grad_enabled()
    assert stages == 3
    assert not any(denoiser.seen)


def test_modes_are_restored_when_the_network_fails():
    class Failing(Modes):
        def forward(self, x, sigma, cond):
            raise RuntimeError("out of memory")

    denoiser = Failing()
    with pytest.raises(RuntimeError, match="out of memory"):
        inpainter(denoiser)(clip())
    assert denoiser.live.training


def test_autocast_reaches_the_network_and_not_the_solver():
    network = random_network()
    plain = inpainter(network)(clip()).frames
    half = inpainter(network, autocast=torch.bfloat16)(clip()).frames
    assert half.dtype == torch.float32
    assert 0 < (half - plain).abs().mean() < 0.1
    seen = []
    network.network.conv_out.register_forward_hook(lambda m, i, o: seen.append(o.dtype))
    inpainter(network, autocast=torch.bfloat16)(clip())
    assert set(seen) == {torch.bfloat16}
