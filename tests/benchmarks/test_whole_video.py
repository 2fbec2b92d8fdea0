"""A video of 48 frames by the built-in model: 100 calls of DDIM in float32 that compute every frame, against what `inpaint` offers.

Processor seconds of one thread; the first takes minutes. `-s` shows the table. How good fewer calls are is another question, which
`inpaintdiff experiments run solvers` answers; here the hole's PSNR only shows that both have painted the same video.
"""

import json
import sys
import time

import pytest
import torch

from inpaintdiff.data.synthetic.worlds import world_clip
from inpaintdiff.experiments.comparisons import FIRST
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.metrics.frame import psnr
from inpaintdiff.painting.clips import calls_of, paint_clip
from inpaintdiff.painting.painters import ModelPainter, load_model
from tests.benchmarks.plain import Plain, said_by

FRAMES = 48
WAYS = {
    "plain: 100 calls of DDIM": ("builtin:traffic", SamplingConfig(solver="ddim", calls=100)),
    "plain: 10 calls of DPM-Solver++": ("builtin:traffic", SamplingConfig(calls=10)),
    "10 calls of DPM-Solver++": ("builtin:traffic", SamplingConfig(calls=10)),
    "and in bf16": ("builtin:traffic", SamplingConfig(calls=10, precision="bf16")),
    "4 calls in bf16": ("builtin:traffic", SamplingConfig(calls=4, precision="bf16")),
    "its student in bf16": ("builtin:traffic-fast", SamplingConfig(precision="bf16")),
}


def measure() -> dict[str, list[float]]:
    """Way -> seconds, network calls, PSNR of the hole."""
    torch.set_num_threads(1)
    clip = world_clip("traffic", FIRST, frames=FRAMES, size=64)
    found = {}
    for way, (model, sampling) in WAYS.items():
        denoiser, info = load_model(model)
        if way.startswith("plain"):
            kept = denoiser.state_dict()
            denoiser = Plain(denoiser.network, denoiser.precondition).eval()
            denoiser.load_state_dict(kept)
        painter = ModelPainter(model, denoiser, info, None, sampling, torch.device("cpu"))
        begun = time.process_time()
        painted = paint_clip(painter, clip)[0]
        seconds = time.process_time() - begun
        found[way] = [seconds, calls_of(painter, clip), float(psnr(painted, clip.frames, clip.hole).mean())]
        print(way, found[way], file=sys.stderr, flush=True)
    return found


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_whole_video_takes_a_fraction() -> None:
    rows = said_by(__file__)
    plain = rows["plain: 100 calls of DDIM"]
    for way, (seconds, calls, quality) in rows.items():
        print(f"{way:<32} {calls:5.0f} calls {seconds:7.1f} s   {plain[0] / seconds:5.1f}x   {quality:.2f} dB")
    few, exact = rows["plain: 10 calls of DPM-Solver++"], rows["10 calls of DPM-Solver++"]
    assert exact[2] == pytest.approx(few[2], abs=0.01), "what is left out changes nothing"
    assert plain[0] > 20 * rows["4 calls in bf16"][0]
    assert plain[0] > 60 * rows["its student in bf16"][0]
    assert plain[0] > 12 * rows["and in bf16"][0]


if __name__ == "__main__":
    print(json.dumps(measure()))
