"""The training objective: METHOD section 9, items 1 and 9."""

import pytest
import torch

from inpaintdiff.diffusion.denoiser import Denoiser, NetworkDenoiser
from inpaintdiff.diffusion.loss import denoising_loss
from inpaintdiff.diffusion.precondition import NoisePrediction
from inpaintdiff.diffusion.sigma import DDPMLinearDistribution
from inpaintdiff.inpaint.condition import condition
from inpaintdiff.models.unet import VideoUNet


class Fixed(Denoiser):
    """Estimates the same whatever it sees."""

    def __init__(self, estimate):
        super().__init__()
        self.estimate = estimate

    def forward(self, x, sigma, cond):
        return self.estimate


@pytest.fixture
def batch():
    g = torch.Generator().manual_seed(0)
    clean = torch.rand(3, 4, 3, 8, 8, generator=g) * 2 - 1
    hole = torch.rand(3, 4, 1, 8, 8, generator=g) < 0.3
    hole[:, 0] = False  # Y
    hole[0, :, :, :, 4:] = False
    return clean, hole, torch.arange(4).repeat(3, 1)


def loss(estimate, clean, hole, index, **options):
    g = torch.Generator().manual_seed(1)
    return denoising_loss(Fixed(estimate), clean, condition(clean, hole, index), DDPMLinearDistribution(), g, **options)


def test_the_true_frames_on_unknown_pixels_and_garbage_elsewhere_cost_nothing(batch):
    clean, hole, index = batch
    for garbage in (1e6, float("nan"), float("inf")):
        assert (loss(clean.masked_fill(~hole, garbage), clean, hole, index) == 0).all()


def test_one_wrong_unknown_pixel_costs_and_one_wrong_known_pixel_does_not(batch):
    clean, hole, index = batch
    for wanted in (True, False):
        b, t, _, y, x = (hole if wanted else ~hole).nonzero()[50].tolist()
        estimate = clean.clone()
        estimate[b, t, 1, y, x] += 0.1
        assert [v > 0 for v in loss(estimate, clean, hole, index).tolist()] == [wanted and k == b for k in range(3)]


def test_normalisation(batch):
    """Per clip a hole's size does not count; as FDM divides, it does."""
    clean, hole, index = batch
    off = clean + 0.1
    sigma = DDPMLinearDistribution().sample(3, torch.Generator().manual_seed(1))
    torch.testing.assert_close(loss(off, clean, hole, index), 0.01 / sigma**2)
    share = hole.float().flatten(1).mean(dim=1)
    assert share[0] < 0.7 * share[1]
    torch.testing.assert_close(loss(off, clean, hole, index, per_clip=False), share * 0.01 / sigma**2)


def test_a_clip_without_unknown_pixels_costs_nothing(batch):
    clean, hole, index = batch
    assert (loss(clean + 1, clean, torch.zeros_like(hole), index) == 0).all()


def test_a_new_network_predicts_no_noise_and_has_the_loss_of_unit_noise():
    net = VideoUNet(width=8, multipliers=(1, 2), blocks=1, attention_levels=(1,), heads=2)
    denoiser = NetworkDenoiser(net, NoisePrediction())
    g = torch.Generator().manual_seed(0)
    clean = torch.rand(64, 2, 3, 8, 8, generator=g) * 2 - 1
    hole = torch.zeros(64, 2, 1, 8, 8, dtype=torch.bool)
    hole[..., 2:7] = True
    cond = condition(clean, hole, torch.arange(2).repeat(64, 1))
    x, sigma = torch.randn(clean.shape, generator=g), torch.full((64,), 3.0)
    with torch.no_grad():
        assert torch.equal(denoiser(x, sigma, cond), torch.where(hole, x, clean))
        value = denoising_loss(denoiser, clean, cond, DDPMLinearDistribution(), g)
    n = int(hole.sum()) * 3
    assert value.mean().item() == pytest.approx(1, abs=5 * (2 / n) ** 0.5 + 1e-3)
