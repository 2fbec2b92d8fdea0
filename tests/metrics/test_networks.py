"""Feature networks: shapes and contracts with random weights, parity with other implementations where the published ones are at hand."""

import math
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from inpaintdiff.errors import CheckpointError, SettingError
from inpaintdiff.metrics.features import fid_features, fvd_feature, vfid_feature, vfid_feature_train_mode
from inpaintdiff.metrics.i3d import I3D, _max_pool
from inpaintdiff.metrics.inception import FIDInception
from inpaintdiff.metrics.lpips import LPIPS, lpips
from inpaintdiff.metrics.sets import FeatureDistance

Sizes = tuple[int, int, int]
FILES = {
    LPIPS: "lpips_alex_features_and_lin_v0.1.pt",
    FIDInception: "fid_inception_v3_2015-12-05_features.pt",
    I3D: "i3d_rgb_kinetics400_from_tfhub.pt",
}


def weights(assets: Path, network: type[nn.Module]) -> Path:
    path = assets / "weights" / FILES[network]
    if not path.is_file():
        pytest.skip(f"needs {path.name}")
    return path


def waves() -> tuple[torch.Tensor, torch.Tensor]:
    """Two pictures that any implementation can be given."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(80.0), indexing="ij")
    p = torch.stack([torch.sin(y / 5), torch.cos(x / 7), torch.sin((x + y) / 9)])[None]
    return p, p * 0.7 + 0.1 * torch.cos(x / 3)


@pytest.fixture(scope="module")
def random_i3d() -> I3D:
    torch.manual_seed(0)
    return I3D().eval()


def test_lpips_of_random_weights_is_still_a_distance() -> None:
    torch.manual_seed(0)
    network = LPIPS().eval()
    for i in range(5):
        network.get_submodule(f"lin{i}.model.1").weight.data.abs_()
    p, q = waves()
    both = lpips(network, torch.cat([p, p]), torch.cat([q, p]), batch=1)
    assert both[0] > 0
    assert both[1] == 0
    torch.testing.assert_close(both, lpips(network, torch.cat([q, p]), torch.cat([p, p])))
    with pytest.raises(SettingError, match="at least 35 pixels"):
        lpips(network, p[..., :34], q[..., :34])


def test_i3d_maps_have_the_sizes_of_same_padding(random_i3d: I3D) -> None:
    x = torch.rand(1, 3, 10, 40, 50)
    with torch.no_grad():
        maps = random_i3d.endpoints(x)
        feature = random_i3d(x)
    for name, stride in (
        ("Conv3d_2c_3x3", (2, 4, 4)),
        ("Mixed_3c", (2, 8, 8)),
        ("Mixed_4f", (4, 16, 16)),
        ("Mixed_5c", (8, 32, 32)),
    ):
        assert maps[name].shape[2:] == tuple(math.ceil(n / s) for n, s in zip((10, 40, 50), stride, strict=True))
    assert feature.shape == (1, 1024)


@pytest.mark.parametrize(
    ("size", "stride"), [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2)), ((3, 3, 3), (1, 1, 1))]
)
@pytest.mark.parametrize("shape", [(1, 2, 5, 12, 13), (2, 1, 1, 3, 2), (1, 1, 4, 1, 8)])
def test_pooling_axis_by_axis_is_that_of_torch(size: Sizes, stride: Sizes, shape: tuple[int, ...]) -> None:
    """Bit for bit, all four kinds that I3D has. With the odd zero at the other end, 12 pixels are pooled otherwise."""
    x = torch.rand(shape)
    pads, other = [], []
    for n, k, s in zip(reversed(shape[2:]), reversed(size), reversed(stride), strict=True):
        missing = max(0, (math.ceil(n / s) - 1) * s + k - n)
        pads += [missing // 2, missing - missing // 2]
        other += [missing - missing // 2, missing // 2]
    expected = nn.functional.max_pool3d(nn.functional.pad(x, pads), size, stride)
    assert torch.equal(_max_pool(x, size, stride), expected)
    if shape[3] == 12 and size[1] == 3 and stride[1] == 2:
        assert not torch.equal(expected, nn.functional.max_pool3d(nn.functional.pad(x, other), size, stride))


def test_video_features(random_i3d: I3D) -> None:
    frames = torch.rand(10, 3, 32, 32) * 2 - 1
    before = {k: v.clone() for k, v in random_i3d.state_dict().items()}
    plain, trait = vfid_feature(random_i3d, frames), vfid_feature_train_mode(random_i3d, frames)
    assert plain.shape == trait.shape == (1024,)
    assert (plain - trait).abs().max() > 0.1
    # the trait leaves nothing behind
    assert all(torch.equal(v, before[k]) for k, v in random_i3d.state_dict().items())
    assert not any(m.training for m in random_i3d.modules())
    torch.testing.assert_close(vfid_feature(random_i3d, frames), plain)
    assert fvd_feature(random_i3d, frames[:9]).shape == (400,)
    with pytest.raises(SettingError, match="at least 9 frames, got 8"):
        fvd_feature(random_i3d, frames[:8])


def test_the_resize_of_pytorch_fid() -> None:
    """What reaches the first layer is the picture at 299 pixels, in [-1, 1], by torch's own bilinear resize."""
    network = FIDInception().eval()
    seen = []
    network.Conv2d_1a_3x3.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    frames = torch.rand(1, 3, 40, 50) * 2 - 1
    fid_features(network, frames, resize="pytorch")
    fid_features(network, frames)
    expected = torch.nn.functional.interpolate(frames, size=(299, 299), mode="bilinear", align_corners=False)
    torch.testing.assert_close(seen[0], expected, atol=1e-5, rtol=0)
    assert (seen[1] - expected).abs().max() > 0.1


