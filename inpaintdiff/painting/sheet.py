"""Rows of pictures as a figure."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class Sheet(Figure):
    """A figure that notebooks show by themselves, whichever backend matplotlib has."""

    def _repr_png_(self) -> bytes:
        FigureCanvasAgg(self)
        out = io.BytesIO()
        self.savefig(out, format="png")
        return out.getvalue()


def draw_sheet(rows: Mapping[str, UInt8[np.ndarray, "n h w 3"]], frames: Sequence[int]) -> Figure:
    """One row for each name.

    Args:
        rows: what to write beside a row, and its n pictures.
        frames: n numbers, to write above the columns.
    """
    _, height, width, _ = next(iter(rows.values())).shape
    size = 2 * len(frames) + 0.5, (2 * height / width + 0.1) * len(rows) + 0.3
    figure = Sheet(figsize=size, layout="constrained")
    axes = figure.subplots(len(rows), len(frames), squeeze=False)
    for r, (name, pictures) in enumerate(rows.items()):
        for c, i in enumerate(frames):
            axes[r, c].imshow(pictures[c], interpolation="nearest")
            axes[r, c].set(xticks=[], yticks=[])
            if r == 0:
                axes[r, c].set_title(f"frame {i}", fontsize=9)
        axes[r, 0].set_ylabel(name, fontsize=9)
    return figure
