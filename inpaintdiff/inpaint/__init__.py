"""Painting: from a clip with a hole to samples of what may be under it.

The package itself can be called: `inpaintdiff.inpaint(video, mask)` is `inpaintdiff.painting.inpaint`, the whole way from files.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from inpaintdiff.inpaint.canvas import Canvas, ClipSource, DiskCanvas, MemoryCanvas
from inpaintdiff.inpaint.inpainter import Inpainter, Progress

if TYPE_CHECKING:
    from inpaintdiff.painting.api import Painted

__all__ = ["Canvas", "ClipSource", "DiskCanvas", "Inpainter", "MemoryCanvas", "Progress"]


class _CallableModule(ModuleType):
    """One name for the function that people call and for the package of its parts."""

    def __call__(self, video: Any, mask: Any = None, **options: Any) -> "Painted":
        from inpaintdiff.painting.api import inpaint  # it stands above this package

        return inpaint(video, mask, **options)


sys.modules[__name__].__class__ = _CallableModule
