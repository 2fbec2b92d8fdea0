"""Means of every arm as a picture: a panel a score, a row an arm, a colour a set of clips."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from inpaintdiff.evaluation import Evaluation
from inpaintdiff.evaluation.files import write_file

_PANELS = {
    "psnr_hole": "PSNR in the hole, dB (more is better)",
    "ssim_hole": "SSIM in the hole (more is better)",
    "lpips": "LPIPS (less is better)",
    "ewarp_hole_dis": "E_warp in the hole (less is better)",
    "fid": "FID (less is better)",
    "vfid_eval": "VFID (less is better)",
    "semantic": "semantic score (more is better)",
    "psnr_hole_best_of_k": "PSNR of the best answer, dB (more is better)",
    "psnr_hole_of_mean": "PSNR of the mean of all answers, dB",
    "diversity": "deviation among answers, 1 is white",
    "error_over_spread": "error over spread (1 is calibrated)",
    "seconds": "seconds a frame",
}
_COLOURS = ("#3b75af", "#d1722a", "#4a9d5b", "#8d5fa8", "#777777")


def save_figure(results: Mapping[str, Evaluation], title: str, path: Path) -> Path:
    """Write the picture as PNG: means with their 95 % interval over clips where a score belongs to a clip."""
    every = next(iter(results.values()))
    panels = [p for p in _PANELS if p == "seconds" or p in every.score_names or p in every.set_names]
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(4.2 * columns, lines * (1.2 + 0.32 * len(every.methods))), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    for k, panel in enumerate(panels):
        axes = figure.add_subplot(lines, columns, k + 1)
        for j, (name, found) in enumerate(results.items()):
            shift = 0.5 * ((j + 0.5) / len(results) - 0.5)
            for i, method in enumerate(found.methods):
                mean, low, high = _span(found, method, panel)
                if not math.isnan(mean):
                    colour = _COLOURS[j % len(_COLOURS)]
                    axes.errorbar(
                        mean, i + shift, xerr=[[mean - low], [high - mean]], fmt="o", ms=4, color=colour,
                        label=name if i == 0 else None,
                    )  # fmt: skip
        axes.set_yticks(range(len(every.methods)), every.methods if k % columns == 0 else [""] * len(every.methods))
        axes.invert_yaxis()
        axes.set_title(_PANELS[panel], fontsize=9)
        axes.grid(axis="x", alpha=0.3)
        if k == 0 and len(results) > 1:
            axes.legend(fontsize=8)
    return write_file(path, lambda file: figure.savefig(file, format="png", dpi=110), overwrite=True)


def _span(found: Evaluation, method: str, panel: str) -> tuple[float, float, float]:
    """Mean and 95 % interval of it; the interval is empty where there is one number only."""
    if panel == "seconds":
        value = found.cost(method, "seconds_per_frame")
        return value, value, value
    if panel in found.set_names:
        score = found.sets[method].get(panel)
        value = math.nan if score is None else score.value
        return value, value, value
    values = np.array([x for x in found.scores(method, panel) if not math.isnan(x)])
    if len(values) == 0:
        return math.nan, math.nan, math.nan
    half = 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    mean = float(values.mean())
    return mean, mean - half, mean + half
