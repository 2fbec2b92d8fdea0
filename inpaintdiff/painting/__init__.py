"""The practitioner's path: a video and a hole in, the same video with the hole painted out."""

from inpaintdiff.painting.api import Painted, inpaint
from inpaintdiff.painting.painters import Painter, choose_device, load_model, load_painter

__all__ = ["Painted", "Painter", "choose_device", "inpaint", "load_model", "load_painter"]
