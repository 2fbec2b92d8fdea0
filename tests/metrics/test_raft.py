"""RAFT-small: shapes with random weights, and known motions with the published ones."""

from pathlib import Path

import pytest
import torch

from inpaintdiff.errors import CheckpointError, SettingError
from inpaintdiff.metrics.raft import RAFTSmall
from inpaintdiff.metrics.warp import VideoFlow, warp_error


def test_any_size_and_only_its_own_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = RAFTSmall().eval()
    frames = torch.rand(2, 3, 66, 71) * 2 - 1
    with torch.no_grad():
        assert network(frames[:1], frames[1:], iterations=1).shape == (1, 2, 66, 71)
    with pytest.raises(SettingError, match="at least 64 pixels"):
        VideoFlow.raft(network, frames[..., :60])
    state = {f"module.{k}": v for k, v in network.state_dict().items()}
    torch.save(state, tmp_path / "raft.pth")
    loaded = RAFTSmall.load(tmp_path / "raft.pth")
    assert all(torch.equal(v, network.state_dict()[k]) for k, v in loaded.state_dict().items())
    del state["module.fnet.conv1.bias"]
    torch.save(state, tmp_path / "raft.pth")
    with pytest.raises(CheckpointError, match="has not the weights of RAFTSmall"):
        RAFTSmall.load(tmp_path / "raft.pth")


@pytest.mark.assets
def test_known_motion(assets: Path) -> None:
    """Two cut-outs of one picture, 5 pixels to the right and 3 down of each other."""
    from inpaintdiff.data.video import read_frames, to_unit

    path = assets / "weights" / "raft-small.pth"
    if not path.is_file():
        pytest.skip(f"needs {path.name}")
    picture = to_unit(read_frames(assets / "davis/JPEGImages/480p/dog", [0]))[0]
    video = torch.stack([picture[:, 103 - 3 * k : 231 - 3 * k, 305 - 5 * k : 465 - 5 * k] for k in range(2)])
    flow = VideoFlow.raft(RAFTSmall.load(path), video)
    assert flow.name == "raft-small"
    inner = flow.forward[0, :, 16:-16, 16:-16]
    assert (inner[0] - 5).abs().mean() < 0.3
    assert (inner[1] - 3).abs().mean() < 0.3
    assert (flow.backward[0, 0, 16:-16, 16:-16] + 5).abs().mean() < 0.3
    assert (
        warp_error(video, flow).item()
        < 0.1 * warp_error(video, VideoFlow(flow.forward * 0, flow.backward * 0, "still")).item()
    )
