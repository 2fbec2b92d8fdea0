"""Scores beyond the picture, for `evaluate(further=...)`: what vehicles do in a known place, and what several answers tell together."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.metrics.generative import Calibration, best_and_mean, calibration, diversity
from inpaintdiff.metrics.semantic import NOTHING, SemanticCounts, motion_distance, semantic_counts
from inpaintdiff.metrics.semantic_world import World
from inpaintdiff.types import VideoClip

# of white: known pixels of a clip differ from its place by less, in the median over time
_SAME_PLACE = 0.03


class Meaning:
    """Semantic scores where the place of a clip is known, generative scores where there is more than one answer.

    Args:
        world: name of a video -> its place, or None where that is not known.
    """

    def __init__(self, world: Callable[[str], World | None]) -> None:
        self._world = world
        self._counts: dict[str, SemanticCounts] = {}
        self._truths: dict[str, SemanticCounts | None] = {}
        self._calibration: dict[str, Calibration] = {}

    def __call__(
        self, method: str, video: str, clip: VideoClip, answers: Float[Tensor, "s t c h w"]
    ) -> dict[str, float]:
        """Further scores of a method's answers to a clip, by the names of `SCORES`: means over answers, or of all together."""
        found: dict[str, float] = {}
        place = self._world(video)
        if video not in self._truths:
            self._truths[video] = (
                semantic_counts(clip.frames, clip.hole, place) if place is not None and shows(place, clip) else None
            )
        if place is not None and self._truths[video] is not None:
            counts = [semantic_counts(a, clip.hole, place) for a in answers]
            each = [c.scores() for c in counts]
            found |= {name: _mean([scores[name] for scores in each]) for name in ("semantic", "conservation")}
            self._counts[method] = sum(counts, self._counts.get(method, NOTHING))
        if len(answers) > 1:
            several = best_and_mean(answers, clip.frames, clip.hole)
            found |= {name: several[name] for name in ("psnr_hole_best_of_k", "psnr_hole_of_mean")}
            found["diversity"] = diversity(answers, clip.hole)
        if len(answers) > 2:
            told = calibration(answers, clip.frames, clip.hole)
            found |= told.scores()
            self._calibration[method] = self._calibration[method] + told if method in self._calibration else told
        return found

    def truth(self) -> float:
        """Mean semantic score of the truth itself, which is what the instrument can tell at best; NaN without known places."""
        return _mean([c.scores()["semantic"] for c in self._truths.values() if c is not None])

    def facts(self) -> dict[str, Any]:
        """Over all videos together: the shares of every law, distances of speeds and accelerations to the truth's, reliability curves."""
        truths = [c for c in self._truths.values() if c is not None]
        facts: dict[str, Any] = {}
        if truths:
            whole = sum(truths, NOTHING)
            facts["semantic"] = {
                "truth": {"semantic_mean": _plain(self.truth()), **_rounded(whole.scores())},
                **{m: _rounded(c.scores() | motion_distance(c, whole)) for m, c in self._counts.items()},
            }
        if self._calibration:
            facts["calibration"] = {
                m: _rounded(c.scores())
                | {k: v.tolist() for k, v in zip(("expected", "observed", "share"), c.curve(), strict=True)}
                for m, c in self._calibration.items()
            }
        return facts


def shows(world: World, clip: VideoClip) -> bool:
    """Does a clip show this place? Its known pixels, in the median over time, are those of the empty place."""
    if clip.frames.shape[1:] != world.background.shape:
        return False
    usual = clip.frames.cpu().median(dim=0).values
    known = ~clip.hole.cpu().any(dim=0)[0]
    off = (usual - world.background).abs().mean(dim=0)[known] / 2
    return bool(len(off) and torch.median(off) < _SAME_PLACE)


def _mean(values: list[float]) -> float:
    some = [x for x in values if not math.isnan(x)]
    return float(np.mean(some)) if some else math.nan


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def _rounded(scores: dict[str, float]) -> dict[str, float | None]:
    return {name: _plain(value) for name, value in scores.items()}
