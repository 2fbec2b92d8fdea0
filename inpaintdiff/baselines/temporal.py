"""Baselines that copy along time at the same place: the nearest frame, and the median of all frames."""

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.baselines.base import Baseline
from inpaintdiff.baselines.spatial import telea
from inpaintdiff.types import VideoClip


class Nearest(Baseline):
    """Every pixel as in the nearest frame that knows it, by true frame numbers; the earlier one of two at equal distance.

    Pixels that no frame knows are those of `still_picture`.
    """

    def _fill(self, clip: VideoClip) -> Float[Tensor, "t c h w"]:
        t = clip.length
        known, at = ~clip.hole, torch.arange(t).view(-1, 1, 1, 1)
        before = torch.where(known, at, -1).cummax(dim=0).values  # t 1 h w, -1: none
        after = torch.where(known, at, t).flip(0).cummin(dim=0).values.flip(0)  # t: none
        number = clip.index.view(-1, 1, 1, 1)
        past = number - clip.index[before.clamp(min=0)]
        future = clip.index[after.clamp(max=t - 1)] - number
        source = torch.where((before >= 0) & ((after == t) | (past <= future)), before, after)
        copied = clip.frames.gather(0, source.clamp(0, t - 1).expand_as(clip.frames))
        return torch.where(source == t, still_picture(clip), copied)


class Median(Baseline):
    """Every pixel as `still_picture` has it: the background, where cars come and go."""

    def _fill(self, clip: VideoClip) -> Float[Tensor, "t c h w"]:
        return still_picture(clip).expand_as(clip.frames)


def still_picture(clip: VideoClip) -> Float[Tensor, "c h w"]:
    """One picture for a whole clip: the median over time of the known values, and Telea's fill where no frame knows the pixel.

    Painted once a clip, so that the fill does not flicker. Of an even number of values the median is the mean of the middle two.
    """
    known = ~clip.hole
    count = known.sum(dim=0)  # 1 h w
    # unknown values sort to the end
    ordered = torch.where(known, clip.frames, torch.inf).sort(dim=0).values
    low = ((count - 1).clamp(min=0) // 2).expand_as(clip.frames[0])
    high = (count // 2).clamp(max=clip.length - 1).expand_as(low)
    middle = (ordered.gather(0, low[None]) + ordered.gather(0, high[None]))[0] / 2
    never = count[0] == 0
    picture = torch.where(never, 0.0, middle)
    return torch.where(never, telea(picture, never), picture) if never.any() else picture
