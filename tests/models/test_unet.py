"""The network as METHOD section 9 wants it: items 6, 7, 8 and 9."""

import pytest
import torch
from torch import nn

from inpaintdiff.diffusion.denoiser import NetworkDenoiser
from inpaintdiff.diffusion.loss import denoising_loss
from inpaintdiff.diffusion.precondition import NoisePrediction
from inpaintdiff.diffusion.sigma import DDPMLinearDistribution
from inpaintdiff.models.attention import TemporalAttention, distance_features, fused
from inpaintdiff.models.unet import PRESETS, VideoUNet
from inpaintdiff.types import Conditioning


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every parameter a random value, so that nothing is hidden by a zero initialisation."""
    generator = torch.Generator().manual_seed(seed)
    for p in module.parameters():
        p.data = torch.randn(p.shape, generator=generator) / max(1, p[0].numel()) ** 0.5
    return module.eval()


def window(b: int = 1, t: int = 5, size: int = 16, seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(b, t, 3, size, size, generator=generator)
    known = torch.rand(b, t, 1, size, size, generator=generator) < 0.6
    known[:, 0] = True
    c_noise = torch.full((b, t), -0.3)
    c_noise[:, 0] = -1.7
    index = torch.tensor([0, 1, 3, 7, 8])[:t].repeat(b, 1)
    return x, known, c_noise, index


@pytest.fixture(scope="module")
def net() -> VideoUNet:
    return randomise(VideoUNet(width=16, multipliers=(1, 2), blocks=1, attention_levels=(1,), heads=2, patch=2))


def test_only_differences_of_frame_numbers_count(net):
    x, known, c_noise, index = window()
    with torch.no_grad():
        base = net(x, known, c_noise, index)
        assert torch.equal(net(x, known, c_noise, index + 100_000), base)
        assert (net(x, known, c_noise, 4 * index) - base).abs().max() > 1e-3
        assert (net(x, known, c_noise, -index) - base).abs().max() > 1e-3


def test_permuting_frames_permutes_the_output(net):
    x, known, c_noise, index = window()
    order = torch.tensor([3, 0, 4, 2, 1])
    with torch.no_grad():
        base = net(x, known, c_noise, index)
        moved = net(x[:, order], known[:, order], c_noise[:, order], index[:, order])
    torch.testing.assert_close(moved, base[:, order], atol=1e-5, rtol=1e-5)


def test_a_clip_in_a_batch_equals_the_clip_alone(net):
    a, b = window(seed=1), window(seed=2)
    with torch.no_grad():
        both = net(*(torch.cat([u, v]) for u, v in zip(a, b, strict=True)))
        torch.testing.assert_close(both[1:], net(*b), atol=1e-5, rtol=1e-5)


def test_frames_are_mixed_by_time_attention_and_by_nothing_else(net):
    x, known, c_noise, index = window()
    changed = x.clone()
    changed[:, 4] += 1.0
    with torch.no_grad():
        base, other = net(x, known, c_noise, index), net(changed, known, c_noise, index)
        assert (other[:, :4] - base[:, :4]).abs().max() > 1e-4
        closed = randomise(VideoUNet(width=16, multipliers=(1, 2), blocks=1, attention_levels=(1,), heads=2, patch=2))
        for m in closed.modules():
            if isinstance(m, TemporalAttention):
                nn.init.zeros_(m.project.weight)
                nn.init.zeros_(m.project.bias)
        base, other = closed(x, known, c_noise, index), closed(changed, known, c_noise, index)
    assert torch.equal(other[:, :4], base[:, :4])


def test_temporal_attention_equals_a_plain_triple_loop():
    attention = randomise(TemporalAttention(channels=8, heads=2, embedding=6), seed=3).double()
    generator = torch.Generator().manual_seed(4)
    b, t, h, w, d = 2, 4, 2, 3, 4
    x = torch.randn(b, t, 8, h, w, generator=generator, dtype=torch.float64)
    emb = torch.randn(b, t, 6, generator=generator, dtype=torch.float64)
    distances = distance_features(torch.tensor([[0, 2, 3, 9], [5, 1, 0, 2]])).double()
    with torch.no_grad():
        got = attention(x, emb, distances)
        rq, rk, rv = (r(distances, emb) for r in (attention.relative_q, attention.relative_k, attention.relative_v))
        want = x.clone()
        normed = attention.norm(x.flatten(0, 1)).unflatten(0, (b, t))
        for n in range(b):
            for row in range(h):
                for col in range(w):
                    q, k, v = attention.qkv(normed[n, :, :, row, col]).view(t, 3, 2, d).unbind(1)  # t heads d
                    out = torch.zeros(t, 2, d, dtype=torch.float64)
                    for g in range(2):
                        for i in range(t):
                            logits = torch.stack(
                                [
                                    (q[i, g] @ k[j, g] + q[i, g] @ rk[n, g, i, j] + k[j, g] @ rq[n, g, i, j])
                                    for j in range(t)
                                ]
                            )
                            a = (logits / d**0.5).softmax(0)
                            out[i, g] = sum(a[j] * (v[j, g] + rv[n, g, i, j]) for j in range(t))
                    want[n, :, :, row, col] += attention.project(out.reshape(t, 8))
    torch.testing.assert_close(got, want, atol=1e-10, rtol=1e-8)


def test_zero_initialised_head_predicts_no_noise_and_costs_one():
    denoiser = NetworkDenoiser(
        VideoUNet(width=16, multipliers=(1,), blocks=1, attention_levels=(), heads=2), NoisePrediction()
    )
    x, known, _, index = window(b=2, t=3, size=16)
    clean = torch.zeros_like(x)
    cond = Conditioning(clean, known, index)
    out = denoiser(x, torch.tensor([1.0, 5.0]), cond)
    assert torch.equal(torch.where(known, 0.0, out), torch.where(known, 0.0, x)), "F = 0 means D = x - sigma 0 = x"
    draws = torch.stack(
        [
            denoising_loss(denoiser, clean, cond, DDPMLinearDistribution(), torch.Generator().manual_seed(s)).detach()
            for s in range(40)
        ]
    )
    assert abs(draws.mean().item() - 1) < 0.02


@pytest.mark.parametrize("size", [(16, 16), (18, 26), (7, 5)])
def test_any_size_comes_back_as_it_was(net, size):
    x = torch.randn(1, 2, 3, *size)
    known = torch.zeros(1, 2, 1, *size, dtype=torch.bool)
    with torch.no_grad():
        assert net(x, known, torch.zeros(1, 2), torch.tensor([[0, 1]])).shape == x.shape


def test_observed_frames_carry_level_zero_whatever_the_level_of_the_rest():
    seen = {}

    class Spy(nn.Module):
        def forward(self, x, known_mask, c_noise, index):
            seen["c_noise"] = c_noise
            return torch.zeros_like(x)

    x, known, _, index = window(b=1, t=5)
    denoiser = NetworkDenoiser(Spy(), NoisePrediction())
    out = denoiser(x, torch.tensor([3.0]), Conditioning(torch.where(known, x, 0), known, index))
    levels = seen["c_noise"][0]
    assert levels[0] == denoiser.precondition.noise_condition(torch.tensor(0.0))
    torch.testing.assert_close(levels[1:], torch.full((4,), 3.0).log() / 4)
    assert torch.equal(torch.where(known, out, 0.0), torch.where(known, x, 0.0))


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets_build(preset):
    with torch.device("meta"):
        net = VideoUNet(**PRESETS[preset])
    assert sum(p.numel() for p in net.parameters()) > 1000


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"heads": 3}, "heads"), ({"attention_levels": (4,)}, "attention_levels"), ({"width": 0}, "width")],
)
def test_arguments_that_do_not_fit_are_named(wrong, word):
    with pytest.raises(ValueError, match=word):
        VideoUNet(**{"width": 16, "multipliers": (1, 2), "attention_levels": (1,), **wrong})


def test_leaving_out_observed_frames_behind_the_last_attention_is_exact(net):
    """Computing every frame to the end and then looking at the wanted ones gives the same bits."""
    x, known, c_noise, index = window(b=2)
    known[1, 3] = True
    with torch.no_grad():
        short = net(x, known, c_noise, index)
        last, net.last_attention = net.last_attention, len(net.up) - 1
        try:
            full = net(x, known, c_noise, index)
        finally:
            net.last_attention = last
    observed = known.flatten(2).all(dim=2)
    assert int(observed.sum()) == 3
    torch.testing.assert_close(short, full, atol=1e-6, rtol=1e-6)
    assert not short[observed].any()
    assert short[~observed].flatten(1).any(dim=1).all()


@pytest.mark.parametrize("levels", [(), (0,), (1,), (0, 2), (2,)])
def test_observed_frames_may_be_given_instead_of_computed(levels):
    """At odd sizes, in a batch whose elements observe other frames; another frame's maps are noticed."""
    other = randomise(VideoUNet(width=16, multipliers=(1, 2, 2), blocks=2, attention_levels=levels, heads=2, patch=2))
    x, known, c_noise, index = window(b=2, size=18)
    known[1, 3] = True
    c_noise = torch.where(known.flatten(2).all(dim=2), -3.0, c_noise)
    with torch.no_grad():
        at = known.flatten(2).all(dim=2).nonzero().tolist()
        seen = [other.observe(x[b, t : t + 1], c_noise[b : b + 1, t : t + 1]) for b, t in at]
        plain = other(x, known, c_noise, index)
        torch.testing.assert_close(other(x, known, c_noise, index, seen), plain, atol=1e-5, rtol=0)
        swapped = other(x, known, c_noise, index, [*seen[1:], seen[0]])
    assert (swapped - plain).abs().max() > 1e-3


