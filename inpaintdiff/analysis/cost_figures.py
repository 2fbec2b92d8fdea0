"""Figures of what sampling costs: against length, resolution, window and scheme."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from inpaintdiff.analysis.cost import Makeup, Speed, makeups, observations
from inpaintdiff.analysis.unet_cost import unet_cost
from inpaintdiff.errors import PlanError
from inpaintdiff.schemes import make_scheme, scheme_names

_LENGTHS = (16, 32, 64, 128, 256, 512, 1024)
_SIZES = (32, 48, 64, 96, 128, 192, 256)
_WINDOWS = (4, 8, 12, 16, 24, 32, 48, 64)
_LINES = ("independent", "ar", "lookahead-ar++", "multires-ar-3", "hierarchy-3")
_COLOURS = ("#7f7f7f", "#3b75af", "#d1722a", "#4a9d5b", "#a06bb5")


def answer_seconds(
    args: Mapping[str, Any], speed: Speed, scheme: str, frames: int, size: int, window: int = 16, calls: int = 20
) -> float:
    """Seconds that the network takes for one answer to a video whose frames all have a hole.

    Args:
        args: that the `VideoUNet` is built with.
        speed: of the machine.
        scheme: name of a sampling scheme; it paints half a window a stage.
        frames: of the video.
        size: height and width, pixels.
        window: K, frames.
        calls: network calls a stage.

    Raises:
        PlanError: the scheme cannot do with this window.
    """
    incomplete = [True] * frames
    stages = list(make_scheme(scheme, window=window, step=max(1, window // 2)).stages(incomplete))
    costs = [(n, unet_cost(args, size, size, m)) for m, n in makeups(stages).items()]
    observing = observations(stages, incomplete) * costs[0][1].observe_flops / speed.rate
    return observing + sum(n * calls * speed.seconds(cost.flops) for n, cost in costs)


def draw_costs(
    args: Mapping[str, Any],
    speed: Speed,
    path: str | Path,
    *,
    size: int = 64,
    frames: int = 256,
    window: int = 16,
    calls: int = 20,
) -> None:
    """Four panels: seconds of one answer against length, scheme and window, and of one call against resolution.

    Args:
        args, speed, calls: as `answer_seconds`.
        path: of the picture, in any format that matplotlib knows by its suffix; replaced if it exists.
        size, frames, window: what the other panels keep fixed.
    """
    figure = Figure(figsize=(12, 8), dpi=120, layout="constrained")
    by_length, by_scheme, by_size, by_window = figure.subplots(2, 2).ravel()
    for name, colour in zip(_LINES, _COLOURS, strict=True):
        took = [answer_seconds(args, speed, name, n, size, window, calls) for n in _LENGTHS]
        by_length.plot(_LENGTHS, took, "o-", ms=4, lw=1.2, color=colour, label=name)
        some = [(k, s / frames) for k in _WINDOWS if (s := _or_none(args, speed, name, frames, size, k, calls))]
        by_window.plot(*zip(*some, strict=True), "o-", ms=4, lw=1.2, color=colour, label=name)
    _label(by_length, f"an answer, window of {window}", "frames of the video", "seconds", _LENGTHS)
    _label(by_window, f"an answer to {frames} frames, a frame", "window, frames", "seconds a frame", _WINDOWS)
    by_window.set(yscale="linear", ylim=(0, None))
    by_length.legend(fontsize=8)
    rows = sorted((s, n) for n in scheme_names() if (s := _or_none(args, speed, n, frames, size, window, calls)))
    by_scheme.barh([n for _, n in rows], [s for s, _ in rows], color="#3b75af", height=0.6)
    by_scheme.set(title=f"an answer to {frames} frames, window of {window}", xlabel="seconds")
    by_scheme.title.set_fontsize(10)
    by_scheme.tick_params(labelsize=8)
    for patch, colour in ((1, _COLOURS[1]), (2, _COLOURS[2]), (4, _COLOURS[3])):
        took = [speed.seconds(unet_cost({**args, "patch": patch}, s, s, Makeup(window, window)).flops) for s in _SIZES]
        by_size.plot(_SIZES, took, "o-", ms=4, lw=1.2, color=colour, label=f"patch {patch}")
    _label(by_size, f"a call of {window} frames", "height and width, pixels", "seconds", _SIZES)
    by_size.legend(fontsize=8)
    figure.suptitle(f"What sampling costs: {calls} calls a stage, {size} x {size} pixels where not said otherwise")
    path = Path(path)
    scratch = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        FigureCanvasAgg(figure).print_figure(scratch)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _or_none(args: Mapping[str, Any], speed: Speed, scheme: str, *settings: int) -> float | None:
    try:
        return answer_seconds(args, speed, scheme, *settings)
    except PlanError:  # of small windows some schemes can make nothing
        return None


def _label(axes: Axes, title: str, across: str, up: str, ticks: Sequence[int]) -> None:
    axes.set(xscale="log", yscale="log", xlabel=across, ylabel=up)
    axes.set_title(title, fontsize=10)
    axes.set_xticks(ticks, [str(t) for t in ticks], fontsize=8)
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(alpha=0.25, which="both")
