"""Which cars were invented, and how often: counted against the known probabilities of models and paints."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.evaluation.known_worlds import Cars
from inpaintdiff.metrics.generative import ModeCoverage, frequencies, nearest_mode
from inpaintdiff.types import VideoClip

# Root mean square distance in the hole, of [-1, 1], from which an answer shows none of the cars. The truth is at 0.00 to 0.03 after h264,
# with noise of 0.1 at 0.10; a hole filled evenly is at 0.2 and more, and a car that looks the other way at 0.16 and more.
_NO_CAR = 0.15
# of white: known pixels of a clip differ from what its seed says by less, in the median
_SAME_CLIP = 0.03

Kind = tuple[str, str]  # model and paint


def kinds_of(answers: Float[Tensor, "s t c h w"], clip: VideoClip, cars: Cars) -> list[Kind | None] | None:
    """Model and paint of the car in the hole of each answer, by the nearest of all cars that may be there.

    Args:
        answers: in [-1, 1].
        clip: the truth.
        cars: the first frames of the clip with every car.

    Returns:
        None for an answer that shows none of them; None at all if the clip is not the one that `cars` are of.
    """
    some = next(iter(cars.values()))
    t = min(len(some), clip.length)
    hole = clip.hole[:t, 0].cpu()
    if some.shape[1:] != clip.frames.shape[1:] or not hole.any() or bool(hole.all()):
        return None
    off = (clip.frames[:t].cpu() - some[:t]).abs().mean(dim=1)[~hole] / 2
    if torch.median(off) >= _SAME_CLIP:
        return None

    def inside(video: Float[Tensor, "t c h w"]) -> Float[Tensor, " n"]:
        return video[:t].cpu().movedim(1, -1)[hole].flatten()

    which, distance = nearest_mode(
        torch.stack([inside(a) for a in answers]), torch.stack([inside(c) for c in cars.values()])
    )
    names = list(cars)
    return [names[w] if d < _NO_CAR else None for w, d in zip(which.tolist(), distance.tolist(), strict=True)]


def coverage(kinds: Counter[Kind | None], shares: Mapping[str, Mapping[str, float]]) -> dict[str, ModeCoverage]:
    """How often each model and each paint came up, against their probabilities; answers without a car count as departures.

    Args:
        kinds: of all answers.
        shares: probabilities by "model" and "paint".
    """
    found = {}
    for at, kind in enumerate(("model", "paint")):
        counts = [sum(n for k, n in kinds.items() if k is not None and k[at] == name) for name in shares[kind]]
        found[kind] = frequencies(torch.tensor(counts), list(shares[kind].values()), kinds[None])
    return found


def facts_of(kinds: Counter[Kind | None], shares: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """As plain values: the counts by name, those without a car, and the probability that so large a departure is chance."""
    facts: dict[str, Any] = {"answers": kinds.total(), "no_car": kinds[None]}
    for kind, found in coverage(kinds, shares).items():
        facts[kind] = dict(zip(shares[kind], found.counts.tolist(), strict=True))
        facts[f"{kind}_distance"] = round(found.distance, 6)
        facts[f"{kind}_chance"] = None if math.isnan(found.chance) else round(found.chance, 6)
    return facts
