"""Scores of every method on every video, their means, and differences with intervals."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inpaintdiff.evaluation.protocol import SCORES, SET_SCORES, Protocol
from inpaintdiff.metrics.paired import Difference, paired_difference


@dataclass(frozen=True)
class VideoResult:
    """One method on one video.

    Attributes:
        video: its name.
        scores: by the names of `SCORES`, mean over samples; NaN where a score is not defined.
        seconds_per_frame: wall time of painting one answer, over all frames of the video; NaN if it was painted elsewhere.
        calls: network calls of one answer.
        frames: how many the video has; its weight where a protocol pools frames.
        peak_memory: MB that painting took on top of what was there before; NaN if not measured.
    """

    video: str
    scores: Mapping[str, float]
    seconds_per_frame: float
    calls: int
    frames: int = 1
    peak_memory: float = math.nan


@dataclass(frozen=True)
class SetScore:
    """A distance between all painted videos and all true ones.

    Attributes:
        value: of the distance.
        n: features on either side, without which a Frechet distance says nothing.
    """

    value: float
    n: int


@dataclass(frozen=True)
class ScoredVideos:
    """All scores.

    Attributes:
        protocol: how they were scored.
        results: of every method, in the same order of videos. The first method is "ours".
        about: plain facts: samples, seed, where the clips come from, what each method is.
        sets: of every method, distances by the names of `SET_SCORES`.
        networks: kind of feature network: name and SHA-256 of the file of its weights.
        absent: family of metrics: a sentence about why there is no number.
    """

    protocol: Protocol
    results: Mapping[str, tuple[VideoResult, ...]]
    about: Mapping[str, Any]
    sets: Mapping[str, Mapping[str, SetScore]] = field(default_factory=dict)
    networks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names, ours first."""
        return tuple(self.results)

    @property
    def score_names(self) -> list[str]:
        """Scores of single videos that any method has, in the order of tables."""
        found = {name for videos in self.results.values() for v in videos for name in v.scores}
        return [name for name in SCORES if name in found]

    @property
    def set_names(self) -> list[str]:
        """Distances of sets that any method has, in the order of tables."""
        return [name for name in SET_SCORES if any(name in found for found in self.sets.values())]

    def scores(self, method: str, score: str) -> list[float]:
        """One score of every video, NaN where it is missing."""
        return [v.scores.get(score, math.nan) for v in self.results[method]]

    def mean(self, method: str, score: str) -> float:
        """Mean over the videos that have the score, by frames where the protocol pools them; NaN if none has."""
        pairs = [
            (x, v.frames)
            for x, v in zip(self.scores(method, score), self.results[method], strict=True)
            if not math.isnan(x)
        ]
        if not pairs:
            return math.nan
        values, frames = zip(*pairs, strict=True)
        return float(np.average(values, weights=frames if self.protocol.pooled else None))

    def cost(self, method: str, name: str) -> float:
        """Mean over videos of seconds_per_frame, calls or peak_memory; NaN where it was not measured."""
        values = [float(getattr(v, name)) for v in self.results[method]]
        known = [x for x in values if not math.isnan(x)]
        return float(np.mean(known)) if known else math.nan

    def difference(self, other: str, score: str) -> Difference:
        """Ours minus another method, with its paired interval."""
        ours, theirs = self.scores(self.methods[0], score), self.scores(other, score)
        return paired_difference(ours, theirs, self.protocol.confidence, self.protocol.resamples)
