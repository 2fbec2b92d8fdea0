"""Features of true videos in files: found again, and never taken from a file that is damaged or about something else."""

import logging
import shutil
from pathlib import Path

import pytest
import torch

from inpaintdiff.evaluation import Networks, baseline_method, evaluate
from inpaintdiff.evaluation.kept_features import KeptFeatures
from inpaintdiff.metrics.i3d import I3D
from inpaintdiff.types import VideoClip

FACTS = {"weights": "abc", "protocol": {"name": "v1"}}


class Means:
    """Features that are known, and how often they were asked for."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, video: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return video.mean(dim=(2, 3))


def video(seed: int) -> torch.Tensor:
    return torch.rand(4, 3, 6, 7, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_a_video_is_computed_once_for_all_processes(tmp_path: Path) -> None:
    means = Means()
    first = KeptFeatures(tmp_path / "kept", "fid", FACTS)(video(0), means)
    again = KeptFeatures(tmp_path / "kept", "fid", FACTS)(video(0).clone(), means)
    assert torch.equal(first, again)
    assert torch.equal(first, video(0).mean(dim=(2, 3)))
    assert means.calls == 1


@pytest.mark.parametrize("other", ["pixel", "shape", "kind", "weights", "protocol"])
def test_anything_else_is_computed_anew(other: str, tmp_path: Path) -> None:
    means, given = Means(), video(0)
    KeptFeatures(tmp_path, "fid", FACTS)(given, means)
    kind, facts = "fid", dict(FACTS)
    if other == "pixel":
        given = given.clone()
        given[3, 2, 5, 6] += 1e-6
    elif other == "shape":  # the same bytes
        given = given.reshape(4, 3, 7, 6)
    elif other == "kind":
        kind = "fvd"
    else:
        facts[other] = {"name": "v2"} if other == "protocol" else "abd"
    found = KeptFeatures(tmp_path, kind, facts)(given, means)
    assert means.calls == 2
    assert torch.equal(found, given.mean(dim=(2, 3)))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "one bit", "of another video"])
def test_a_damaged_file_is_made_anew(damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    means, kept = Means(), KeptFeatures(tmp_path, "fid", FACTS)
    kept(video(0), means)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    if damage == "one bit":
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif damage == "of another video":
        kept(video(1), means)
        shutil.copy(next(p for p in tmp_path.iterdir() if p != path), path)
        means.calls = 1
    else:
        path.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"")
    with caplog.at_level(logging.WARNING):
        assert torch.equal(kept(video(0), means), video(0).mean(dim=(2, 3)))
    assert means.calls == 2
    assert "made anew" in caplog.text
    assert torch.equal(kept(video(0), means), video(0).mean(dim=(2, 3)))
    assert means.calls == 2


def test_methods_that_are_evaluated_one_after_the_other_share_the_truth(tmp_path: Path) -> None:
    torch.manual_seed(0)
    i3d = I3D().eval()
    seen: list[int] = []
    i3d.register_forward_hook(lambda *_: seen.append(1))
    networks = Networks(i3d=i3d, files={"i3d": {"file": "i3d.pt", "sha256": "0" * 64}})
    hole = torch.zeros(4, 1, 6, 7, dtype=torch.bool)
    hole[:, :, 2:4, 2:5] = True
    clips = [(f"clip{i}", VideoClip(video(i), hole, torch.arange(4))) for i in range(2)]

    def distances(name: str, kept: Path | None) -> list[float]:
        found = evaluate([baseline_method(name)], clips, networks=networks, families=["vfid_eval"], kept=kept)
        return [x.value for x in found.sets[name].values()]

    alone = [distances(name, None) for name in ("blur", "nearest")]
    assert len(seen) == 8
    seen.clear()
    together = [distances(name, tmp_path) for name in ("blur", "nearest")]
    assert len(seen) == 6  # truths of two clips, and two painted ones twice
    assert together == alone
    assert alone[0] != alone[1]
