"""PSNR and SSIM against hand-computed errors, scikit-image, and what any such score must obey."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from inpaintdiff.metrics.frame import (
    PSNR_CAP,
    REGIONS,
    frame_scores,
    psnr,
    sample_scores,
    seam_region,
    ssim,
    video_mean,
)
from inpaintdiff.metrics.ssim import Window, ssim_map


def draw(seed: int, t: int = 2, h: int = 20, w: int = 24, c: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth-ish truth, a prediction near it, both float32 in [-1, 1]."""
    g = torch.Generator().manual_seed(seed)
    coarse = torch.rand(t, c, h // 4 + 2, w // 4 + 2, generator=g) * 2 - 1
    truth = torch.nn.functional.interpolate(coarse, size=(h, w), mode="bilinear")
    return (truth + 0.2 * torch.randn(t, c, h, w, generator=g)).clamp(-1, 1), truth


def box(t: int = 2, h: int = 20, w: int = 24) -> torch.Tensor:
    hole = torch.zeros(t, 1, h, w, dtype=torch.bool)
    hole[:, :, 6:13, 8:17] = True
    return hole


def skimage_map(p: torch.Tensor, q: torch.Tensor) -> tuple[float, np.ndarray]:
    return structural_similarity(
        ((p.double() + 1) / 2).numpy(),
        ((q.double() + 1) / 2).numpy(),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
        channel_axis=0,
        full=True,
    )


def test_psnr_by_hand():
    truth = torch.zeros(2, 3, 4, 4)
    prediction = truth.clone()
    prediction[0, :, 0, 0] = torch.tensor([0.2, 0.4, -0.6])  # on a scale of 1: errors 0.1, 0.2, 0.3
    region = torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    region[0, 0, 0, :2] = True
    got = psnr(prediction, truth, region)
    assert got[0].item() == pytest.approx(-10 * math.log10((0.01 + 0.04 + 0.09) / 6))
    assert got[1].isnan()
    assert psnr(truth, truth, region)[0] == math.inf


def test_psnr_of_the_whole_picture_is_scikit_images():
    prediction, truth = draw(0)
    got = psnr(prediction, truth, torch.ones(2, 1, 20, 24, dtype=torch.bool))
    for i in range(2):
        reference = peak_signal_noise_ratio(truth[i].double().numpy(), prediction[i].double().numpy(), data_range=2)
        assert got[i].item() == pytest.approx(reference, abs=1e-10)


@pytest.mark.parametrize("size", [(20, 24), (11, 11), (13, 40)])
def test_ssim_is_scikit_images(size):
    prediction, truth = draw(1, 2, *size)
    everywhere = torch.ones(2, 1, *size, dtype=torch.bool)
    maps, means = ssim_map(prediction, truth), ssim(prediction, truth, everywhere)
    for i in range(2):
        mean, full = skimage_map(prediction[i], truth[i])
        np.testing.assert_allclose(maps[i].numpy(), full, atol=1e-10)
        assert means[i].item() == pytest.approx(mean, abs=1e-10)


@pytest.mark.parametrize(
    ("window", "options"),
    [
        (Window(65, None, sample_covariance=True), {"win_size": 65, "data_range": 1}),  # E2FGVI, ProPainter
        (Window(7, None, 2.0, sample_covariance=True), {"data_range": 2}),  # DEVIL
        (Window(7, None), {"use_sample_covariance": False, "data_range": 1}),
        (Window(17, 2.4), {"gaussian_weights": True, "sigma": 2.4, "use_sample_covariance": False, "data_range": 1}),
    ],
)
@pytest.mark.parametrize("everywhere", [True, False])
def test_every_variant_of_ssim_is_scikit_images(window, options, everywhere):
    """Where only a part differs, only that part is computed, and nothing changes."""
    prediction, truth = draw(5, 1, 70, 90)
    if not everywhere:
        part = torch.zeros(1, 1, 70, 90, dtype=torch.bool)
        part[..., 2:9, 60:80] = True
        prediction = torch.where(part, prediction, truth)
    a, b = (((v[0].double() + 1) / 2).numpy() for v in (prediction, truth))
    mean, full = structural_similarity(a, b, channel_axis=0, full=True, **options)
    np.testing.assert_allclose(ssim_map(prediction, truth, window)[0].numpy(), full, atol=1e-10)
    whole = torch.ones(1, 1, 70, 90, dtype=torch.bool)
    assert ssim(prediction, truth, whole, window).item() == pytest.approx(mean, abs=1e-10)


def test_ssim_over_a_region_is_the_mean_of_the_map_there():
    prediction, truth = draw(2)
    got = ssim(prediction, truth, box())
    for i in range(2):
        _, full = skimage_map(prediction[i], truth[i])
        assert got[i].item() == pytest.approx(full[:, 6:13, 8:17].mean(), abs=1e-10)


def test_a_region_within_the_border_counts_though_its_windows_reach_outside():
    prediction, truth = draw(3)
    corner = torch.zeros(2, 1, 20, 24, dtype=torch.bool)
    corner[0, 0, :3, :3] = True
    got = ssim(prediction, truth, corner)
    assert got[0].item() == pytest.approx(skimage_map(prediction[0], truth[0])[1][:, :3, :3].mean(), abs=1e-10)
    assert got[1].isnan()
    # smaller than the window
    tiny = torch.rand(1, 3, 3, 4)
    assert ssim(tiny, tiny, torch.ones(1, 1, 3, 4, dtype=torch.bool)).item() == 1


@given(st.integers(0, 10_000), st.floats(0.05, 0.9))
@settings(max_examples=20)
def test_what_any_such_score_obeys(seed, share):
    prediction, truth = draw(seed, 3, 12, 12)
    region = torch.rand(3, 1, 12, 12, generator=torch.Generator().manual_seed(seed)) < share
    has = region.flatten(1).any(dim=1)
    assert torch.equal(ssim(truth, truth, region)[has], torch.ones(int(has.sum()), dtype=torch.float64))
    assert (psnr(truth, truth, region)[has] == math.inf).all()
    for score in (psnr, ssim):
        value = score(prediction, truth, region)
        assert torch.equal(value.isnan(), ~has)
        torch.testing.assert_close(value, score(truth, prediction, region), equal_nan=True)
        torch.testing.assert_close(value, score(prediction.flip(-1), truth.flip(-1), region.flip(-1)), equal_nan=True)
        torch.testing.assert_close(value, score(prediction[:, [2, 0, 1]], truth[:, [2, 0, 1]], region), equal_nan=True)
    assert (ssim(prediction, truth, region)[has] <= 1).all()
    # twice the error is 6.02 dB; nothing outside the region counts
    loss = psnr(prediction, truth, region) - psnr(truth + 2 * (prediction - truth), truth, region)
    torch.testing.assert_close(loss[has], torch.full_like(loss[has], 20 * math.log10(2)), rtol=1e-4, atol=1e-4)
    garbage = torch.where(region, prediction, torch.nan)
    torch.testing.assert_close(psnr(garbage, truth, region), psnr(prediction, truth, region), equal_nan=True)


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_full_is_the_weighted_mean_of_hole_and_outside(seed):
    prediction, truth = draw(seed)
    hole = box()
    mse = {k: 10 ** (-psnr(prediction, truth, REGIONS[k](hole)) / 10) for k in ("full", "hole", "outside")}
    share = hole.double().mean()
    torch.testing.assert_close(mse["full"], share * mse["hole"] + (1 - share) * mse["outside"])


def test_regions():
    hole = torch.cat([box(1), torch.zeros(1, 1, 20, 24, dtype=torch.bool)])
    assert REGIONS["full"](hole)[0].all()
    for name, region in REGIONS.items():  # a frame without a hole is not measured at all, unless the protocol wants it
        assert region(hole)[1].any() == (name == "picture")
    assert torch.equal(REGIONS["hole"](hole), hole)
    assert torch.equal(REGIONS["outside"](hole)[0], ~hole[0])
    seam = seam_region(hole, width=2)[0, 0]
    expected = torch.zeros(20, 24, dtype=torch.bool)
    expected[4:15, 6:19] = True
    expected[8:11, 10:15] = False
    assert torch.equal(seam, expected)


def test_means_over_frames():
    scores = torch.tensor([20.0, math.inf, math.nan, 30.0], dtype=torch.float64)
    assert video_mean(scores, PSNR_CAP).item() == pytest.approx((20 + PSNR_CAP + 30) / 3)
    assert video_mean(scores) == math.inf
    assert video_mean(torch.tensor([math.nan])).isnan()


def test_scores_of_a_video_and_of_several_answers():
    (prediction, truth), hole = draw(4), box()
    composited = torch.where(hole, prediction, truth)
    got = frame_scores(composited, truth, hole)
    assert set(got) == {"psnr_hole", "ssim_hole", "psnr_full", "ssim_full"}
    assert got["psnr_hole"].item() == pytest.approx(psnr(prediction, truth, hole).mean().item())
    # outside the hole nothing is wrong: the full picture is better by the hole's share
    gain = -10 * math.log10(hole.double().mean().item())
    assert got["psnr_full"].item() == pytest.approx(got["psnr_hole"].item() + gain)
    both = sample_scores(torch.stack([composited, truth]), truth, hole)
    assert both["psnr_hole"].item() == pytest.approx((got["psnr_hole"].item() + PSNR_CAP) / 2)
    assert both["ssim_full"].item() == pytest.approx((got["ssim_full"].item() + 1) / 2)
