"""`evaluate`: several painters, or folders of painted videos, over the same clips, one clip in memory at a time."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.baselines import make_baseline
from inpaintdiff.errors import HoleError, SettingError
from inpaintdiff.evaluation.meaning import Meaning
from inpaintdiff.evaluation.memory import PeakMemory
from inpaintdiff.evaluation.networks import Networks
from inpaintdiff.evaluation.protocol import V1, Protocol
from inpaintdiff.evaluation.results import Evaluation, VideoResult
from inpaintdiff.evaluation.scoring import Scores, Suite, as_compared, prepared
from inpaintdiff.inpaint.composite import composite
from inpaintdiff.types import VideoClip

# clip, number of answers, seed -> answers [s t c h w]; a method with one answer may return one, whatever was asked for
Painter = Callable[[VideoClip, int, int], Tensor]
_T = TypeVar("_T")


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


@dataclass(frozen=True)
class _Row:
    """What is known of a method on a video beside its scores."""

    video: str
    frames: int
    seconds_per_frame: float
    calls: int
    peak_memory: float
    further: Mapping[str, float]


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
    further: Meaning | None = None,
    families: Sequence[str] | None = None,
    share: tuple[int, int] = (0, 1),
    kept: Path | None = None,
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
        further: scores beyond the picture, which the protocol does not know of.
        families: of the protocol's metrics only these; all by default.
        share: number of this process and how many share the work (`torch.distributed`): `clips` are those of all whose number is
            `share[0]` modulo `share[1]`, in order. Every process gets all results.
        kept: folder for the networks' features of true videos, which later evaluations of the same videos read.

    Raises:
        SettingError: no method or no clip, a name twice, or a method painted something that cannot be scored.
        HoleError: a clip without a hole.
    """
    _unique("method", [m.name for m in methods])
    networks = networks or Networks()
    suite = Suite(protocol, networks, flow, families, kept, len(methods) * samples)
    scores = {m.name: suite.make() for m in methods}
    rows: dict[int, dict[str, _Row]] = {}
    with _failing_together(share):
        for k, (name, original) in enumerate(clips):
            i = share[0] + k * share[1]
            if not original.hole.any():
                raise HoleError(
                    f"{name} has no hole, so there is nothing to score; expected clips with hole files beside them"
                )
            _unique("clip", [*map(_name, rows.values()), name])
            clip = prepared(original, protocol)
            rows[i] = {}
            truth = clip.to(networks.device)
            answers = {}
            for method in methods:
                if before is not None:
                    before(name, method.name)
                raw, cost = _paint(method, name, clip, samples, seed + i)
                answers[method.name] = answer = _composited(method.name, name, clip, raw, protocol)
                _score(scores[method.name], answer, truth, i, None if method.painted is None else raw)
                extra = {} if further is None else further(method.name, name, clip, answer)
                rows[i][method.name] = _Row(name, clip.length, *cost, extra)
                if scored is not None:
                    scored(name, method.name)
            if after is not None:
                after(name, clip, answers)
    with ExitStack() as stack:
        if share[1] > 1:
            rows = dict(sorted((i, row) for part in gathered(rows) for i, row in part.items()))
            for absent in gathered(dict(suite.absent)):
                suite.absent |= absent
            if further is not None:
                further.total(gathered(further.counted()))
            for every in scores.values():
                stack.enter_context(every.of_all_processes())
        _unique("clip", [_name(row) for row in rows.values()])
        sets = {m.name: scores[m.name].of_sets() | (further.of_sets(m.name) if further else {}) for m in methods}
        results = {m.name: _results(m.name, rows, scores[m.name]) for m in methods}
    facts = {
        "samples": samples,
        "seed": seed,
        **(about or {}),
        **(further.facts() if further else {}),
        "methods": {m.name: dict(m.about or {}) for m in methods},
    }
    return Evaluation(protocol, results, facts, sets, networks.files, suite.absent)


@contextmanager
def _failing_together(share: tuple[int, int]) -> Iterator[None]:
    """Where the work of one process fails, that of all does: the others would wait for its results for ever."""
    if share[1] < 2:
        yield
        return
    try:
        yield
    except Exception as e:
        gathered(str(e))
        raise
    if failed := {rank: what for rank, what in enumerate(gathered(None)) if what is not None}:
        rank, what = next(iter(failed.items()))
        raise SettingError(f"process {rank} of {share[1]} could not do its share of an evaluation: {what}")


def gathered(mine: _T) -> list[_T]:
    """What every process has, in their order."""
    every: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(every, mine)
    return every


def _results(method: str, rows: Mapping[int, Mapping[str, _Row]], scores: Scores) -> tuple[VideoResult, ...]:
    every = [(i, row[method]) for i, row in rows.items()]
    return tuple(
        VideoResult(r.video, {**scores.of_video(i), **r.further}, r.seconds_per_frame, r.calls, r.frames, r.peak_memory)
        for i, r in every
    )


def _name(row: Mapping[str, _Row]) -> str:
    return next(iter(row.values())).video


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