def test_frames_are_taken_in_batches() -> None:
    torch.manual_seed(0)
    network = FIDInception().eval()
    frames = torch.rand(3, 3, 20, 24) * 2 - 1
    got = fid_features(network, frames, batch=2)
    assert got.shape == (3, 2048)
    torch.testing.assert_close(got[2:], fid_features(network, frames[2:]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("network", FILES)
def test_weights_are_loaded_strictly_or_not_at_all(network: type[LPIPS], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there are no weights at"):
        network.load(tmp_path / "missing.pt")
    (tmp_path / "text.pt").write_text("not weights")
    with pytest.raises(CheckpointError, match="has not the weights of"):
        network.load(tmp_path / "text.pt")
    made = network()
    state = made.state_dict()
    torch.save(state, tmp_path / "whole.pt")
    loaded = network.load(tmp_path / "whole.pt")
    assert all(torch.equal(v, state[k]) for k, v in loaded.state_dict().items())
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    lost = dict(state)
    name = next(k for k in lost if k.endswith("weight"))
    del lost[name]
    torch.save(lost, tmp_path / "lost.pt")
    with pytest.raises(CheckpointError, match="has not the weights of"):
        network.load(tmp_path / "lost.pt")
    torch.save({**state, "extra.weight": torch.zeros(1)}, tmp_path / "more.pt")
    with pytest.raises(CheckpointError, match="has not the weights of"):
        network.load(tmp_path / "more.pt")


@pytest.mark.assets
def test_lpips_is_that_of_the_lpips_package(assets: Path) -> None:
    """The number is lpips 0.1.4's."""
    p, q = waves()
    assert lpips(LPIPS.load(weights(assets, LPIPS)), p, q).item() == pytest.approx(0.01089587, abs=1e-6)


@pytest.mark.assets
def test_inception_is_that_of_torch_fidelity(assets: Path) -> None:
    """The numbers are torch-fidelity 0.4.0's, for 8-bit pixels."""
    pixels = ((waves()[0] + 1) * 127.5).round()
    got = fid_features(FIDInception.load(weights(assets, FIDInception)), pixels / 127.5 - 1)[0]
    assert got[:4].tolist() == pytest.approx([1.2625821, 0, 0.0210847, 0.1301465], abs=1e-5)
    assert got.mean().item() == pytest.approx(0.2551723, abs=1e-5)


@pytest.mark.assets
def test_i3d_knows_what_it_sees(assets: Path) -> None:
    """Of the 400 classes of Kinetics, number 103 is "driving car"."""
    from inpaintdiff.data.video import read_frames, to_unit

    network = I3D.load(weights(assets, I3D))
    frames = to_unit(read_frames(assets / "clips/driving/us_freeway_dashcam.mp4", range(16)))
    margin = (frames.shape[-1] - frames.shape[-2]) // 2
    assert fvd_feature(network, frames[..., margin:-margin]).softmax(dim=0)[103] > 0.9
    assert vfid_feature(network, frames[..., :64, :64]).shape == (1024,)


@pytest.mark.slow
@pytest.mark.assets
@pytest.mark.timeout(1500)
def test_fid_of_256_frames_is_torchmetrics(assets: Path) -> None:
    """The distance is its own; that features are torch-fidelity's, which it uses, is the test above."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    from inpaintdiff.data.video import read_frames, to_unit

    network = FIDInception.load(weights(assets, FIDInception))
    ours = FeatureDistance("fid", partial(fid_features, network), network.features)
    reference = nn.Identity()
    reference.num_features = network.features
    theirs = FrechetInceptionDistance(feature=reference)
    hole = torch.ones(256, 1, 72, 128, dtype=torch.bool)
    clip = assets / "clips/driving/us_freeway_dashcam.mp4"
    parts = (to_unit(read_frames(clip, range(k, k + 16))) for k in range(0, 256, 16))
    truth = torch.cat([torch.nn.functional.interpolate(p, size=(72, 128), mode="area") for p in parts])
    blurred = torch.nn.functional.avg_pool2d(truth, 3, stride=1, padding=1)
    ours.update(blurred, truth, hole, 0)
    for rows, real in ((ours._true, True), (ours._painted, False)):
        theirs.update(torch.cat(getattr(ours, rows))[:, 2:], real=real)
    found = ours.compute()["fid"].item()
    assert found > 1
    assert found == pytest.approx(theirs.compute().item(), abs=1e-3)
