"""Figures of the exact bench."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from inpaintdiff.analysis.bench_results import GainMap, Score

_FAMILIES = {"ar": "#7f7f7f", "lookahead": "#d1722a", "hierarchy": "#3b75af", "multires": "#4a9d5b", "other": "#a06bb5"}
_MARKERS = "osDv^P"


def draw_gain_maps(maps: Sequence[GainMap], path: Path) -> None:
    """Q1: a row a correlation length; what is lost without Z, what Z saves, and its share of the best possible saving."""
    figure = Figure(figsize=(13.5, 1.0 + 2.7 * len(maps)), dpi=120, layout="constrained")
    grid = figure.subplots(len(maps), 3, squeeze=False)
    most = max(float(m.without.max()) for m in maps)
    for row, m in zip(grid, maps, strict=True):
        titles = ("lost without Z (nats)", "saved by Z (nats)", "share of the best possible saving")
        settings: tuple[tuple[np.ndarray, str, float, float, str], ...] = (
            (m.without, "Greys", 0.0, most, "{:.1f}"),
            (m.gain, "RdBu", -most, most, "{:+.1f}"),
            (m.share, "RdBu", -1.0, 1.0, "{:+.0%}"),
        )
        for axes, title, (values, colours, low, high, form) in zip(row, titles, settings, strict=True):
            image = axes.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto", origin="lower")
            _write_cells(axes, image, values, form)
            axes.set_xticks(range(len(m.stays)), [str(s) for s in m.stays[:-1]] + ["static"])
            axes.set_yticks(range(len(m.sizes)), [str(s) for s in m.sizes])
            axes.set_title(title, fontsize=10)
        row[0].set_ylabel(f"correlation length\n{m.length:g} frames\n\nhidden pixels of {m.sizes[-1] + 1}", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("frames until the hole moves on by one pixel")
    figure.suptitle("Q1  What looking at incomplete frames gains (Lookahead-AR++, same frames in the same order)")
    _write(figure, path)


def draw_scores(scores: Sequence[Score], path: Path) -> None:
    """Q2: schemes by hole patterns, loss in nats and number of stages in the cells, the best of each pattern framed."""
    names, patterns = list(dict.fromkeys(s.scheme for s in scores)), list(dict.fromkeys(s.pattern for s in scores))
    loss = np.array([[next(s.kl for s in scores if (s.scheme, s.pattern) == (n, p)) for p in patterns] for n in names])
    figure = Figure(figsize=(3.2 + 1.35 * len(patterns), 1.4 + 0.36 * len(names)), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(np.maximum(loss, 1e-3), cmap="YlOrRd", norm=LogNorm(0.01, 30), aspect="auto")
    _write_cells(axes, image, loss, "{:.2f}", size=9)
    for column, row in enumerate(loss.argmin(axis=0).tolist()):
        axes.add_patch(_frame(column, row))
    axes.set_xticks(range(len(patterns)), patterns)
    axes.set_yticks(range(len(names)), names)
    axes.set_title(f"Q2  Nats lost by scheme and kind of hole, L = {scores[0].step} (framed: the best)", fontsize=11)
    figure.colorbar(image, ax=axes, label="nats lost", extend="both")
    _write(figure, path)


def draw_budget(scores: Sequence[Score], path: Path) -> None:
    """Q2: loss against the number of stages, a panel a pattern, a line a scheme, in the order of `scores`."""
    names, patterns = list(dict.fromkeys(s.scheme for s in scores)), list(dict.fromkeys(s.pattern for s in scores))
    columns = min(3, len(patterns))
    rows = -(-len(patterns) // columns)
    figure = Figure(figsize=(4.3 * columns, 3.3 * rows + 1.0), dpi=120, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    seen: dict[str, int] = {}
    for name in names:
        family = next((f for f in ("lookahead", "hierarchy", "multires") if name.startswith(f)), None)
        family = family or ("ar" if name.startswith("ar") else "other")
        marker = _MARKERS[seen.setdefault(family, 0)]
        seen[family] += 1
        for axes, pattern in zip(panels, patterns, strict=False):
            line = [(s.stages, s.kl) for s in scores if (s.scheme, s.pattern) == (name, pattern)]
            axes.plot(
                *zip(*line, strict=True), color=_FAMILIES[family], marker=marker, ms=5, lw=1, alpha=0.85, label=name
            )
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    for axes, pattern in zip(panels, patterns, strict=False):
        axes.set(title=pattern, xlabel="stages", ylabel="nats lost", yscale="log")
        axes.grid(alpha=0.25, which="both")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        axes.yaxis.set_major_formatter(plain)
        axes.yaxis.set_minor_formatter(plain)
    for axes in panels[len(patterns) :]:
        axes.remove()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    figure.suptitle("Q2  What a larger budget buys")
    _write(figure, path)


def _write_cells(axes: Axes, image: AxesImage, values: np.ndarray, form: str, size: int = 7) -> None:
    """The number in each cell, dark or light after its background."""
    colours = image.to_rgba(np.nan_to_num(values))
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = colours[row, column, :3] @ (0.3, 0.59, 0.11) < 0.5
            axes.text(
                column,
                row,
                form.format(value),
                ha="center",
                va="center",
                fontsize=size,
                color="white" if dark else "black",
            )


def _frame(column: int, row: int) -> Rectangle:
    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#1f3f8f", linewidth=2.2)


def _write(figure: Figure, path: Path) -> None:
    scratch = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        FigureCanvasAgg(figure).print_figure(scratch)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
