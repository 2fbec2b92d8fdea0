"""Metrics as torchmetrics objects: what they add up to, what repeated videos do to them, and that two processes are one."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchmetrics import MetricCollection

from inpaintdiff.metrics.frame import PSNR_CAP, REGIONS, psnr, seam_region, ssim
from inpaintdiff.metrics.frechet import frechet_distance, kernel_distance
from inpaintdiff.metrics.i3d import I3D
from inpaintdiff.metrics.per_video import VideoPSNR, VideoPVCS, VideoSSIM, VideoWarpError
from inpaintdiff.metrics.pvcs import WindowMaps, pvcs
from inpaintdiff.metrics.remembered import Remembered
from inpaintdiff.metrics.sets import FeatureDistance
from inpaintdiff.metrics.warp import VideoFlow
from tests.metrics.videos import colours, painted, pixel_metrics

ROOT = Path(__file__).parents[2]


def test_a_mean_over_videos_by_hand():
    metric, pooled = VideoPSNR(["hole"]), VideoPSNR(["hole"], pooled=True)
    truth, hole = torch.zeros(4, 3, 6, 6), torch.zeros(4, 1, 6, 6, dtype=torch.bool)
    hole[:, :, 2:4, 2:4] = True
    for video, (error, frames) in enumerate([(0.2, 1), (0.02, 3)]):  # on a scale of 1: 0.1 is 20 dB, 0.01 is 40 dB
        given = truth[:frames] + error * hole[:frames]
        metric.update(given, truth[:frames], hole[:frames], video)
        pooled.update(given, truth[:frames], hole[:frames], video)
    assert metric.compute()["psnr_hole"].item() == pytest.approx(30, abs=1e-4)
    assert pooled.compute()["psnr_hole"].item() == pytest.approx(35, abs=1e-4)
    assert metric.of_videos() == {
        0: {"psnr_hole": pytest.approx(20, abs=1e-4)},
        1: {"psnr_hole": pytest.approx(40, abs=1e-4)},
    }
    metric.reset()
    assert metric.of_videos() == {}


def test_identical_videos_have_the_best_of_every_score():
    metric, features = pixel_metrics(), FeatureDistance("colour", colours, 3)
    flow = VideoWarpError()
    for video in range(3):
        _, truth, hole = painted(video)
        still = truth[:1].expand(4, -1, -1, -1).contiguous()
        metric.update(truth, truth, hole, video)
        features.update(truth, truth, hole, video)
        flow.update(still, still, hole, video)
    found = metric.compute()
    assert found["psnr_hole"] == found["psnr_outside"] == PSNR_CAP
    assert found["ssim_hole"] == found["ssim_full"] == 1
    assert flow.compute()["ewarp_dis"].item() == pytest.approx(0, abs=1e-12)
    assert features.compute()["colour"].item() == pytest.approx(0, abs=1e-9)
    # without a cap an exact frame is infinitely good, as in the field's code
    uncapped = VideoPSNR(["picture"], cap=None)
    uncapped.update(truth, truth, hole, 0)
    assert uncapped.compute()["psnr_picture"] == math.inf


def test_repeated_videos_do_not_count():
    once, twice = pixel_metrics(), pixel_metrics()
    sets = [FeatureDistance("colour", colours, 3) for _ in range(2)]
    for order, metric, features in ((range(3), once, sets[0]), ([0, 0, 2, 1, 0], twice, sets[1])):
        for video in order:
            metric.update(*painted(video), video)
            features.update(*painted(video), video)
    for name, value in once.compute().items():
        torch.testing.assert_close(twice.compute()[name], value)
    assert sets[0].size() == sets[1].size() == 12
    for name, value in sets[0].compute().items():
        torch.testing.assert_close(sets[1].compute()[name], value)
    # the planted fault: the number is all that tells a repetition
    twice.update(*painted(0), 7)
    assert not torch.isclose(twice.compute()["psnr_hole"], once.compute()["psnr_hole"])


def test_a_collection_does_not_take_two_metrics_for_one():
    """Torchmetrics updates one for both if their states agree after the first video."""
    both = MetricCollection({"hole": VideoPSNR(["hole"]), "full": VideoPSNR(["full"])})
    for video in range(3):
        prediction, truth, hole = painted(video)
        both.update(truth if video == 0 else prediction, truth, hole, video)
    assert both.compute()["psnr_hole"] < both.compute()["psnr_full"]


def test_several_answers_are_averaged_and_the_first_goes_into_sets():
    (a, truth, hole), (b, _, _) = painted(0), painted(1)
    b = torch.where(hole, b, truth)
    metric, features = VideoPSNR(["hole"]), FeatureDistance("colour", colours, 3)
    metric.update(torch.stack([a, b]), truth, hole, 0)
    features.update(torch.stack([a, b]), truth, hole, 0)
    each = [psnr(x, truth, REGIONS["hole"](hole)).mean() for x in (a, b)]
    assert metric.compute()["psnr_hole"].item() == pytest.approx(sum(each).item() / 2)
    assert features.compute()["colour"].item() == pytest.approx(frechet_distance(colours(a), colours(truth)))
    assert features.compute()["colour_mmd"].item() == pytest.approx(
        kernel_distance(colours(a), colours(truth)), abs=1e-6
    )


def test_only_frames_with_a_hole_go_into_sets_where_the_protocol_says_so():
    prediction, truth, hole = painted(0)
    hole[1] = False
    every, some = (FeatureDistance("colour", colours, 3, frames) for frames in ("all", "hole"))
    for metric in (every, some):
        metric.update(prediction, truth, hole, 0)
    assert (every.size(), some.size()) == (4, 3)
    alone = FeatureDistance("whole", lambda x: colours(x).mean(dim=0), 3)
    alone.update(prediction, truth, hole, 0)
    assert alone.compute()["whole"].isnan()  # a distance of sets of one


def test_the_truth_is_looked_at_once():
    calls = []

    def counted(frames: torch.Tensor) -> VideoFlow:
        calls.append(len(frames))
        return VideoFlow.dis(frames)

    flow = Remembered(counted, "dis")
    ours, theirs = VideoWarpError(flow), VideoWarpError(flow).clone()
    for video in range(2):
        prediction, truth, hole = painted(video)
        ours.update(prediction, truth, hole, video)
        theirs.update(truth, truth, hole, video)
    assert calls == [4, 4]
    assert ours.compute()["ewarp_hole_dis"] > theirs.compute()["ewarp_hole_dis"]


def test_ssim_and_psnr_regions_are_those_of_the_functions():
    prediction, truth, hole = painted(2)
    metric = VideoSSIM(["hole", "seam"])
    metric.update(prediction, truth, hole, 0)
    assert metric.compute()["ssim_seam"].item() == pytest.approx(
        ssim(prediction, truth, seam_region(hole)).mean().item()
    )


def test_pvcs_windows():
    torch.manual_seed(0)
    network = I3D().eval()
    prediction, truth, _ = painted(0, frames=13)
    each = pvcs(network, prediction, truth)
    assert len(each) == 4
    assert (each > 0).all()
    torch.testing.assert_close(
        pvcs(network, prediction, truth, stride=10), each[[0, 3]]
    )  # the last one ends with the video
    assert pvcs(network, truth, truth).abs().max() == 0
    # a short video goes on with its last frame
    longer = [torch.cat([x[:4], x[3:4].expand(6, -1, -1, -1)]) for x in (prediction, truth)]
    torch.testing.assert_close(pvcs(network, prediction[:4], truth[:4]), pvcs(network, *longer))


@pytest.mark.parametrize(("most_bytes", "calls"), [(10**9, 6), (800_000, 7), (0, 8)])
def test_pvcs_of_several_painters_looks_at_windows_of_the_truth_once_while_they_fit(most_bytes: int, calls: int):
    torch.manual_seed(0)
    network = I3D().eval()
    seen: list[int] = []
    network.Conv3d_1a_7x7.register_forward_hook(lambda *_: seen.append(1))
    prediction, truth, _ = painted(0, frames=13)
    maps = WindowMaps(network, most_bytes)
    one, other = (pvcs(network, p, truth, 10, maps) for p in (prediction, prediction.flip(0)))
    assert (
        len(seen) == calls
    )  # of two windows: two painted ones twice, and true ones once or as often as they are asked for
    assert torch.equal(one, pvcs(network, prediction, truth, 10))
    assert torch.equal(other, pvcs(network, prediction.flip(0), truth, 10))
    # maps of another truth would be noticed
    assert not torch.equal(one, pvcs(network, prediction, truth.flip(0), 10))


def test_pvcs_metrics_share_a_truth_and_forget_it_with_the_next():
    torch.manual_seed(0)
    network = I3D().eval()
    shared = WindowMaps.shared(network)
    together = [VideoPVCS(network, 10, shared) for _ in range(2)]
    alone = [VideoPVCS(network, 10) for _ in range(2)]
    for video in range(2):
        prediction, truth, hole = painted(video)
        for metrics in (together, alone):
            metrics[0].update(prediction, truth, hole, video)
            metrics[1].update(truth.flip(0), truth, hole, video)
    assert [m.of_videos() for m in together] == [m.of_videos() for m in alone]
    assert together[0].of_videos()[0] != together[0].of_videos()[1]


def run(rank: int, world: int, videos: int, folder: Path) -> subprocess.Popen[bytes]:
    arguments = [str(rank), str(world), str(videos), str(folder / f"store-{world}"), str(folder / f"{world}.json")]
    return subprocess.Popen([sys.executable, "-m", "tests.metrics.one_of_two", *arguments], cwd=ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("videos", [5, 1])
def test_two_processes_are_one(videos: int, tmp_path: Path) -> None:
    """With a number of videos that two does not divide, so that one is given to both."""
    for world in (1, 2):
        for process in [run(rank, world, videos, tmp_path) for rank in range(world)]:
            assert process.wait(timeout=280) == 0
    one, two = (json.loads((tmp_path / f"{world}.json").read_text()) for world in (1, 2))
    assert len(two["seen"]) == (videos + 1) // 2
    assert one["found"] == pytest.approx(two["found"], rel=1e-6, abs=1e-6, nan_ok=True)
