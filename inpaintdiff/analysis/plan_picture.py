"""A plan as a picture: frames across, stages down, one colour per role, as the grids of arXiv 2405.00251."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from inpaintdiff.schemes.stage import Stage

# role -> colour and legend, in the order in which a role hides another where frames share a cell
_ROLES = (
    ("#c9ccd1", "complete"),
    ("#ffffff", "still to paint"),
    ("#3b75af", "observed (Y)"),
    ("#f0a030", "looked ahead at, incomplete (Z)"),
    ("#c03a2b", "painted now (X)"),
)
_DONE, _UNTOUCHED, _OBSERVED, _LOOKAHEAD, _LATENT = range(5)
_MOST_COLUMNS, _MOST_ROWS = 1500, 400


def draw_plan(stages: Iterable[Stage], incomplete: Sequence[bool], path: str | Path, title: str | None = None) -> None:
    """Write the chart of a plan.

    Args:
        stages: the plan.
        incomplete: which frames have a hole at the start.
        path: file to write, in any format that matplotlib knows by its suffix (.png, .svg, .pdf). Replaced if it exists.
        title: above the chart; by default the number of stages.
    """
    plan = list(stages)
    grid, rows = _grid(plan, incomplete)
    n, m = max(1, len(incomplete)), len(plan)
    width = float(np.clip(1.6 + 0.16 * n, 6, 16))
    height = float(np.clip(1.5 + 0.22 * len(rows), 2.6, 12))
    figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    colours = ListedColormap([colour for colour, _ in _ROLES])
    axes.imshow(
        grid, cmap=colours, vmin=0, vmax=len(_ROLES) - 1, aspect="auto", interpolation="nearest",
        extent=(-0.5, n - 0.5, max(1, m) + 0.5, 0.5),
    )  # fmt: skip
    if n <= 150 and m <= 60:
        axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(1, m + 2) - 0.5, minor=True)
        axes.grid(which="minor", color="#e4e6ea", linewidth=0.5)
        axes.tick_params(which="minor", length=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, nbins="auto", min_n_ticks=1))
    axes.set(xlabel="frame", ylabel="stage", title=title or f"{m} stages for {len(incomplete)} frames")
    figure.legend(
        handles=[Patch(facecolor=c, edgecolor="#9aa0a8", linewidth=0.6, label=text) for c, text in reversed(_ROLES)],
        loc="outside lower center",
        ncols=len(_ROLES) if width > 9 else 3,
        frameon=False,
        fontsize=8,
    )
    path = Path(path)
    scratch = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        FigureCanvasAgg(figure).print_figure(scratch)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _grid(plan: Sequence[Stage], incomplete: Sequence[bool]) -> tuple[np.ndarray, list[int]]:
    """Roles [rows, columns], and which stage each row shows: long videos are binned, of long plans rows are left out."""
    n = len(incomplete)
    columns = max(1, min(n, _MOST_COLUMNS))
    rows = sorted({round(r) for r in np.linspace(0, len(plan) - 1, min(len(plan), _MOST_ROWS))}) if plan else []
    starts = np.arange(columns) * n // columns
    # values rise with what hides what, so that a cell shows the maximum over its frames
    state = np.where(np.asarray(incomplete, dtype=bool), _UNTOUCHED, _DONE).astype(np.uint8)
    grid, shown = np.zeros((max(1, len(rows)), columns), dtype=np.uint8), set(rows)
    at = 0
    for k, stage in enumerate(plan):
        if k in shown:
            line = state.copy()
            line[list(stage.observed)] = _OBSERVED
            line[list(stage.lookahead)] = _LOOKAHEAD
            line[list(stage.latent)] = _LATENT
            grid[at] = np.maximum.reduceat(line, starts) if n else 0
            at += 1
        state[list(stage.latent)] = _DONE
    return grid, rows
