"""Sampling schemes on the same clips: what each paints, beside what it has to lose by the exact bench (`analysis.gaussian`).

A scheme that splits a video into stages forgets some of what belongs together. On Gaussian videos how much is a closed form, which
knows nothing of networks: where it says that two schemes lose the same, a difference between them is the network's doing.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import spearmanr
from torch import Tensor

from inpaintdiff.analysis.gaussian import GaussianVideo, scheme_kl
from inpaintdiff.data.hole_generators import FirstFramesKnown, WholeFramesHole
from inpaintdiff.evaluation import Evaluation
from inpaintdiff.evaluation.files import write_file
from inpaintdiff.evaluation.protocol import lower_is_better
from inpaintdiff.experiments.compared import Arm, ClipSet, Size
from inpaintdiff.experiments.comparison import Comparison
from inpaintdiff.experiments.comparisons import traffic
from inpaintdiff.experiments.experiment import Outcome, Request
from inpaintdiff.experiments.run_folder import RunFolder
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.painting.painters import load_model

# of the bench's videos: a frame is a row of so many pixels, of which a region hides half
_PIXELS = 6
_MEASURED = {
    "psnr_hole": "PSNR in the hole, dB", "lpips": "LPIPS", "vfid_eval": "VFID", "semantic": "semantic score",
}  # fmt: skip
_COLOURS = ("#3b75af", "#d1722a", "#4a9d5b", "#8d5fa8")


class Schemes(Comparison):
    """One model, several sampling schemes, holes of several kinds; with and without look-ahead frames in the same stages."""

    name = "schemes"
    about = "Which sampling scheme is best for which holes, what do look-ahead frames bring, and is it what the exact bench says?"
    full = Size(clips=16, calls=10, seeds=2)
    quick = Size(clips=2, frames=20, calls=4, seeds=1)

    def arms(self, size: Size) -> Sequence[Arm]:
        """See `Comparison`."""
        sampling = partial(SamplingConfig, calls=size.calls)
        schemes = ("lookahead-ar++", "ar", "ar-far-future", "hierarchy-2", "long-range", "independent")
        return [
            *(Arm(s, sampling(scheme=s)) for s in schemes),
            Arm("lookahead-ar++ without Z", sampling(scheme="lookahead-ar++", options={"use_lookahead": False})),
        ]

    def sets(self, size: Size, request: Request) -> Sequence[ClipSet]:
        """See `Comparison`."""
        return [
            traffic(size, "region"),
            traffic(size, "future frames", FirstFramesKnown(8, 8)),
            traffic(size, "frames between", WholeFramesHole()),
        ]

    def _finish(
        self, folder: RunFolder, results: Mapping[str, Evaluation], sets: Sequence[ClipSet], arms: Sequence[Arm]
    ) -> Outcome:
        outcome = super()._finish(folder, results, sets, arms)
        window = int(load_model(folder.settings["model"])[1].config["window"])
        losses = {s.name: predicted_losses(s, arms, window) for s in sets}
        folder.write("predicted.json", losses)
        figure = _draw(results, losses, folder.path / "predicted.png")
        files = (*outcome.files, folder.path / "predicted.json", figure)
        return Outcome(f"{outcome.text}\n\n{_text(results, losses)}", files)


def predicted_losses(clip_set: ClipSet, arms: Sequence[Arm], window: int) -> dict[str, float]:
    """Nats that every arm's scheme loses on Gaussian videos with the holes of these clips, mean over clips; 0 is exact.

    Args:
        clip_set: a frame that is hidden as a whole is so there, one that is hidden in part has half of its pixels hidden.
        arms: with a sampling scheme each.
        window: K of the model.
    """
    rows = [as_row(clip.hole) for _, clip in clip_set.make()]

    @cache
    def loss(arm: int, row: bytes, frames: int) -> float:
        sampling = arms[arm].sampling
        assert sampling is not None, "a baseline has no scheme"
        hole = np.frombuffer(row, dtype=bool).reshape(frames, _PIXELS)
        return float(scheme_kl(sampling.sampling_scheme(window), GaussianVideo(frames, _PIXELS), hole))

    return {arm.name: float(np.mean([loss(k, row.tobytes(), len(row)) for row in rows])) for k, arm in enumerate(arms)}


def as_row(hole: Bool[Tensor, "t 1 h w"]) -> Bool[np.ndarray, "t p"]:
    """The hole of a video of rows of pixels that hides the same frames, as a whole or in part."""
    pixels = hole.flatten(1).numpy()  # t n
    some, every = pixels.any(axis=1, keepdims=True), pixels.all(axis=1, keepdims=True)
    return every | (some & (np.arange(_PIXELS) < _PIXELS // 2))


def _measured(found: Evaluation, arm: str, score: str) -> float:
    if score in found.set_names:
        value = found.sets[arm].get(score)
        return math.nan if value is None else value.value
    return found.mean(arm, score) if score in found.score_names else math.nan


def _text(results: Mapping[str, Evaluation], losses: Mapping[str, Mapping[str, float]]) -> str:
    """Predicted losses, and whether what was measured is in their order."""
    lines = [
        "Nats that a scheme loses on Gaussian videos with these holes (0 is exact), not measured with the network:"
    ]
    width = max(len(arm) for row in losses.values() for arm in row)
    for name, row in losses.items():
        lines += [
            f"== {name}",
            *(f"{arm:<{width}}  {nats:8.3f}" for arm, nats in sorted(row.items(), key=lambda k: k[1])),
        ]
        for score in _MEASURED:
            values = [_measured(results[name], arm, score) for arm in row]
            if not any(map(math.isnan, values)) and len(set(values)) > 1 and len(set(row.values())) > 1:
                sign = 1 if lower_is_better(score) else -1
                agreement = sign * float(spearmanr(list(row.values()), values).statistic)
                lines.append(f"rank agreement with {_MEASURED[score]}, {len(values)} schemes: {agreement:+.2f}")
    return "\n".join(lines)


def _draw(results: Mapping[str, Evaluation], losses: Mapping[str, Mapping[str, float]], path: Path) -> Path:
    """A panel a score: what was measured over what is predicted to be lost, a colour a set of clips, a number a scheme."""
    panels = [s for s in _MEASURED if any(s in (*e.score_names, *e.set_names) for e in results.values())]
    figure = Figure(figsize=(5.2 * len(panels), 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, score in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for k, (name, row) in enumerate(losses.items()):
            colour = _COLOURS[k % len(_COLOURS)]
            for i, (arm, nats) in enumerate(row.items()):
                value = _measured(results[name], arm, score)
                axes.plot(nats, value, "o", ms=4, color=colour, label=name if i == 0 else None)
                axes.annotate(str(i + 1), (nats, value), (3, 3), textcoords="offset points", fontsize=8, color=colour)
        axes.set_xscale("symlog", linthresh=0.1)
        axes.set_xlabel("predicted loss, nats (0 is exact)")
        axes.set_title(f"{_MEASURED[score]} ({'less' if lower_is_better(score) else 'more'} is better)", fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    arms = next(iter(losses.values()))
    figure.suptitle(",  ".join(f"{i + 1} {arm}" for i, arm in enumerate(arms)), fontsize=9)
    return write_file(path, lambda file: figure.savefig(file, format="png", dpi=110), overwrite=True)
