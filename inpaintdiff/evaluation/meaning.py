"""Scores beyond the picture, for `evaluate(further=...)`: what vehicles do in a known place, which cars were invented,
and what several answers tell together.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.evaluation.car_classes import Kind, coverage, facts_of, kinds_of
from inpaintdiff.evaluation.known_worlds import Cars, Known
from inpaintdiff.evaluation.stats import SetScore
from inpaintdiff.metrics.generative import Calibration, best_and_mean, calibration, diversity
from inpaintdiff.metrics.semantic import NOTHING, SemanticCounts, motion_distance, semantic_counts
from inpaintdiff.metrics.semantic_world import World
from inpaintdiff.types import VideoClip

# what `Meaning.facts` has by method
FACTS = ("semantic", "calibration", "cars")

# of white: known pixels of a clip differ from its place by less, in the median over time
_SAME_PLACE = 0.03


@dataclass
class Counted:
    """What has been counted, of one process or of all.

    Attributes:
        semantic: by method.
        truths: by video; None where its place is not known.
        calibration: by method.
        kinds: of invented cars, by method.
        true_kinds: of the cars that were there.
    """

    semantic: dict[str, SemanticCounts] = field(default_factory=dict)
    truths: dict[str, SemanticCounts | None] = field(default_factory=dict)
    calibration: dict[str, Calibration] = field(default_factory=dict)
    kinds: dict[str, Counter[Kind | None]] = field(default_factory=dict)
    true_kinds: Counter[Kind | None] = field(default_factory=Counter)

    def add(self, other: "Counted") -> None:
        """Add what was counted of other videos."""
        for mine, theirs in (
            (self.semantic, other.semantic),
            (self.calibration, other.calibration),
            (self.kinds, other.kinds),
        ):
            total: dict[str, Any] = mine
            for method, counts in theirs.items():
                total[method] = total[method] + counts if method in total else counts
        self.truths |= other.truths
        self.true_kinds = self.true_kinds + other.true_kinds


class Meaning:
    """Semantic scores where the place of a clip is known, shares of cars where those are, generative scores of more than one answer.

    Args:
        known: of the videos.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._counted = Counted()
        self._cars: tuple[str, Cars | None] = ("", None)

    def __call__(
        self, method: str, video: str, clip: VideoClip, answers: Float[Tensor, "s t c h w"]
    ) -> dict[str, float]:
        """Further scores of a method's answers to a clip, by the names of `SCORES`: means over answers, or of all together."""
        found: dict[str, float] = {}
        one = Counted()
        new = video not in self._counted.truths
        place = self._known.place(video)
        if new:
            shown = place is not None and shows(place, clip)
            one.truths[video] = semantic_counts(clip.frames, clip.hole, place) if place is not None and shown else None
        if place is not None and {**self._counted.truths, **one.truths}[video] is not None:
            counts = [semantic_counts(a, clip.hole, place) for a in answers]
            each = [c.scores() for c in counts]
            found |= {name: _mean([scores[name] for scores in each]) for name in ("semantic", "conservation")}
            one.semantic[method] = sum(counts, NOTHING)
        if (cars := self._cars_of(video)) is not None and (kinds := kinds_of(answers, clip, cars)) is not None:
            one.kinds[method] = Counter(kinds)
            if new:
                one.true_kinds = Counter(kinds_of(clip.frames[None], clip, cars))
        if len(answers) > 1:
            several = best_and_mean(answers, clip.frames, clip.hole)
            found |= {name: several[name] for name in ("psnr_hole_best_of_k", "psnr_hole_of_mean")}
            found["diversity"] = diversity(answers, clip.hole)
        if len(answers) > 2:
            told = calibration(answers, clip.frames, clip.hole)
            found |= told.scores()
            one.calibration[method] = told
        self._counted.add(one)
        return found

    def _cars_of(self, video: str) -> Cars | None:
        """Drawn once for all methods."""
        if self._cars[0] != video:
            self._cars = (video, self._known.cars(video))
        return self._cars[1]

    def counted(self) -> Counted:
        """What this process has counted."""
        return self._counted

    def total(self, parts: Sequence[Counted]) -> None:
        """From now on tell of the videos of all processes."""
        self._counted = Counted()
        for part in parts:
            self._counted.add(part)

    def of_sets(self, method: str) -> dict[str, SetScore]:
        """Distances of a method's shares from the known ones, by the names of `SET_SCORES`."""
        kinds = self._counted.kinds.get(method)
        if kinds is None:
            return {}
        return {
            f"{kind}_shares": SetScore(found.distance, kinds.total())
            for kind, found in coverage(kinds, self._known.shares).items()
        }

    def truth(self) -> float:
        """Mean semantic score of the truth itself, which is what the instrument can tell at best; NaN without known places."""
        return _mean([c.scores()["semantic"] for c in self._counted.truths.values() if c is not None])

    def facts(self) -> dict[str, Any]:
        """Over all videos together: the shares of every law, distances of speeds and accelerations to the truth's, reliability curves."""
        truths = [c for c in self._counted.truths.values() if c is not None]
        facts: dict[str, Any] = {}
        if truths:
            whole = sum(truths, NOTHING)
            facts["semantic"] = {
                "truth": {"semantic_mean": _plain(self.truth()), **_rounded(whole.scores())},
                **{m: _rounded(c.scores() | motion_distance(c, whole)) for m, c in self._counted.semantic.items()},
            }
        if self._counted.calibration:
            facts["calibration"] = {
                m: _rounded(c.scores())
                | {k: v.tolist() for k, v in zip(("expected", "observed", "share"), c.curve(), strict=True)}
                for m, c in self._counted.calibration.items()
            }
        if self._counted.kinds:
            every = {"truth": self._counted.true_kinds, **self._counted.kinds}
            facts["cars"] = {m: facts_of(kinds, self._known.shares) for m, kinds in every.items()}
        return facts


def shows(world: World, clip: VideoClip) -> bool:
    """Does a clip show this place? What is known of its pixels, in the median over time, is that of the empty place."""
    if clip.frames.shape[1:] != world.background.shape:
        return False
    hidden = clip.hole.cpu()
    # whole frames may be hidden: what the others show of a pixel is enough
    usual = clip.frames.cpu().masked_fill(hidden, math.nan).nanmedian(dim=0).values
    known = ~hidden.all(dim=0)[0]
    off = (usual - world.background).abs().mean(dim=0)[known] / 2
    return bool(len(off) and torch.median(off) < _SAME_PLACE)


def _mean(values: list[float]) -> float:
    some = [x for x in values if not math.isnan(x)]
    return float(np.mean(some)) if some else math.nan


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def _rounded(scores: dict[str, float]) -> dict[str, float | None]:
    return {name: _plain(value) for name, value in scores.items()}
