"""Warping error: known translations, known occlusions, known errors."""

import math

import pytest
import torch

from inpaintdiff.metrics.warp import VideoFlow, warp_error, warped


def texture(h: int, w: int, seed: int = 0) -> torch.Tensor:
    coarse = torch.rand(1, 3, h // 4, w // 4, generator=torch.Generator().manual_seed(seed)) * 1.6 - 0.8
    return torch.nn.functional.interpolate(coarse, size=(h, w), mode="bicubic")[0].clamp(-1, 1)


def panning(dx: int, t: int = 4, h: int = 24, w: int = 32) -> torch.Tensor:
    picture = texture(h, w + dx * t)
    return torch.stack([picture[:, :, dx * i : dx * i + w] for i in range(t)])


def constant(x: float, y: float, t: int = 4, h: int = 24, w: int = 32) -> VideoFlow:
    forward = torch.tensor([float(x), float(y)]).view(1, 2, 1, 1).expand(t - 1, 2, h, w).clone()
    return VideoFlow(forward, -forward, "known")


def test_a_known_translation_has_no_error():
    video = panning(2)
    flow = constant(-2, 0)
    followed = flow.followed
    # what moves out on the left cannot be followed
    assert not followed[..., :2].any()
    assert followed[..., 2:].all()
    assert warp_error(video, flow).max() < 1e-12
    # the wrong flow, and a frozen video, have
    assert warp_error(video, constant(2, 0)).min() > 1e-3
    assert warp_error(video[:1].expand(4, -1, -1, -1), flow).min() > 1e-3


def test_the_error_by_hand():
    video = panning(2)
    worse = video.clone()
    worse[2] += 0.2  # 0.1 on a scale of 1, against both neighbours
    assert warp_error(worse, constant(-2, 0)).tolist() == pytest.approx([0, 0.01, 0.01], abs=1e-8)


def test_only_ways_that_start_or_end_in_the_hole():
    video, flow = panning(2), constant(-2, 0)
    hole = torch.zeros(4, 1, 24, 32, dtype=torch.bool)
    hole[:, :, 5:10, 10:14] = True
    broken = video.clone()
    broken[1, :, 5:10, 10:14] += 0.2
    # in frame 0: hole columns 10-13, and 12-15 lead into it; of these six columns, 12-15 end on the error
    got = warp_error(broken, flow, hole)
    assert got[0].item() == pytest.approx(0.01 * 4 / 6, abs=1e-8)
    assert warp_error(broken, flow)[0].item() == pytest.approx(0.01 * 4 * 5 / (24 * 30), abs=1e-8)
    nothing = torch.zeros_like(hole)
    assert warp_error(broken, flow, nothing).isnan().all()


def test_occlusion_by_a_moving_square():
    """The background stands still, a square moves 4 to the right over it: what it covers next is not followed."""
    forward, backward = torch.zeros(1, 2, 24, 32), torch.zeros(1, 2, 24, 32)
    forward[:, 0, 8:16, 8:16] = 4  # the square in frame 0
    backward[:, 0, 8:16, 12:20] = -4  # and in frame 1
    followed = VideoFlow(forward, backward, "known").followed[0, 0]
    assert not followed[8:16, 16:20].any()  # covered in frame 1
    assert followed[9:15, 9:14].all()  # the square itself
    assert followed[:6].all()  # far from it
    assert not followed[8:15, 15].any()  # the edge of motion


def test_warped_is_bilinear():
    ramp = torch.arange(8.0).expand(1, 1, 6, 8).clone()
    got, inside = warped(ramp, torch.tensor([1.5, 0.0]).view(1, 2, 1, 1).expand(1, 2, 6, 8))
    torch.testing.assert_close(got[0, 0, 0, :6], torch.arange(6.0) + 1.5)
    assert inside[0, 0, 0].tolist() == [True] * 6 + [False] * 2


def test_dis_finds_a_translation():
    flow = VideoFlow.dis(panning(2, t=3, h=48, w=64))
    assert flow.name == "dis"
    inner = flow.forward[:, :, 8:-8, 8:-8]
    assert (inner[:, 0] + 2).abs().median() < 0.1
    assert inner[:, 1].abs().median() < 0.1
    assert (flow.backward[:, 0, 8:-8, 8:-8] - 2).abs().median() < 0.1
    assert len(VideoFlow.dis(panning(2, t=1)).forward) == 0
    assert math.isfinite(warp_error(panning(2, t=3, h=48, w=64), flow).max().item())
