"""What raters answered in a blind study: shares with exact intervals, and Bradley-Terry strengths over all pairs."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import binomtest

from inpaintdiff.errors import SettingError
from inpaintdiff.report.study import KEY_SCHEMA

_ANSWERS = "inpaintdiff.answers/1"
_RESAMPLES = 2000
# Half a win of each over each other: strengths stay finite where one always wins, and move little where there are many answers.
_PRIOR = 0.5
_STEPS = 10_000  # far more than convergence takes


@dataclass(frozen=True)
class Pair:
    """One method against another.

    Attributes:
        first, second: names.
        wins: of the first.
        answers: how many.
        low, high: exact binomial 95 % interval (Clopper-Pearson) of the first's share.
        chance: probability that as one-sided a result is luck.
    """

    first: str
    second: str
    wins: int
    answers: int
    low: float
    high: float
    chance: float


@dataclass(frozen=True)
class StudyResult:
    """What a study showed.

    Attributes:
        raters: their names.
        pairs: every pair that was answered.
        strengths: method: Bradley-Terry strength (log odds against an average method) and its 95 % interval, over resampled videos.
        left: share of answers for the left side, and the probability that as one-sided a habit is luck.
        agreement: share of pairs of raters that gave the same answer to the same trial; None with one rater.
    """

    raters: tuple[str, ...]
    pairs: tuple[Pair, ...]
    strengths: dict[str, tuple[float, float, float]]
    left: tuple[float, float]
    agreement: float | None

    def text(self) -> str:
        """For people."""
        n = sum(p.answers for p in self.pairs)
        lines = [f"{n} answers of {len(self.raters)} rater{'' if len(self.raters) == 1 else 's'}", ""]
        for p in self.pairs:
            shown = "shown" if p.low > 0.5 or p.high < 0.5 else "not shown to differ"
            lines.append(
                f"  {p.first} before {p.second}: {p.wins} of {p.answers}, {p.wins / p.answers:.0%} "
                f"[{p.low:.0%}, {p.high:.0%}], p = {p.chance:.3f}, {shown}"
            )
        lines += ["", "Bradley-Terry strength, log odds against the average method, 95% interval over videos"]
        for name, (value, low, high) in sorted(self.strengths.items(), key=lambda x: -x[1][0]):
            lines.append(f"  {name}: {value:+.2f} [{low:+.2f}, {high:+.2f}]")
        lines += ["", f"Left was chosen in {self.left[0]:.0%} of the answers (p = {self.left[1]:.3f})."]
        if self.agreement is not None:
            lines.append(f"Two raters gave the same answer to the same pair in {self.agreement:.0%} of the cases.")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "schema": "inpaintdiff.study-result/1",
            "raters": list(self.raters),
            "pairs": [vars(p) for p in self.pairs],
            "strengths": {m: dict(zip(("value", "low", "high"), s, strict=True)) for m, s in self.strengths.items()},
            "left": dict(zip(("share", "chance"), self.left, strict=True)),
            "agreement": self.agreement,
        }


def score_study(key: Path | str, answers: Sequence[Path | str], seed: int = 0) -> StudyResult:
    """Decode answers by the key and count them.

    Intervals of single pairs take answers as independent; those of strengths resample whole videos with all their answers, as answers
    to the same video are alike.

    Args:
        key: file of `write_study`.
        answers: files that raters saved.
        seed: of the resampling.

    Raises:
        SettingError: a file that is none of these, or of another study; a trial that is answered twice by one rater.
    """
    known = _read(Path(key), KEY_SCHEMA, "the key of a study, as `inpaintdiff report --study` writes it")
    trials = {t["trial"]: t for t in known["trials"]}
    methods: list[str] = known["methods"]
    wins: dict[str, Float[np.ndarray, "m m"]] = {
        t["video"]: np.zeros((len(methods), len(methods))) for t in known["trials"]
    }
    raters: list[str] = []
    by_trial: dict[int, list[str]] = defaultdict(list)
    sides: Counter[str] = Counter()
    for path in map(Path, answers):
        found = _read(path, _ANSWERS, "answers that a page of a study saved")
        if found.get("study") != known["study"]:
            raise SettingError(f"{path} answers study {found.get('study')}, the key {key} is of study {known['study']}")
        rater = str(found.get("rater"))
        if rater in raters:
            raise SettingError(f"{path} is by {rater}, as another file is; give each rater's answers once")
        raters.append(rater)
        seen = set()
        for answer in found["answers"]:
            k, side = answer.get("trial"), answer.get("side")
            if k not in trials or side not in ("left", "right") or k in seen:
                raise SettingError(f"{path} has an answer that cannot be: {answer}; expected each trial at most once")
            seen.add(k)
            won, lost = trials[k][side], trials[k]["right" if side == "left" else "left"]
            wins[trials[k]["video"]][methods.index(won), methods.index(lost)] += 1
            by_trial[k].append(won)
            sides[side] += 1
    if not sides:
        raise SettingError("there are no answers; give the files that the raters saved")
    per_video = np.stack(list(wins.values()))
    total = per_video.sum(axis=0)
    left = binomtest(sides["left"], sides.total())
    return StudyResult(
        tuple(raters),
        tuple(_pairs(methods, total)),
        _strengths(methods, per_video, seed),
        (sides["left"] / sides.total(), float(left.pvalue)),
        _agreement(by_trial),
    )


def bradley_terry(wins: Float[np.ndarray, "*r m m"], prior: float = _PRIOR) -> Float[np.ndarray, "*r m"]:
    """Strengths b with P(i before j) = 1 / (1 + exp(b_j - b_i)), of mean 0: maximum likelihood by minorisation (Hunter 2004).

    Args:
        wins: row before column; several tables at once may be given.
        prior: wins that are added to every pair, either way.
    """
    m = wins.shape[-1]
    counts = wins + prior * (1 - np.eye(m))
    games, won = counts + counts.swapaxes(-1, -2), counts.sum(axis=-1)
    log = np.zeros(won.shape)
    for _ in range(_STEPS):
        p = np.exp(log)
        new = np.log(won / (games / (p[..., :, None] + p[..., None, :])).sum(axis=-1))
        new -= new.mean(axis=-1, keepdims=True)
        change = np.abs(new - log).max()
        log = new
        if change < 1e-9:
            break
    return log


def _pairs(methods: Sequence[str], total: Float[np.ndarray, "m m"]) -> list[Pair]:
    pairs = []
    for i, a in enumerate(methods):
        for j in range(i + 1, len(methods)):
            k, n = int(total[i, j]), int(total[i, j] + total[j, i])
            if n:
                test = binomtest(k, n)
                interval = test.proportion_ci(0.95, method="exact")
                pairs.append(Pair(a, methods[j], k, n, float(interval.low), float(interval.high), float(test.pvalue)))
    return pairs


def _strengths(
    methods: Sequence[str], per_video: Float[np.ndarray, "v m m"], seed: int
) -> dict[str, tuple[float, float, float]]:
    rng = np.random.default_rng(seed)
    value = bradley_terry(per_video.sum(axis=0))
    draws = rng.integers(len(per_video), size=(_RESAMPLES, len(per_video)))
    every = bradley_terry(per_video[draws].sum(axis=1))
    low, high = np.quantile(every, (0.025, 0.975), axis=0)
    return {m: (float(value[i]), float(low[i]), float(high[i])) for i, m in enumerate(methods)}


def _agreement(by_trial: dict[int, list[str]]) -> float | None:
    same = pairs = 0
    for answers in by_trial.values():
        n = len(answers)
        pairs += n * (n - 1) // 2
        same += sum(c * (c - 1) // 2 for c in Counter(answers).values())
    return same / pairs if pairs else None


def _read(path: Path, schema: str, expected: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] != schema:
            raise ValueError(f"schema {found['schema']!r}")
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise SettingError(f"{path} cannot be used ({e}); expected {expected}") from e
    return dict(found)
