"""`evaluate`: several painters over the same clips, one clip in memory at a time."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from inpaintdiff.baselines import make_baseline
from inpaintdiff.errors import HoleError, SettingError
from inpaintdiff.evaluation.protocol import V1, Protocol
from inpaintdiff.evaluation.results import Evaluation, VideoResult
from inpaintdiff.inpaint.composite import composite
from inpaintdiff.metrics.frame import sample_scores
from inpaintdiff.types import VideoClip

# clip, number of answers, seed -> answers [s t c h w]; a method with one answer may return one, whatever was asked for
Painter = Callable[[VideoClip, int, int], Tensor]


@dataclass(frozen=True)
class Method:
    """Something that fills holes, under a name.

    Attributes:
        name: in tables.
        paint: (clip, samples, seed) -> [s t c h w] in [-1, 1]; sees 0 under the hole.
        calls: network calls that it takes for one answer to a clip; None for no network.
        about: plain facts for the result file, as model and sampling settings.
    """

    name: str
    paint: Painter
    calls: Callable[[VideoClip], int] | None = None
    about: Mapping[str, Any] | None = None


def baseline_method(name: str) -> Method:
    """A baseline as a method, under its own name.

    Raises:
        SettingError: an unknown name.
    """
    baseline = make_baseline(name)
    return Method(name, lambda clip, samples, seed: baseline.paint(clip)[None], about={"baseline": name})


def evaluate(
    methods: Sequence[Method],
    clips: Iterable[tuple[str, VideoClip]],
    samples: int = 1,
    seed: int = 0,
    protocol: Protocol = V1,
    about: Mapping[str, Any] | None = None,
    before: Callable[[str, str], None] | None = None,
    after: Callable[[str, VideoClip, dict[str, Float[Tensor, "s t c h w"]]], None] | None = None,
) -> Evaluation:
    """Let every method paint every clip and score what it painted.

    No method sees the truth under the hole. Clip i is painted with seed + i, so that scores do not depend on how many clips follow.

    Args:
        methods: the first is compared with each of the others.
        clips: name and clip, unbatched, the truth in `frames`; taken one by one.
        samples: answers a clip; scores are averaged over them.
        seed: of the first clip.
        protocol: card of the result; only `v1` is known how to score.
        about: plain facts for the result file, as where the clips come from.
        before: called with (video, method) before it paints.
        after: called with (video, clip, answers of each method, composited) when a clip is done.

    Raises:
        SettingError: no method or no clip, a name twice, or a method painted something that cannot be scored.
        HoleError: a clip without a hole.
    """
    _unique("method", [m.name for m in methods])
    results: dict[str, list[VideoResult]] = {m.name: [] for m in methods}
    seen: list[str] = []
    for i, (name, clip) in enumerate(clips):
        if not clip.hole.any():
            raise HoleError(
                f"{name} has no hole, so there is nothing to score; expected clips with hole files beside them"
            )
        _unique("video", seen := [*seen, name])
        hidden = VideoClip(clip.frames.masked_fill(clip.hole, 0.0), clip.hole, clip.index)
        answers = {}
        for method in methods:
            if before is not None:
                before(name, method.name)
            begun = time.perf_counter()
            painted = method.paint(hidden, samples, seed + i)
            seconds = time.perf_counter() - begun
            answers[method.name] = answer = _composited(method.name, name, clip, painted)
            scores = sample_scores(answer, clip.frames, clip.hole)
            per_frame = seconds / clip.length / len(answer)
            calls = 0 if method.calls is None else method.calls(clip)
            results[method.name].append(VideoResult(name, {k: float(v) for k, v in scores.items()}, per_frame, calls))
        if after is not None:
            after(name, clip, answers)
    if not seen:
        raise SettingError("there is no clip to evaluate on; expected at least one")
    facts = {
        "samples": samples,
        "seed": seed,
        **(about or {}),
        "methods": {m.name: dict(m.about or {}) for m in methods},
    }
    return Evaluation(protocol, {name: tuple(videos) for name, videos in results.items()}, facts)


def _composited(method: str, video: str, clip: VideoClip, painted: Tensor) -> Float[Tensor, "s t c h w"]:
    if painted.ndim != 5 or painted.shape[1:] != clip.frames.shape or len(painted) == 0:
        raise SettingError(
            f"{method} painted {tuple(painted.shape)} for {video}; expected (samples, {', '.join(map(str, clip.frames.shape))})"
        )
    hole = clip.hole.expand(len(painted), -1, -1, -1, -1)
    source = clip.frames.expand(len(painted), -1, -1, -1, -1)
    answer = composite(source, painted.detach().to(clip.frames.device), hole).clamp(-1, 1)
    if answer.isnan().any():
        raise SettingError(f"{method} painted values that are not numbers into {video}; expected values in [-1, 1]")
    return answer


def _unique(what: str, names: Sequence[str]) -> None:
    if not names:
        raise SettingError(f"there is no {what} to evaluate; expected at least one")
    for name in names:
        if names.count(name) > 1:
            raise SettingError(
                f"{what} {name!r} comes twice; scores are paired by name, so every name must be used once"
            )
