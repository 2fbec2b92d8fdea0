"""The three parametrisations describe one denoiser: each network target, put through its coefficients, gives the clean frames back."""

import pytest
import torch

from inpaintdiff.diffusion.denoiser import NetworkDenoiser
from inpaintdiff.diffusion.precondition import EDMPrediction, NoisePrediction, VPrediction
from inpaintdiff.diffusion.sigma import DDPMLinearDistribution, LogNormalDistribution
from inpaintdiff.types import Conditioning

X0 = torch.randn(1000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) / 2
N = torch.randn(1000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("sigma", [0.01, 0.5, 3.0, 157.0])
@pytest.mark.parametrize("kind", ["noise", "v", "edm"])
def test_the_exact_network_output_gives_the_clean_frames(kind, sigma):
    s = torch.tensor(sigma, dtype=torch.float64)
    x, alpha = X0 + s * N, (1 + s**2).rsqrt()
    precondition, target = {
        "noise": (NoisePrediction(), N),
        "v": (VPrediction(), alpha * N - s * alpha * X0),
        # EDM's target by its definition: (x0 - c_skip x) / c_out with the table's coefficients
        "edm": (EDMPrediction(0.5), (X0 - 0.25 / (s**2 + 0.25) * x) / (s * 0.5 / (s**2 + 0.25).sqrt())),
    }[kind]
    k = precondition.coefficients(s)
    torch.testing.assert_close(k.c_skip * x + k.c_out * target, X0, rtol=1e-6, atol=1e-9 * max(1.0, sigma))


@pytest.mark.parametrize("sigma", [0.01, 0.5, 3.0, 157.0])
def test_edm_makes_input_and_target_of_unit_variance_and_its_weight_the_loss_uniform(sigma):
    s = torch.tensor(sigma, dtype=torch.float64)
    k = EDMPrediction(0.5).coefficients(s)
    x = X0 + s * N
    assert (k.c_in * x).std().item() == pytest.approx(1, rel=0.1)
    assert ((X0 - k.c_skip * x) / k.c_out).std().item() == pytest.approx(1, rel=0.1)
    assert (LogNormalDistribution().weight(s) * k.c_out**2).item() == pytest.approx(1)


def test_the_weight_of_the_linear_schedule_makes_the_loss_that_of_noise_prediction():
    s = torch.tensor([0.01, 1.0, 157.0], dtype=torch.float64)
    k = NoisePrediction().coefficients(s)
    torch.testing.assert_close(DDPMLinearDistribution().weight(s) * k.c_out**2, torch.ones_like(s))


def test_the_level_of_clean_frames_is_finite_and_below_all_that_are_sampled():
    levels = NoisePrediction().noise_condition(torch.tensor([0.0, 0.002, 1.0]))
    assert torch.isfinite(levels).all()
    assert levels[0] < levels[1] < levels[2] == 0


def test_a_sigma_data_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="sigma_data must be positive"):
        EDMPrediction(0.0)


class Spy(torch.nn.Module):
    """Stands where the network stands and keeps what it is given."""

    def forward(self, x, known_mask, c_noise, index):
        self.seen = x, known_mask, c_noise, index
        return torch.zeros_like(x)


def test_the_network_sees_known_pixels_clean_and_observed_frames_at_level_zero():
    x = torch.full((2, 3, 3, 4, 4), 7.0)
    known_mask = torch.zeros(2, 3, 1, 4, 4, dtype=torch.bool)
    known_mask[:, 0] = True  # observed
    known_mask[:, 1, :, :2] = True  # incomplete
    known = torch.where(known_mask, torch.tensor(0.25), torch.tensor(0.0)).expand(2, 3, 3, 4, 4).clone()
    cond = Conditioning(known, known_mask, torch.tensor([[5, 6, 9]] * 2))
    spy, sigma = Spy(), torch.tensor([0.5, 2.0])
    out = NetworkDenoiser(spy, NoisePrediction())(x, sigma, cond)
    seen, mask, level, index = spy.seen
    assert torch.equal(mask, known_mask)
    assert torch.equal(index, cond.index)
    for b in range(2):
        scaled = 7.0 / (1 + sigma[b] ** 2).sqrt()
        expected = torch.where(known_mask[b].expand(3, 3, 4, 4), torch.tensor(0.25), scaled)
        torch.testing.assert_close(seen[b], expected)
    at = NoisePrediction().noise_condition(torch.stack([torch.zeros(2), sigma, sigma], dim=1))
    torch.testing.assert_close(level, at)
    assert torch.equal(out, torch.where(known_mask, known, x))  # a network that predicts no noise returns x
