"""A clip in memory, painted by any `Painter`: what evaluation needs, without files and without rounding to 8 bits."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.evaluation import Method
from inpaintdiff.inpaint.canvas import MemoryCanvas
from inpaintdiff.inpaint.composite import composite
from inpaintdiff.inpaint.regions import Region
from inpaintdiff.painting.job import region_seed
from inpaintdiff.painting.painters import ModelPainter
from inpaintdiff.types import VideoClip


def paint_clip(painter: ModelPainter, clip: VideoClip, samples: int = 1, seed: int = 0) -> Float[Tensor, "s t c h w"]:
    """Paint a clip of any size; one of the model's size goes to the network as it is, others through cut-outs.

    Args:
        painter: a model.
        clip: unbatched; values under the hole do not matter.
        samples: how many answers.
        seed: of the answers.

    Returns:
        On the CPU; pixels outside the hole equal the clip's bit for bit.
    """
    clip = clip.to("cpu")
    out = clip.frames.expand(samples, -1, -1, -1, -1).clone()
    for r, region in enumerate(_regions(painter, clip)):
        canvas = MemoryCanvas(_cut(region, clip), samples)
        for _ in painter.paint(canvas, region_seed(seed, r)):
            pass
        rows, columns = region.inside()
        own = clip.hole & torch.from_numpy(region.own)
        for s, painted in enumerate(canvas.clip().frames):
            inside = out[s][..., rows, columns]
            out[s][..., rows, columns] = composite(inside, region.enlarge(painted), own[..., rows, columns])
    return out


def model_method(painter: ModelPainter, name: str | None = None) -> Method:
    """A model as a method of an evaluation, under the painter's name or another one."""
    return Method(
        name or painter.name,
        lambda clip, samples, seed: paint_clip(painter, clip, samples, seed),
        lambda clip: calls_of(painter, clip),
        {**painter.describe(), "device": str(painter.device)},
        device=str(painter.device),
    )


def calls_of(painter: ModelPainter, clip: VideoClip) -> int:
    """Network calls that one answer to a clip takes."""
    plans = [painter.plan(_cut(region, clip.to("cpu")).incomplete()) for region in _regions(painter, clip.to("cpu"))]
    return sum(len(plan) for plan in plans) * painter.calls


def _regions(painter: ModelPainter, clip: VideoClip) -> list[Region]:
    union = clip.hole.flatten(0, 1).any(dim=0).numpy()
    if union.shape == tuple(painter.info.size):
        # the model was made for this picture: a larger hole is no reason to look at it more coarsely
        return [Region(0, 0, union.shape[0], union.shape[1], 1, np.ones_like(union))]
    return painter.regions(union, context=0.5)


def _cut(region: Region, clip: VideoClip) -> VideoClip:
    rows, columns = torch.from_numpy(region.rows()), torch.from_numpy(region.columns())
    clean = clip.frames.masked_fill(clip.hole, 0.0)

    def cut(x: Tensor) -> Tensor:
        return x.index_select(-2, rows).index_select(-1, columns)

    return VideoClip(region.shrink(cut(clean)), region.shrink_hole(cut(clip.hole)), clip.index)
