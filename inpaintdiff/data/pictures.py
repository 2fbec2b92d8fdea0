"""Pictures of clips for people: a contact sheet with one row a version, and videos side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw
from torch import Tensor

from inpaintdiff.data.video import to_uint8
from inpaintdiff.types import VideoClip

_GAP = 2
_LABEL = 64
_BACKGROUND = 255
# The hole in pictures of an input: a colour that roads and cars do not have.
_HOLE = (1.0, -1.0, 1.0)


def hole_marked(clip: VideoClip) -> Float[Tensor, "t 3 h w"]:
    """The frames of an unbatched clip with the hole in magenta, [-1, 1]."""
    colour = torch.tensor(_HOLE).view(3, 1, 1)
    return torch.where(clip.hole.cpu(), colour, clip.frames.cpu())


def evenly_spaced(length: int, n: int) -> list[int]:
    """At most n positions over 0 .. length-1, both ends included."""
    if n == 1 or length == 1:
        return [0]
    n = min(n, length)
    return [round(i * (length - 1) / (n - 1)) for i in range(n)]


def contact_sheet(
    rows: Mapping[str, Float[Tensor, "t 3 h w"]] | Sequence[tuple[str, Float[Tensor, "t 3 h w"]]],
    columns: int = 6,
    tile: int = 128,
) -> UInt8[np.ndarray, "height width 3"]:
    """One row of evenly spaced frames for each labelled video.

    Args:
        rows: label and frames in [-1, 1]; all of one size and length.
        columns: how many frames of each.
        tile: frames smaller than this are enlarged by whole factors, so that pixels stay visible as pixels.
    """
    pairs = list(rows.items()) if isinstance(rows, Mapping) else list(rows)
    length, _, height, width = pairs[0][1].shape
    at = evenly_spaced(length, columns)
    k = max(1, tile // max(height, width))
    height, width = height * k, width * k
    sheet = np.full((len(pairs) * (height + _GAP), _LABEL + len(at) * (width + _GAP), 3), _BACKGROUND, dtype=np.uint8)
    for r, (_, frames) in enumerate(pairs):
        for c, i in enumerate(at):
            y, x = r * (height + _GAP), _LABEL + c * (width + _GAP)
            sheet[y : y + height, x : x + width] = _enlarged(frames[i : i + 1], k)[0]
    picture = Image.fromarray(sheet)
    draw = ImageDraw.Draw(picture)
    for r, (label, _) in enumerate(pairs):
        draw.multiline_text((3, r * (height + _GAP) + 4), label.replace(" ", "\n"), fill=(0, 0, 0), spacing=1)
    return np.asarray(picture)


def side_by_side(videos: Sequence[Float[Tensor, "t 3 h w"]], tile: int = 192) -> UInt8[np.ndarray, "t height width 3"]:
    """Videos of one size and length beside each other, enlarged by whole factors to at least about `tile` pixels."""
    k = max(1, tile // max(videos[0].shape[-2:]))
    return np.concatenate([_enlarged(v, k) for v in videos], axis=2)


def _enlarged(frames: Float[Tensor, "t 3 h w"], k: int) -> UInt8[np.ndarray, "t height width 3"]:
    return to_uint8(frames).repeat(k, axis=1).repeat(k, axis=2)
