"""Painting: from a clip with a hole to samples of what may be under it."""

from inpaintdiff.inpaint.canvas import Canvas, MemoryCanvas
from inpaintdiff.inpaint.inpainter import Inpainter, Progress

__all__ = ["Canvas", "Inpainter", "MemoryCanvas", "Progress"]
