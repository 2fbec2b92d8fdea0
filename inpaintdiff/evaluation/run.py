"""`evaluate`: several painters, or folders of painted videos, over the same clips, one clip in memory at a time."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.baselines import make_baseline
from inpaintdiff.errors import HoleError, SettingError
from inpaintdiff.evaluation.memory import PeakMemory
from inpaintdiff.evaluation.networks import Networks
from inpaintdiff.evaluation.protocol import V1, Protocol
from inpaintdiff.evaluation.results import Evaluation, VideoResult
from inpaintdiff.evaluation.scoring import Scores, Suite, as_compared, prepared
from inpaintdiff.inpaint.composite import composite
from inpaintdiff.types import VideoClip

# clip, number of answers, seed -> answers [s t c h w]; a method with one answer may return one, whatever was asked for
Painter = Callable[[VideoClip, int, int], Tensor]


@dataclass(frozen=True)
class Method:
    """Something that fills holes, under a name; or videos that it has filled.

    Attributes:
        name: in tables.
        paint: (clip, samples, seed) -> [s t c h w] in [-1, 1]; sees 0 under the hole. None for videos that are there already.
        calls: network calls that it takes for one answer to a clip; None for no network.
        about: plain facts for the result file, as model and sampling settings.
        painted: (name of the video, clip) -> [1 t c h w] in [-1, 1], of the clip's size: what was painted elsewhere.
        device: where it computes, which is where its memory is measured.
    """

    name: str
    paint: Painter | None = None
    calls: Callable[[VideoClip], int] | None = None
    about: Mapping[str, Any] | None = None
    painted: Callable[[str, VideoClip], Tensor] | None = None
    device: str = "cpu"


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
    networks: Networks | None = None,
    flow: str = "dis",
    scored: Callable[[str, str], None] | None = None,
    further: Callable[[str, str, VideoClip, Float[Tensor, "s t c h w"]], Mapping[str, float]] | None = None,
) -> Evaluation:
    """Let every method paint every clip and score what it painted.

    No method sees the truth under the hole. Clip i is painted with seed + i, so that scores do not depend on how many clips follow.

    Args:
        methods: the first is compared with each of the others.
        clips: name and clip, unbatched, the truth in `frames`; taken one by one, brought to the protocol's size and dilation.
        samples: answers a clip; scores are averaged over them.
        seed: of the first clip.
        protocol: how to score; its card lies in the result.
        about: plain facts for the result file, as where the clips come from.
        before: called with (video, method) before it paints.
        after: called with (video, clip, answers of each method, composited) when a clip is done.
        networks: feature networks; metrics whose network is not there are absent, with a sentence.
        flow: of E_warp: dis or raft.
        scored: called with (video, method) after it has painted and been scored.
        further: (method, video, clip, answers) -> scores that the protocol does not know of, by the names of `SCORES`.

    Raises:
        SettingError: no method or no clip, a name twice, or a method painted something that cannot be scored.
        HoleError: a clip without a hole.
    """
    _unique("method", [m.name for m in methods])
    networks = networks or Networks()
    suite = Suite(protocol, networks, flow)
    scores = {m.name: suite.make() for m in methods}
    costs: dict[str, list[tuple[float, int, float]]] = {m.name: [] for m in methods}
    extra: dict[str, list[Mapping[str, float]]] = {m.name: [] for m in methods}
    seen: list[tuple[str, int]] = []
    for i, (name, original) in enumerate(clips):
        if not original.hole.any():
            raise HoleError(
                f"{name} has no hole, so there is nothing to score; expected clips with hole files beside them"
            )
        clip = prepared(original, protocol)
        seen.append((name, clip.length))
        _unique("video", [video for video, _ in seen])
        truth = clip.to(networks.device)
        answers = {}
        for method in methods:
            if before is not None:
                before(name, method.name)
            raw, cost = _paint(method, name, clip, samples, seed + i)
            costs[method.name].append(cost)
            answers[method.name] = answer = _composited(method.name, name, clip, raw, protocol)
            _score(scores[method.name], answer, truth, i, None if method.painted is None else raw)
            extra[method.name].append({} if further is None else further(method.name, name, clip, answer))
            if scored is not None:
                scored(name, method.name)
        if after is not None:
            after(name, clip, answers)
    if not seen:
        raise SettingError("there is no clip to evaluate on; expected at least one")
    sets = {m.name: scores[m.name].of_sets() for m in methods}
    results = {
        m.name: tuple(
            VideoResult(
                video,
                {**scores[m.name].of_video(i), **extra[m.name][i]},
                *costs[m.name][i][:2],
                frames,
                costs[m.name][i][2],
            )
            for i, (video, frames) in enumerate(seen)
        )
        for m in methods
    }
    facts = {
        "samples": samples,
        "seed": seed,
        **(about or {}),
        "methods": {m.name: dict(m.about or {}) for m in methods},
    }
    return Evaluation(protocol, results, facts, sets, networks.files, suite.absent)


def _paint(
    method: Method, video: str, clip: VideoClip, samples: int, seed: int
) -> tuple[Tensor, tuple[float, int, float]]:
    """Answers; seconds a frame, network calls and MB of one."""
    if method.painted is not None:
        return method.painted(video, clip), (math.nan, 0, math.nan)
    assert method.paint is not None
    hidden = VideoClip(clip.frames.masked_fill(clip.hole, 0.0), clip.hole, clip.index)
    begun = time.perf_counter()
    with PeakMemory(torch.device(method.device)) as memory:
        painted = method.paint(hidden, samples, seed)
    seconds = time.perf_counter() - begun
    calls = 0 if method.calls is None else method.calls(clip)
    return painted, (seconds / clip.length / max(1, len(painted)), calls, memory.megabytes)


def _score(
    scores: Scores, answers: Float[Tensor, "s t c h w"], truth: VideoClip, video: int, raw: Tensor | None
) -> None:
    device = truth.frames.device
    scores.add(answers.to(device), truth.frames, truth.hole, video, None if raw is None else raw.to(device))


def _composited(
    method: str, video: str, clip: VideoClip, painted: Tensor, protocol: Protocol
) -> Float[Tensor, "s t c h w"]:
    if painted.ndim != 5 or painted.shape[1:] != clip.frames.shape or len(painted) == 0:
        raise SettingError(
            f"{method} painted {tuple(painted.shape)} for {video}; expected (samples, {', '.join(map(str, clip.frames.shape))})"
        )
    hole = clip.hole.expand(len(painted), -1, -1, -1, -1)
    source = clip.frames.expand(len(painted), -1, -1, -1, -1)
    answer = composite(source, as_compared(painted.detach().to(clip.frames.device), protocol), hole).clamp(-1, 1)
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
