"""Tables of a review as HTML: means and differences with intervals, what is absent, the protocol card."""

import html
import json
import math

from inpaintdiff.evaluation import SCORES, Evaluation
from inpaintdiff.evaluation.protocol import SET_SCORES, arrow, lower_is_better
from inpaintdiff.evaluation.tables import compared
from inpaintdiff.metrics.paired import FEW_VIDEOS, Difference, paired_difference

_COSTS = {"seconds_per_frame": ("seconds a frame", "{:.3g}"), "calls": ("network calls", "{:g}")}


def notes(found: Evaluation) -> str:
    """The sentence of what differs, and what was not computed and why."""
    lines = [found.sentence()] if len(found.methods) > 1 else []
    n = len(found.results[found.methods[0]])
    if n < FEW_VIDEOS and len(found.methods) == 1:
        lines.append(f"With {n} videos the intervals are too narrow.")
    for reason in dict.fromkeys(found.absent.values()):
        families = ", ".join(f for f, why in found.absent.items() if why == reason)
        lines.append(f"Not computed: {families} ({reason}).")
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def means(found: Evaluation) -> str:
    """One row a score, one column a method: the mean over videos and its bootstrap interval."""
    heads = "".join(f"<th>{html.escape(m)}</th>" for m in found.methods)
    rows = []
    for score in found.score_names:
        title, unit, digits = SCORES[score]
        cells = []
        for m in found.methods:
            values = found.scores(m, score)
            interval = paired_difference(
                values, [0.0] * len(values), found.protocol.confidence, found.protocol.resamples
            )
            cells.append(_cell(found.mean(m, score), None if found.protocol.pooled else interval, digits))
        name = html.escape(title + ("," + unit if unit else "")) + f" {arrow(score)}"
        rows.append(f"<tr><th>{name}</th>{''.join(cells)}</tr>")
    for score in found.set_names:
        title, _, digits = SET_SCORES[score]
        found_sets = [found.sets.get(m, {}).get(score) for m in found.methods]
        n = next(s.n for s in found_sets if s is not None)
        row = "".join(_cell(math.nan if s is None else s.value, None, digits) for s in found_sets)
        rows.append(f"<tr><th>{html.escape(title)}, N = {n} {arrow(score)}</th>{row}</tr>")
    for cost, (title, style) in _COSTS.items():
        values = [found.cost(m, cost) for m in found.methods]
        if any(x > 0 for x in values):
            row = "".join(f"<td>{'-' if math.isnan(x) else style.format(x)}</td>" for x in values)
            rows.append(f"<tr><th>{title}</th>{row}</tr>")
    about = f"mean over videos, and its {found.protocol.confidence:.0%} bootstrap interval"
    return (
        f'<table class="scores"><caption>{about}</caption><thead><tr><th></th>{heads}</tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table>"
    )


def differences(found: Evaluation) -> str:
    """The first method minus each other one, paired by video; nothing for one method."""
    if len(found.methods) == 1:
        return ""
    rows = []
    for score in compared(found):
        title, unit, digits = SCORES[score]
        cells = []
        for other in found.methods[1:]:
            d = found.difference(other, score)
            verdict = -d.verdict if lower_is_better(score) else d.verdict
            # whatever is smooth or still has little warp error, which is not to be ahead
            kind = "open" if score.startswith("ewarp") else {1: "ahead", 0: "open", -1: "behind"}[verdict]
            cells.append(_cell(d.mean, d, digits, kind, "+"))
        name = html.escape(title + ("," + unit if unit else ""))
        rows.append(f"<tr><th>{name} {arrow(score)}</th>{''.join(cells)}</tr>")
    heads = "".join(f"<th>{html.escape(m)}</th>" for m in found.methods[1:])
    about = f"{html.escape(found.methods[0])} minus ..., paired {found.protocol.confidence:.0%} interval over videos"
    return (
        f'<table class="scores"><caption>{about}: <span class="ahead">ahead</span>, <span class="open">not shown to '
        f'differ</span>, <span class="behind">behind</span></caption><thead><tr><th></th>{heads}</tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table>"
    )


def card(found: Evaluation) -> str:
    """Everything that the numbers depend on, folded away."""
    parts = {"protocol": found.protocol.card(), "feature networks": found.networks, "about": found.about}
    text = html.escape(json.dumps(parts, indent=1, ensure_ascii=False, default=str))
    return f'<details id="card"><summary>Protocol card, feature networks, settings</summary><pre>{text}</pre></details>'


def _cell(mean: float, interval: Difference | None, digits: int, kind: str = "", sign: str = "") -> str:
    if math.isnan(mean):
        return "<td>-</td>"
    text = f"{mean:{sign}.{digits}f}"
    if interval is not None and not math.isnan(interval.low):
        text += f" <small>[{interval.low:{sign}.{digits}f}, {interval.high:{sign}.{digits}f}]</small>"
    return f'<td class="{kind}">{text}</td>' if kind else f"<td>{text}</td>"
