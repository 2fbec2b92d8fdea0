"""Several answers to every hole: how different are they, is the best of them better, and does their spread tell how wrong they are?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from inpaintdiff.evaluation import Evaluation
from inpaintdiff.evaluation.files import write_file
from inpaintdiff.experiments.compared import Arm, ClipSet, Size
from inpaintdiff.experiments.comparison import Comparison
from inpaintdiff.experiments.comparisons import traffic
from inpaintdiff.experiments.experiment import Outcome, Request
from inpaintdiff.experiments.run_folder import RunFolder
from inpaintdiff.inpaint.sampling import SamplingConfig

_STUDENT = "builtin:traffic-fast"
# bins with fewer of the pixels say little
_LEAST_SHARE = 0.002


class Diversity(Comparison):
    """Few and many network calls of two solvers, and the distilled model: what paints fast may do so by giving one answer only."""

    name = "diversity"
    about = (
        "How different are several answers, does their spread tell their error, and is it lost with few network calls?"
    )
    full = Size(clips=12, calls=20, seeds=1, samples=8)
    quick = Size(clips=4, frames=16, calls=10, seeds=1, samples=4)

    def arms(self, size: Size) -> Sequence[Arm]:
        """See `Comparison`; the first has the most calls."""
        pairs = [("dpmpp-2m", size.calls), ("ddim", size.calls), ("dpmpp-2m", 4), ("ddim", 4)]
        own = [Arm(f"{solver} {calls}", SamplingConfig(solver=solver, calls=calls)) for solver, calls in pairs]
        return [*own, Arm(_STUDENT.partition(":")[2], SamplingConfig(), _STUDENT)]

    def sets(self, size: Size, request: Request) -> Sequence[ClipSet]:
        """See `Comparison`."""
        return [traffic(size)]

    def _finish(
        self, folder: RunFolder, results: Mapping[str, Evaluation], sets: Sequence[ClipSet], arms: Sequence[Arm]
    ) -> Outcome:
        outcome = super()._finish(folder, results, sets, arms)
        curves = results[sets[0].name].about["calibration"]
        return replace(outcome, files=(*outcome.files, draw_reliability(curves, folder.path / "reliability.png")))


def draw_reliability(curves: Mapping[str, Mapping[str, Any]], path: Path) -> Path:
    """Write a picture of the error of pixels over what the spread of the other answers lets expect: the diagonal is calibrated.

    Args:
        curves: by arm, as `Meaning.facts` has them: expected and observed errors of every bin, and its share of the pixels.
        path: PNG.
    """
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for arm, curve in curves.items():
        told = zip(curve["expected"], curve["observed"], curve["share"], strict=True)
        kept = [(expected, observed, share) for expected, observed, share in told if share >= _LEAST_SHARE]
        line = axes.plot([k[0] for k in kept], [k[1] for k in kept], lw=1, label=arm)[0]
        axes.scatter([k[0] for k in kept], [k[1] for k in kept], s=[400 * k[2] for k in kept], color=line.get_color())
    low, high = axes.get_xlim()[0], max(axes.get_xlim()[1], axes.get_ylim()[1])
    axes.plot([max(low, 0), high], [max(low, 0), high], color="#777777", lw=1, ls="--", label="calibrated")
    axes.set_xlabel("expected error of a pixel, from the spread of the other answers (1 is white)")
    axes.set_ylabel("its error (1 is white)")
    axes.set_title(
        "Does the spread of the answers tell how wrong they are?\narea of a dot: share of the hole", fontsize=10
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return write_file(path, lambda file: figure.savefig(file, format="png", dpi=110), overwrite=True)
