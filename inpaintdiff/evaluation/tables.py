"""Evaluations for people: a table with one row a score, paired intervals, and a sentence of what they show."""

import math
from collections.abc import Iterable, Sequence

from inpaintdiff.evaluation.protocol import SCORES, SET_SCORES, arrow, lower_is_better
from inpaintdiff.evaluation.stats import ScoredVideos
from inpaintdiff.metrics.paired import FEW_VIDEOS

# what methods are compared in, as far as the protocol has them; scores of the full picture follow from those of the hole where
# known pixels are exact
_COMPARED = (
    "psnr_hole", "psnr_picture", "ssim_hole", "ssim_picture", "lpips", "pvcs",
    "ewarp_hole_dis", "ewarp_hole_raft-small", "semantic",
)  # fmt: skip
_COSTS = {
    "seconds_per_frame": ("seconds a frame", "{:.3g}"),
    "calls": ("network calls", "{:g}"),
    "peak_memory": ("peak memory, MB", "{:.0f}"),
}


def table(found: ScoredVideos) -> str:
    """Means of every method, the differences to ours with intervals, what is absent, and a sentence."""
    n, samples = len(found.results[found.methods[0]]), found.about.get("samples", 1)
    lines = [
        f"{_count(n, 'video')}, {_count(samples, 'answer')} a video, protocol {found.protocol.name}: {found.protocol.about}",
        *_aligned(found),
        *_differences(found),
    ]
    if found.absent:
        reasons = dict.fromkeys(found.absent.values())
        named = {r: ", ".join(family for family, reason in found.absent.items() if reason == r) for r in reasons}
        lines += ["", *(f"not computed: {families} ({reason})" for reason, families in named.items())]
    return "\n".join([*lines, "", sentence(found)] if len(found.methods) > 1 else lines)


def sentence(found: ScoredVideos) -> str:
    """What the intervals show, in plain words."""
    ours, parts = found.methods[0], []
    for score in compared(found):
        if score.startswith("ewarp"):
            continue  # whatever is smooth or still has little of it, which is not to be ahead
        groups: dict[int, list[str]] = {1: [], 0: [], -1: []}
        for other in found.methods[1:]:
            verdict = found.difference(other, score).verdict
            groups[-verdict if lower_is_better(score) else verdict].append(other)
        words = {1: "ahead of", 0: "not shown to differ from", -1: "behind"}
        said = [f"{words[k]} {_and(others)}" for k, others in groups.items() if others]
        parts.append(f"in {SCORES[score][0]} {ours} is {'; '.join(said)}")
    n = len(found.results[ours])
    few = f" With fewer than {FEW_VIDEOS} videos the intervals are too narrow." if n < FEW_VIDEOS else ""
    text = ". ".join(p[0].upper() + p[1:] for p in parts)
    return f"{text}.{few}"


def compared(found: ScoredVideos) -> list[str]:
    """The scores that methods are compared in."""
    return [score for score in _COMPARED if score in found.score_names]


def markdown(found: ScoredVideos) -> str:
    """The same means and differences as two tables of Markdown: a row a score, then a row a method that ours is compared with."""
    lines = _markdown_table(["", *found.methods], ([title, *cells] for title, cells in _means(found)))
    if len(found.methods) > 1:
        scores = compared(found)
        head = f"{found.methods[0]} minus it, {found.protocol.confidence:.0%} interval"
        rows = ([name, *(_difference(found, name, score) for score in scores)] for name in found.methods[1:])
        lines += ["", *_markdown_table([head, *(SCORES[score][0] for score in scores)], rows)]
    return "\n".join(lines)


def _markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _means(found: ScoredVideos) -> list[tuple[str, list[str]]]:
    """What is measured, and its value for every method."""
    rows: list[tuple[str, list[str]]] = []
    for score in found.score_names:
        title, unit, digits = SCORES[score]
        means = [_text(found.mean(m, score), f"{{:.{digits}f}}") for m in found.methods]
        rows.append((f"{title}{',' if unit else ''}{unit} {arrow(score)}", means))
    for score in found.set_names:
        title, _, digits = SET_SCORES[score]
        cells = [found.sets.get(m, {}).get(score) for m in found.methods]
        n = next(x.n for x in cells if x is not None)
        rows.append(
            (
                f"{title}, N = {n} {arrow(score)}",
                ["-" if x is None else _text(x.value, f"{{:.{digits}f}}") for x in cells],
            )
        )
    for cost, (title, style) in _COSTS.items():
        values = [found.cost(m, cost) for m in found.methods]
        if any(x > 0 for x in values):
            rows.append((title, [_text(x, style) for x in values]))
    return rows


def _aligned(found: ScoredVideos) -> list[str]:
    rows = _means(found)
    first = max(len(title) for title, _ in rows)
    widths = [max(len(m), *(len(cells[k]) for _, cells in rows)) for k, m in enumerate(found.methods)]

    def line(title: str, cells: list[str]) -> str:
        return f"{title:<{first}}  " + "  ".join(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))

    return [line("", list(found.methods)), *(line(title, cells) for title, cells in rows)]


def _differences(found: ScoredVideos) -> list[str]:
    if len(found.methods) == 1:
        return []
    width = max(map(len, found.methods))
    lines = [
        "",
        f"{found.methods[0]} minus ..., mean and paired {found.protocol.confidence:.0%} interval over videos",
    ]
    for name in found.methods[1:]:
        cells = [f"{SCORES[score][0]} {_difference(found, name, score)}" for score in compared(found)]
        lines.append(f"  {name:<{width}}  " + "   ".join(f"{c:<38}" for c in cells).rstrip())
    return lines


def _difference(found: ScoredVideos, other: str, score: str) -> str:
    _, unit, digits = SCORES[score]
    d = found.difference(other, score)
    interval = "[no interval]" if math.isnan(d.low) else f"[{d.low:+.{digits}f}, {d.high:+.{digits}f}]"
    return f"{d.mean:+.{digits}f}{unit} {interval}"


def _text(x: float, style: str) -> str:
    return "-" if math.isnan(x) else style.format(x)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
