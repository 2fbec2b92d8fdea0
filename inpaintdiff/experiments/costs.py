"""What every sampling scheme costs, measured, beside flow-guided propagation: processor seconds and memory, a process of its own each."""

import json
import subprocess
import sys
import time
from functools import partial
from typing import Any

import psutil
import torch

from inpaintdiff.data.synthetic.worlds import world_clip
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import baseline_method
from inpaintdiff.evaluation.memory import PeakMemory
from inpaintdiff.experiments.compared import Size, model_digest
from inpaintdiff.experiments.comparisons import FIRST
from inpaintdiff.experiments.experiment import Experiment, Outcome, Report, Request
from inpaintdiff.experiments.run_folder import RunFolder
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.painting.clips import model_method
from inpaintdiff.painting.painters import ModelPainter, load_model
from inpaintdiff.schemes import scheme_names

_SIZE = 64
_BASELINE = "flow"
_CHILD = "from inpaintdiff.experiments.costs import measure_here; measure_here()"


class Costs(Experiment):
    """One clip, painted once by every scheme and by the baseline; processor seconds of one thread, which a busy machine changes little.

    Args:
        full, quick: sizes of the two kinds of run; clips and seeds are one in any case.
    """

    name = "costs"
    about = "How much time and memory does every sampling scheme take, and flow-guided propagation?"
    full = Size(clips=1, frames=48, calls=20, seeds=1)
    quick = Size(clips=1, frames=48, calls=10, seeds=1)

    def __init__(self, full: Size | None = None, quick: Size | None = None) -> None:
        self.full, self.quick = full or self.full, quick or self.quick

    def run(self, request: Request, report: Report = lambda *_: None) -> Outcome:
        """See `Experiment.run`."""
        size = self.quick if request.quick else self.full
        arms = (*scheme_names(), _BASELINE)
        source = request.model
        settings = {
            "experiment": self.name,
            "model": source,
            "sha256": model_digest(source),
            "frames": size.frames,
            "calls": size.calls,
            "arms": list(arms),
        }
        folder = RunFolder(request.output, settings)
        rows = {}
        for done, arm in enumerate(arms):
            report(arm, done, len(arms))
            order = {"arm": arm, "model": source, "frames": size.frames, "calls": size.calls}
            rows[arm] = folder.part(arm, partial(_measure_there, order))
        folder.write("results.json", rows)
        return Outcome(_table(rows, size), (request.output / "results.json",))


def _measure_there(order: dict[str, Any]) -> dict[str, Any]:
    """Measure in a new process: memory that an earlier arm has given back would hide what this one takes."""
    done = subprocess.run([sys.executable, "-c", _CHILD, json.dumps(order)], capture_output=True, text=True)
    if done.returncode:
        said = next(iter(done.stderr.splitlines()[-1:]), "nothing")
        raise SettingError(f"{order['arm']} could not be measured; its process said: {said}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_here() -> None:
    """What such a process does: paints once, and prints what it took as JSON."""
    torch.set_num_threads(1)
    order = json.loads(sys.argv[1])
    clip = world_clip("traffic", FIRST, frames=order["frames"], size=_SIZE)
    if order["arm"] == _BASELINE:
        method = baseline_method(_BASELINE)
    else:
        denoiser, info = load_model(order["model"])
        sampling = SamplingConfig(scheme=order["arm"], calls=order["calls"])
        painter = ModelPainter(order["model"], denoiser, info, None, sampling, torch.device("cpu"))
        method = model_method(painter)
    assert method.paint is not None
    before = psutil.Process().memory_info().rss / 2**20
    with PeakMemory(torch.device("cpu")) as taken, torch.inference_mode():
        begun = time.process_time()
        method.paint(clip, 1, 0)
        seconds = time.process_time() - begun
    found = {
        "seconds_per_frame": seconds / clip.length,
        "calls": method.calls(clip) if method.calls else 0,
        "megabytes": before + taken.megabytes,
        "megabytes_for_painting": taken.megabytes,
    }
    sys.stdout.write(json.dumps(found) + "\n")


def _table(rows: dict[str, dict[str, Any]], size: Size) -> str:
    """Cheapest first; Markdown, as the README has it."""
    lines = [
        f"{size.frames} frames of {_SIZE}x{_SIZE} with a hole in each, {size.calls} network calls a stage, one thread:",
        "",
        "| | network calls | CPU s/frame | memory of the process, MiB | of it for painting |",
        "| --- | --- | --- | --- | --- |",
    ]
    for arm, row in sorted(rows.items(), key=lambda kv: float(kv[1]["seconds_per_frame"])):
        calls = str(row["calls"]) if row["calls"] else "none"
        lines.append(
            f"| {arm} | {calls} | {row['seconds_per_frame']:.3f} | {row['megabytes']:.0f} | {row['megabytes_for_painting']:.0f} |"
        )
    return "\n".join(lines)
