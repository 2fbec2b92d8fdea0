"""What comparing patch sizes gave: a Markdown table with paired differences to the smallest patch, and a figure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy import ndarray

from inpaintdiff.evaluation.files import write_file
from inpaintdiff.experiments.subset_results import Comparison
from inpaintdiff.metrics.paired import FEW_VIDEOS, paired_difference

Arm = tuple[int, int]  # pixels a side, patch
REFERENCE = "blur"  # the baseline that says what needs no training
# kind of score: title of a column, digits, and whether more is better
_KINDS = {
    "stages": ("PSNR at stages, dB", 2, True),
    "psnr_hole": ("hole PSNR painted, dB", 2, True),
    "ssim_hole": ("hole SSIM painted", 3, True),
    "lpips": ("LPIPS painted", 4, False),
}
_COLOURS = ("#3b75af", "#d1722a", "#4a9d5b", "#8d5fa8")


@dataclass(frozen=True, eq=False)
class PatchResults:
    """All scores and what they show.

    Attributes:
        arms: in the order of the table.
        parts: by arm and seed: "cost", "parameters", "call_seconds" and "scores", a list over clips by kind.
        without: by pixels, the scores of the reference that is not trained.
        scale: how large the run was, plain values.
    """

    arms: Sequence[Arm]
    parts: Mapping[tuple[Arm, int], Mapping[str, Any]]
    without: Mapping[int, Mapping[str, Any]]
    scale: Mapping[str, Any]

    @property
    def seeds(self) -> list[int]:
        """Trainings of every arm."""
        return sorted({seed for _, seed in self.parts})

    @property
    def kinds(self) -> list[str]:
        """Scores that there are."""
        found = self.parts[self.arms[0], self.seeds[0]]["scores"]
        return [kind for kind in _KINDS if kind in found]

    def smallest(self, pixels: int) -> Arm:
        """What the other patches of a picture size are compared with."""
        return min(arm for arm in self.arms if arm[0] == pixels)

    def scores(self, kind: str, arm: Arm) -> Float[ndarray, "s n"]:
        """Of every seed and clip."""
        return np.array([self.parts[arm, seed]["scores"][kind] for seed in self.seeds])

    def fact(self, arm: Arm, name: str) -> float:
        """Parameters, seconds a call, or a cost of the training, mean over seeds."""
        return mean(float({**part["cost"], **part}[name]) for (own, _), part in self.parts.items() if own == arm)

    def compare(self, kind: str, arm: Arm) -> Comparison:
        """An arm minus the smallest patch of its picture size, paired over clips; a clip's score is its mean over seeds."""
        ours, theirs = self.scores(kind, arm), self.scores(kind, self.smallest(arm[0]))
        difference = paired_difference(ours.mean(axis=0).tolist(), theirs.mean(axis=0).tolist())
        by_seed = tuple((ours - theirs).mean(axis=1).tolist())
        return Comparison(kind, f"{arm[0]} pixels", f"patch {arm[1]}", difference, by_seed)

    def comparisons(self) -> list[Comparison]:
        """Every arm but the smallest patches, in every kind of score."""
        others = [arm for arm in self.arms if arm != self.smallest(arm[0])]
        return [self.compare(kind, arm) for kind in self.kinds for arm in others]

    def text(self) -> str:
        """The Markdown table and what limits it."""
        titles = [_KINDS[kind][0] for kind in self.kinds]
        head = ["pixels", "patch", "parameters", "CPU s a call", "steps", *titles]
        rows = [head, ["---"] * len(head)]
        for pixels in dict.fromkeys(pixels for pixels, _ in self.arms):
            rows += [self._row(arm) for arm in self.arms if arm[0] == pixels]
            scores = self.without[pixels]["scores"]
            cells = [f"{mean(scores[k]):.{_KINDS[k][1]}f}" if k in scores else "" for k in self.kinds]
            rows.append([str(pixels), REFERENCE, "", "", "", *cells])
        first = self.parts[self.arms[0], self.seeds[0]]["scores"]
        stages, painted = len(first["stages"]), len(first["psnr_hole"])
        said = [
            f"{self.scale['seconds']} processor seconds of training an arm and seed, from scratch, {len(self.seeds)} seed(s); {stages}"
            f" held-out clips at stages, {painted} painted. In brackets: minus the smallest patch of that picture size, paired 95 %"
            " interval over clips; * the interval excludes 0 and all seeds agree."
        ]
        if len(self.seeds) == 1:
            said.append("One training each: luck in training is not in the intervals.")
        if min(stages, painted) < FEW_VIDEOS:
            said.append(f"{min(stages, painted)} clips are few: their intervals are too narrow.")
        said.append(
            "Equal time favours cheap networks where it is short; scores of different picture sizes are not comparable."
        )
        return "\n".join([*(f"| {' | '.join(cells)} |" for cells in rows), "", " ".join(said), self.sentence()])

    def sentence(self) -> str:
        """What is shown of whole painted clips, in plain words."""
        said = []
        for pixels in dict.fromkeys(pixels for pixels, _ in self.arms):
            base = self.smallest(pixels)
            for arm in (a for a in self.arms if a[0] == pixels and a != base):
                c = self.compare("psnr_hole", arm)
                word = {1: "ahead of", -1: "behind", 0: "not shown to differ from"}[c.shown]
                cheaper = self.fact(base, "call_seconds") / self.fact(arm, "call_seconds")
                said.append(
                    f"At {pixels} pixels patch {arm[1]} is {word} patch {base[1]} in hole PSNR, a call {cheaper:.1f} times as fast."
                )
        return " ".join(said)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "schema": "inpaintdiff.patches/1",
            "inpaintdiff": metadata.version("inpaintdiff"),
            "scale": dict(self.scale),
            "arms": [
                {
                    "pixels": arm[0],
                    "patch": arm[1],
                    "seed": seed,
                    **{k: self.parts[arm, seed][k] for k in ("parameters", "call_seconds", "cost", "scores")},
                    "means": {k: mean(v) for k, v in self.parts[arm, seed]["scores"].items()},
                }
                for arm in self.arms
                for seed in self.seeds
            ],
            REFERENCE: {str(pixels): dict(found["scores"]) for pixels, found in self.without.items()},
            "differences": [
                {
                    "kind": c.kind,
                    "group": c.group,
                    "arm": c.arm,
                    **{k: None if math.isnan(v) else v for k, v in asdict(c.difference).items()},
                    "by_seed": list(c.by_seed),
                    "shown": c.shown,
                }
                for c in self.comparisons()
            ],
            "sentence": self.sentence(),
        }

    def draw(self, path: Path) -> Path:
        """A panel a score: quality against seconds a call, a line a picture size; bars are paired intervals of differences."""
        figure = Figure(figsize=(4.2 * len(self.kinds), 3.8), dpi=120, layout="constrained")
        for axes, kind in zip(figure.subplots(1, len(self.kinds)), self.kinds, strict=True):
            self._draw_kind(axes, kind)
        figure.suptitle(
            f"Patch sizes, trained {self.scale['seconds']} processor seconds each; bars: against the smallest patch"
        )
        return write_file(path, lambda file: FigureCanvasAgg(figure).print_figure(file, format="png"), overwrite=True)

    def _row(self, arm: Arm) -> list[str]:
        cells = [f"{self.fact(arm, 'parameters') / 1e6:.1f}M", f"{self.fact(arm, 'call_seconds'):.3f}"]
        cells.append(f"{self.fact(arm, 'steps'):.0f}")
        for kind in self.kinds:
            digits = _KINDS[kind][1]
            cell = f"{self.scores(kind, arm).mean():.{digits}f}"
            if arm != self.smallest(arm[0]):
                c = self.compare(kind, arm)
                d = c.difference
                span = f" [{d.low:+.{digits}f}, {d.high:+.{digits}f}]" if d.videos > 1 else ""
                cell += f" ({d.mean:+.{digits}f}{span}{'*' if c.shown else ''})"
            cells.append(cell)
        return [str(arm[0]), str(arm[1]), *cells]

    def _draw_kind(self, axes: Axes, kind: str) -> None:
        title, _, more = _KINDS[kind]
        for k, pixels in enumerate(dict.fromkeys(pixels for pixels, _ in self.arms)):
            colour = _COLOURS[k % len(_COLOURS)]
            arms = [arm for arm in self.arms if arm[0] == pixels]
            x = [self.fact(arm, "call_seconds") for arm in arms]
            y = [float(self.scores(kind, arm).mean()) for arm in arms]
            axes.plot(x, y, "o-", color=colour, label=f"{pixels} pixels")
            base = float(self.scores(kind, self.smallest(pixels)).mean())
            for arm, a, b in zip(arms, x, y, strict=True):
                axes.annotate(f"patch {arm[1]}", (a, b), xytext=(4, 5), textcoords="offset points", fontsize=8)
                d = self.compare(kind, arm).difference
                if arm != self.smallest(pixels) and d.videos > 1:
                    axes.plot([a, a], [base + d.low, base + d.high], color=colour, lw=1.5, alpha=0.6)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.margins(x=0.2)
        axes.set_xlabel("processor seconds a network call")
        axes.set_title(f"{title} ({'more' if more else 'less'} is better)", fontsize=9)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=8)