def test_nothing_unknown_costs_no_decoder_and_gives_zeros(net):
    """Also with a patch, and where nothing is left to enter: a random hole may miss all of a window's frames."""
    patched = randomise(VideoUNet(width=16, multipliers=(1, 2), blocks=1, attention_levels=(1,), heads=2, patch=2))
    x, known, c_noise, index = window()
    known = torch.ones_like(known)
    with torch.no_grad():
        for other in (net, patched):
            seen = [other.observe(x[:, t], c_noise[:, t : t + 1]) for t in range(x.shape[1])]
            for given in (None, seen):
                found = other(x, known, c_noise, index, given)
                assert found.shape == x.shape
                assert not found.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fused_attention_on_the_cpu_keeps_a_type_and_loses_nothing_in_bfloat16(dtype):
    """Against plain products in float64: of what bfloat16 brings in, only its first and last rounding remain."""
    g = torch.Generator().manual_seed(0)
    given = [torch.randn(2, 2, 80, 8, generator=g).to(dtype) for _ in range(3)]

    def gradients(attend, *tensors):
        tensors = [x.detach().requires_grad_() for x in tensors]
        out = attend(*tensors)
        out.square().sum().backward()
        return [out.detach(), *(x.grad for x in tensors)]

    def plain(q, k, v):
        return (q * 8**-0.5 @ k.transpose(-1, -2)).softmax(-1) @ v

    def error(attend):
        found = gradients(attend, *given)
        assert all(x.dtype == dtype for x in found)
        want = gradients(plain, *(x.double() for x in given))
        return [float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, want, strict=True)]

    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        ours, theirs = error(fused), error(plain)
    limit = 2e-6 if dtype == torch.float32 else 2**-7
    assert max(ours) < limit
    if dtype == torch.bfloat16:
        assert max(theirs) > 2 * max(ours), "products in bfloat16 round more often: the test would see them"


@pytest.mark.parametrize("levels", [(), (0,), (0, 1)])
def test_every_placement_of_attention_runs_forward_and_backward(levels):
    other = randomise(VideoUNet(width=16, multipliers=(1, 2), blocks=1, attention_levels=levels, heads=2, patch=2))
    x, known, c_noise, index = window()
    other(x, known, c_noise, index).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in other.parameters())
