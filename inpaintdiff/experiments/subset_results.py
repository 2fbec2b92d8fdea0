"""What comparing samplers of frame subsets gave: paired differences, a table, a figure."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy import ndarray

from inpaintdiff.evaluation.files import write_file
from inpaintdiff.metrics.paired import FEW_VIDEOS, Difference, paired_difference

ALL_SCHEMES = "all schemes"
_KINDS = {"stages": "PSNR of the clean estimate at the stages of", "painted": "hole PSNR of whole clips painted by"}
_COLOURS = ("#3b75af", "#d1722a", "#4a9d5b")


@dataclass(frozen=True)
class Comparison:
    """One arm against the reference.

    Attributes:
        kind: "stages" or "painted".
        group: the stages, or the scheme that painted.
        arm: that is compared.
        difference: arm minus reference in dB, paired over clips; a clip's score is its mean over seeds.
        by_seed: mean difference of every seed, which says how much is a matter of luck in training.
    """

    kind: str
    group: str
    arm: str
    difference: Difference
    by_seed: tuple[float, ...]

    @property
    def shown(self) -> int:
        """1 or -1 if the interval excludes 0 and every seed has its sign; else 0."""
        verdict = self.difference.verdict
        return verdict if all(d * verdict > 0 for d in self.by_seed) else 0


@dataclass(frozen=True, eq=False)
class SubsetResults:
    """All scores and what they show.

    Attributes:
        arms: names, the reference first.
        scores: by kind, group and arm, in dB, for every seed and clip.
        cost: by arm: steps, frames and seconds of a training, mean over seeds.
        scale: how large the run was.
    """

    arms: tuple[str, ...]
    scores: Mapping[str, Mapping[str, Mapping[str, Float[ndarray, "s n"]]]]
    cost: Mapping[str, Mapping[str, float]]
    scale: Mapping[str, Any]

    @staticmethod
    def of(
        parts: Mapping[tuple[str, int], Mapping[str, Any]], arms: tuple[str, ...], scale: Mapping[str, Any]
    ) -> "SubsetResults":
        """From what every arm and seed gave."""
        seeds = sorted({seed for _, seed in parts})
        scores: dict[str, dict[str, dict[str, ndarray]]] = {}
        for kind in _KINDS:
            groups = list(parts[arms[0], seeds[0]][kind])
            scores[kind] = {g: {arm: np.array([parts[arm, s][kind][g] for s in seeds]) for arm in arms} for g in groups}
            schemes = [g for g in groups if g in scores["stages"] and g in parts[arms[0], seeds[0]]["painted"]]
            scores[kind][ALL_SCHEMES] = {arm: np.mean([scores[kind][g][arm] for g in schemes], axis=0) for arm in arms}
        cost = {
            arm: {k: float(np.mean([parts[arm, s]["cost"][k] for s in seeds])) for k in parts[arm, seeds[0]]["cost"]}
            for arm in arms
        }
        return SubsetResults(arms, scores, cost, scale)

    def compare(self, kind: str, group: str, arm: str, reference: str | None = None) -> Comparison:
        """One arm against the first, or against another."""
        ours, theirs = (self.scores[kind][group][a] for a in (arm, reference or self.arms[0]))
        difference = paired_difference(ours.mean(axis=0).tolist(), theirs.mean(axis=0).tolist())
        return Comparison(kind, group, arm, difference, tuple((ours - theirs).mean(axis=1).tolist()))

    def comparisons(self) -> list[Comparison]:
        """Every arm against the reference, in every group of both kinds."""
        return [
            self.compare(kind, group, arm)
            for kind, groups in self.scores.items()
            for group in groups
            for arm in self.arms[1:]
        ]

    def best(self, kind: str = "stages") -> str:
        """The arm with the highest mean score over all schemes."""
        means = {arm: float(x.mean()) for arm, x in self.scores[kind][ALL_SCHEMES].items()}
        return max(means, key=lambda arm: means[arm])

    def sentence(self) -> str:
        """What is shown, in plain words; of both kinds, which need not agree."""
        said = [
            f"At the stages of {ALL_SCHEMES}, {self._standing('stages')}.",
            f"In whole clips, painted by {ALL_SCHEMES}, {self._standing('painted')}.",
        ]
        if len(self.scores["stages"][ALL_SCHEMES][self.arms[0]]) == 1:
            said.append("One training each: luck in training is not in the intervals.")
        return " ".join(said)

    def _standing(self, kind: str) -> str:
        best = self.best(kind)
        others = {arm: self.compare(kind, ALL_SCHEMES, best, arm).shown for arm in self.arms if arm != best}
        behind, open_ = [a for a, s in others.items() if s == 1], [a for a, s in others.items() if s != 1]
        said = [f"ahead of {' and '.join(behind)}"] if behind else []
        said += [f"not shown to differ from {' and '.join(open_)}"] if open_ else []
        return f"{best} is {'; '.join(said)}"

    def text(self) -> str:
        """Tables for the terminal."""
        seeds, clips = self.scores["stages"][ALL_SCHEMES][self.arms[0]].shape
        lines = [f"{len(self.arms)} samplers, {seeds} trainings each, {clips} held-out clips; cost of one training:"]
        for arm in self.arms:
            cost = self.cost[arm]
            lines.append(
                f"  {arm:<8} {cost['frames']:>8.0f} frames in {cost['steps']:>5.0f} steps, {cost['seconds']:.0f} s "
                f"({cost['cpu_seconds']:.0f} s of the processor)"
            )
        for kind, title in _KINDS.items():
            lines += ["", f"{title} ... (dB; minus {self.arms[0]}: mean, paired 95 % interval, each seed)"]
            for group, scores in self.scores[kind].items():
                cells = [f"  {group:<15}{scores[self.arms[0]].mean():>7.2f}"]
                for arm in self.arms[1:]:
                    c = self.compare(kind, group, arm)
                    d, each = c.difference, " ".join(f"{x:+.2f}" for x in c.by_seed)
                    mark = "*" if c.shown else " "
                    cells.append(f"{arm} {d.mean:+.2f} [{d.low:+.2f}, {d.high:+.2f}]{mark} ({each})")
                lines.append("   ".join(cells))
        painted = self.scores["painted"][ALL_SCHEMES][self.arms[0]].shape[1]
        few = [f"{painted} painted clips are few: their intervals are too narrow"] if painted < FEW_VIDEOS else []
        return "\n".join([*lines, "", "* the interval excludes 0 and all seeds agree", *few, self.sentence()])

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "schema": "inpaintdiff.subset-samplers/1",
            "inpaintdiff": metadata.version("inpaintdiff"),
            "scale": dict(self.scale),
            "cost": {arm: dict(c) for arm, c in self.cost.items()},
            "means": {
                kind: {g: {arm: float(x.mean()) for arm, x in arms.items()} for g, arms in groups.items()}
                for kind, groups in self.scores.items()
            },
            "differences": [
                {
                    "kind": c.kind,
                    "group": c.group,
                    "arm": c.arm,
                    "minus": self.arms[0],
                    **{k: _number(v) for k, v in asdict(c.difference).items()},
                    "by_seed": list(c.by_seed),
                    "shown": c.shown,
                }
                for c in self.comparisons()
            ],
            "best": self.best(),
            "sentence": self.sentence(),
            "scores": {
                kind: {g: {arm: x.tolist() for arm, x in arms.items()} for g, arms in groups.items()}
                for kind, groups in self.scores.items()
            },
        }

    def draw(self, path: Path) -> Path:
        """Differences to the reference with their intervals; every seed as a dot."""
        figure = Figure(figsize=(11, 4.2), dpi=120, layout="constrained")
        panels = figure.subplots(1, len(_KINDS))
        for axes, kind in zip(panels, _KINDS, strict=True):
            self._draw_kind(axes, kind)
        panels[0].legend(frameon=False, fontsize=9)
        figure.suptitle(f"Frames to train on, against {self.arms[0]}, for the same number of frames computed")
        return write_file(path, lambda file: FigureCanvasAgg(figure).print_figure(file, format="png"), overwrite=True)

    def _draw_kind(self, axes: Axes, kind: str) -> None:
        groups = list(self.scores[kind])
        for k, arm in enumerate(self.arms[1:]):
            shift = (k - (len(self.arms) - 2) / 2) * 0.25
            for row, group in enumerate(groups):
                c = self.compare(kind, group, arm)
                d, y = c.difference, row + shift
                axes.plot([d.low, d.high], [y, y], color=_COLOURS[k], lw=2, label=arm if row == 0 else None)
                axes.plot(d.mean, y, "D", color=_COLOURS[k], ms=5)
                axes.plot(c.by_seed, [y] * len(c.by_seed), "o", color=_COLOURS[k], ms=3, alpha=0.5)
        axes.axvline(0, color="#444444", lw=0.8)
        axes.set_yticks(range(len(groups)), groups)
        axes.invert_yaxis()
        axes.grid(axis="x", alpha=0.25)
        axes.set_title(f"{_KINDS[kind]} ...", fontsize=10)
        axes.set_xlabel(f"dB more than {self.arms[0]}")


def _number(value: float | int) -> float | int | None:
    return None if math.isnan(value) else value
