"""What work costs, against the plain way to the same result: one command prints a table of ratios.

python -m pytest -o addopts= -m slow --benchmark-only tests/benchmarks/test_ratios.py    (without checks of types, which take time)

Median processor seconds of one thread. The dear ones are measured by themselves as well, in turns: `test_network_call.py`,
`test_training_step.py`, `test_whole_video.py`.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from inpaintdiff.data.video import read_frames, write_video
from inpaintdiff.diffusion.denoiser import Denoiser, NetworkDenoiser
from inpaintdiff.diffusion.precondition import EDMPrediction
from inpaintdiff.diffusion.sigma import KarrasGrid
from inpaintdiff.diffusion.solvers import DDIM, DPMpp2M
from inpaintdiff.inpaint import Inpainter
from inpaintdiff.metrics.frame import ssim
from inpaintdiff.schemes import make_scheme
from inpaintdiff.types import VideoClip
from tests.benchmarks.conftest import ratios
from tests.benchmarks.plain import BUILT_IN, Plain, network, window
from tests.benchmarks.test_training_step import ways as training_ways

Call = Callable[[], Any]
Ways = dict[str, Call]


def denoisers() -> tuple[Denoiser, Denoiser]:
    return (
        Plain(network(BUILT_IN), EDMPrediction()).eval(),
        NetworkDenoiser(network(BUILT_IN), EDMPrediction()).eval(),
    )


def call(_: Path) -> Ways:
    plain, ours = denoisers()
    x, cond = window()
    sigma = torch.ones(1)
    half = torch.autocast("cpu", dtype=torch.bfloat16)
    with torch.inference_mode():
        seen = ours.on(cond)
        with half:
            seen_half = ours.on(cond)

    def run(denoise: Callable[..., Tensor], *cond: Any) -> Tensor:
        with torch.inference_mode():
            return denoise(x, sigma, *cond)

    def run_half() -> Tensor:
        with half:
            return run(seen_half)

    return {"plain": partial(run, plain, cond), "exact": partial(run, seen), "bf16": run_half}


def training_step(_: Path) -> Ways:
    return dict(zip(("plain", "exact", "bf16"), training_ways(BUILT_IN, 2).values(), strict=True))


def paint(frames: int, plain_calls: int, calls: int) -> Ways:
    plain, ours = denoisers()
    x, cond = window()
    hole = ~cond.known_mask[0]
    clip = VideoClip(x[0].repeat(frames // 16, 1, 1, 1), hole.repeat(frames // 16, 1, 1, 1), torch.arange(frames))
    scheme = make_scheme("lookahead-ar++")

    def run(denoiser: Denoiser, solver: Any, steps: int, autocast: torch.dtype | None) -> Tensor:
        inpainter = Inpainter(denoiser, scheme, solver, KarrasGrid(), steps, autocast=autocast)
        with torch.inference_mode():
            return inpainter(clip).frames

    return {
        "plain": partial(run, plain, DDIM(), plain_calls, None),
        "exact": partial(run, ours, DDIM(), plain_calls, None),
        "bf16": partial(run, ours, DPMpp2M(), calls, torch.bfloat16),
    }


def stage(_: Path) -> Ways:
    """A window of 16 frames, 8 of them observed; as many calls each."""
    return paint(16, 10, 10)


def whole_video(_: Path) -> Ways:
    """48 frames, half of them with a hole; a tenth of the calls at the end."""
    return paint(48, 20, 2)


def decode(folder: Path) -> Ways:
    noise = np.random.default_rng(0).integers(0, 256, (200, 16, 16, 3), dtype=np.uint8)
    video = write_video(folder / "v.mp4", noise.repeat(4, axis=1).repeat(4, axis=2), 10, gop=4)
    wanted = list(range(100, 116))
    return {
        "plain": lambda: read_frames(video, range(200))[wanted],
        "exact": lambda: read_frames(video, wanted),
    }


def metrics(height: int, width: int, _: Path) -> Ways:
    """SSIM of 8 frames that differ in the hole, a sixteenth of the picture, against scikit-image."""
    g = torch.Generator().manual_seed(0)
    truth = torch.rand(8, 3, height, width, generator=g) * 2 - 1
    hole = torch.zeros(8, 1, height, width, dtype=torch.bool)
    hole[:, :, height // 2 : 3 * height // 4, width // 2 : 3 * width // 4] = True
    painted = torch.where(hole, -truth, truth)
    everything = torch.ones_like(hole)

    def theirs() -> Tensor:
        pairs = zip(painted, truth, strict=True)
        return torch.tensor(
            [
                structural_similarity(
                    *((x.double().numpy() + 1) / 2 for x in pair),
                    channel_axis=0, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                )
                for pair in pairs
            ]
        )  # fmt: skip

    return {"plain": theirs, "exact": lambda: ssim(painted, truth, everything)}


GROUPS: dict[str, tuple[Callable[[Path], Ways], int]] = {
    "network call": (call, 5),
    "training step": (training_step, 3),
    "stage": (stage, 2),
    "whole video": (whole_video, 1),
    "decode": (decode, 10),
    "SSIM, 64x64": (partial(metrics, 64, 64), 5),
    "SSIM, 432x240": (partial(metrics, 240, 432), 5),
}
CASES = [
    (g, w)
    for g in GROUPS
    for w in ("plain", "exact", "bf16")
    if w != "bf16" or g not in ("decode", "SSIM, 64x64", "SSIM, 432x240")
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ways]]:
    """Ways of a group, made when the first of them is measured, on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)

    class Made(dict[str, Ways]):
        def __missing__(self, group: str) -> Ways:
            self[group] = GROUPS[group][0](tmp_path_factory.mktemp("ratios"))
            return self[group]

    yield Made()
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("group", "way"), CASES)
@pytest.mark.benchmark(timer=time.process_time)
def test_ratio(benchmark: Any, made: dict[str, Ways], group: str, way: str) -> None:
    benchmark.group = group
    benchmark.extra_info["way"] = way
    found = benchmark.pedantic(
        made[group][way], rounds=GROUPS[group][1], warmup_rounds=0 if group == "whole video" else 1
    )
    if way == "exact" and group != "training step":
        want = made[group]["plain"]()
        assert np.abs(np.asarray(found, dtype=float) - np.asarray(want, dtype=float)).max() < 1e-4, "exact is exact"


def test_ratios_are_to_the_first_of_a_group() -> None:
    lines = ratios([("a", "plain", 2.0), ("b", "plain", 3.0), ("a", "fast", 0.5), ("b", "slow", 6.0)])
    assert [line.split()[-1] for line in lines] == ["1.00x", "1.00x", "4.00x", "0.50x"]
