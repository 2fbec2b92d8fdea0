"""A plan to look at before paying for it: as plain data, and as a chart for the terminal."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from inpaintdiff.schemes.stage import Stage

LATENT, LOOKAHEAD, OBSERVED, DONE, UNTOUCHED = "█", "◆", "●", "─", "·"
LEGEND = (
    f"{LATENT} painted now (X)  {LOOKAHEAD} looked ahead at, incomplete (Z)  {OBSERVED} observed, complete (Y)  "
    f"{DONE} complete  {UNTOUCHED} still to paint"
)

# A bin of several frames shows the first of these that any of its frames has.
_PRIORITY = {role: rank for rank, role in enumerate((LATENT, LOOKAHEAD, OBSERVED, UNTOUCHED, DONE))}


def plan_as_dict(stages: Iterable[Stage], solver_calls_per_stage: int) -> dict[str, object]:
    """Plain data, for JSON.

    Returns:
        {"stages": [{"latent": [...], "lookahead": [...], "observed": [...]}, ...], "calls": network calls in total}.
    """
    rows = [{"latent": list(s.latent), "lookahead": list(s.lookahead), "observed": list(s.observed)} for s in stages]
    return {"stages": rows, "calls": len(rows) * solver_calls_per_stage}


def plan_as_text(stages: Iterable[Stage], incomplete: Sequence[bool], width: int = 100, rows: int = 60) -> str:
    """Chart of frames (across) by stages (down), with a ruler and a legend.

    Args:
        stages: the plan.
        incomplete: which frames have a hole at the start.
        width: characters of a line, at least 20. Longer videos are binned: several frames share a character, which shows the
            most important role among them.
        rows: most stages drawn; of longer plans the first and the last ones.

    Returns:
        Lines joined by newlines, without one at the end.
    """
    plan = list(stages)
    if not plan:
        return f"nothing to paint: all {len(incomplete)} frames are complete"
    label = len(f"stage {len(plan)} ")
    columns = min(len(incomplete), max(1, max(20, width) - label - 2))
    shown = (
        set(range(len(plan))) if len(plan) <= rows else {*range(rows // 2), *range(len(plan) - rows // 2, len(plan))}
    )
    lines = [_ruler(label, len(incomplete), columns)]
    state = [UNTOUCHED if hole else DONE for hole in incomplete]
    for k, stage in enumerate(plan):
        if k in shown:
            lines.append(f"stage {k + 1:<{label - 6}}│{_line(state, stage, columns)}│")
        elif k - 1 in shown:
            lines.append(f"{'⋮':>{label}} {len(plan) - len(shown)} more stages")
        for i in stage.latent:
            state[i] = DONE
    per = len(incomplete) / columns
    scale = f"; one character is {per:.3g} frames" if per > 1 else ""
    painted, largest = sum(len(s.latent) for s in plan), max(len(s.frames) for s in plan)
    count = "1 stage paints" if len(plan) == 1 else f"{len(plan)} stages paint"
    lines += [LEGEND, f"{count} {painted} of {len(incomplete)} frames, at most {largest} in a window{scale}"]
    return "\n".join(lines)


def _line(state: Sequence[str], stage: Stage, columns: int) -> str:
    frames = len(state)
    if columns == frames:
        cells = list(state)
    else:
        edges = [c * frames // columns for c in range(columns + 1)]
        cells = [UNTOUCHED if UNTOUCHED in state[a:b] else DONE for a, b in pairwise(edges)]
    for role, members in ((LATENT, stage.latent), (LOOKAHEAD, stage.lookahead), (OBSERVED, stage.observed)):
        for i in members:
            # the bin whose range [c N / columns, (c + 1) N / columns) holds frame i
            at = ((i + 1) * columns - 1) // frames
            if _PRIORITY[role] < _PRIORITY[cells[at]]:
                cells[at] = role
    return "".join(cells)


def _ruler(label: int, frames: int, columns: int) -> str:
    """Frame numbers above their columns, about every ten characters, where they do not run into each other."""
    line = [" "] * (columns + len(str(frames)))
    free = 0
    for column in range(0, columns, 10):
        text = str(column * frames // columns)
        if column >= free:
            line[column : column + len(text)] = text
            free = column + len(text) + 1
    return f"{'frame':<{label}} {''.join(line).rstrip()}"
