"""Cost as `plan` predicts it against cost as it is measured, over a grid of settings: time within 20 %, memory within 10 %.

Time is the processor's seconds of one thread, so that other programs on the machine do not count; prediction and measurement are made
in processes of their own, memory is the highest resident set of the whole process. `-s` shows the table.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inpaintdiff.checkpoint import save_model
from inpaintdiff.data.video import write_video
from inpaintdiff.model_config import build_denoiser

PREDICT = """
import json, sys, time, torch
import inpaintdiff.cli.inpaint
from inpaintdiff.cli import parser, orders
from inpaintdiff.painting.files import make_job, read_inputs
from inpaintdiff.painting.forecast import forecast
from inpaintdiff.painting.painters import load_painter
from inpaintdiff.painting.timing import time_job
torch.set_num_threads(1)
args = parser.build_parser().parse_args(sys.argv[1:])
order = orders.order_of(args)
job = make_job(read_inputs(order), load_painter(args.model, order.sampling, torch.device("cpu")))
needed = forecast(job, lossless=order.lossless)
times = time_job(job, order, clock=time.process_time)
print(json.dumps([times.total, times.network, needed.peak_bytes]))
"""
MEASURE = r"""
import json, re, sys, time, torch
from pathlib import Path
import inpaintdiff.cli.inpaint as verb
from inpaintdiff.cli import main
torch.set_num_threads(1)
run, took = verb.run_order, []
def timed(*args):
    begin = time.process_time()
    done = run(*args)
    took.append(time.process_time() - begin)
    return done
verb.run_order = timed
status = main(sys.argv[1:])
# not getrusage: what it says begins with the peak of the process that started this one
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps([took[0], peak * 1024]))
sys.exit(status)
"""

SMALL = {"width": 32, "multipliers": [1, 2, 4], "blocks": 1, "attention_levels": [2], "heads": 4, "patch": 2}
WIDE = {"width": 64, "multipliers": [1, 2, 3], "blocks": 1, "attention_levels": [2], "heads": 4}
FINE = {"width": 32, "multipliers": [1, 2, 2], "blocks": 2, "attention_levels": [1, 2], "heads": 4}
# network, size of its pictures, and options of `inpaint`
GRID: list[tuple[dict[str, Any], int, list[str]]] = [
    (SMALL, 64, []),
    (SMALL, 64, ["--precision", "bf16"]),
    (SMALL, 64, ["--window", "32"]),
    (SMALL, 64, ["--window", "8", "--scheme", "ar"]),
    (SMALL, 64, ["--scheme", "hierarchy-2", "--samples", "2", "--steps", "4"]),
    (SMALL, 128, ["--steps", "4"]),
    (SMALL, 128, ["--steps", "4", "--precision", "bf16"]),
    (WIDE, 32, []),
    (WIDE, 64, ["--steps", "2"]),
    (WIDE, 64, ["--steps", "2", "--window", "8", "--precision", "bf16"]),
    (FINE, 64, ["--steps", "3", "--window", "8"]),
    (FINE, 64, ["--steps", "3", "--precision", "bf16"]),
]


def model_file(folder: Path, network: dict[str, Any], size: int) -> Path:
    config = {
        "network": {"class": "VideoUNet", "args": network},
        "precondition": {"class": "EDMPrediction", "args": {"sigma_data": 0.5}},
        "grid": {"class": "KarrasGrid", "args": {}},
        "window": 16,
        "height": size,
        "width": size,
    }
    torch.manual_seed(0)
    return save_model(folder / "model.safetensors", config, build_denoiser(config).state_dict(), {"name": "grid"})


def in_process(code: str, args: list[str]) -> list[float]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_predicted_against_measured(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (17, 23, 3), dtype=np.uint8).repeat(12, 0).repeat(12, 1)
    video = write_video(
        tmp_path / "in.mp4", (np.ascontiguousarray(noise[i : i + 180, i : i + 240]) for i in range(24)), 25
    )
    rows = []
    for k, (network, size, options) in enumerate(GRID):
        folder = tmp_path / str(k)
        folder.mkdir()
        model = model_file(folder, network, size)
        steps = [] if "--steps" in options else ["--steps", "8"]
        args = ["inpaint", str(video), "--box", "100,60,150,110", "-o", str(folder / "o.mp4"), "--model", str(model)]
        said_seconds, _, said_bytes = in_process(PREDICT, [*args, *steps, *options])
        seconds, peak = in_process(MEASURE, [*args, *steps, *options])
        rows.append((said_seconds / seconds, said_bytes / peak))
        print(
            f"width {network['width']}, patch {network.get('patch', 1)}, {size} px {' '.join(options):<45} "
            f"{said_seconds:6.1f} s of {seconds:6.1f} s ({said_seconds / seconds - 1:+.0%})   "
            f"{said_bytes / 1e6:5.0f} MB of {peak / 1e6:5.0f} MB ({said_bytes / peak - 1:+.0%})",
            flush=True,
        )
    times, memory = zip(*rows, strict=True)
    print(f"worst: time {max(abs(t - 1) for t in times):.0%}, memory {max(abs(m - 1) for m in memory):.0%}")
    assert max(abs(t - 1) for t in times) < 0.20
    assert max(abs(m - 1) for m in memory) < 0.10
