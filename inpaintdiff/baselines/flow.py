"""Flow-guided propagation: what hides behind a hole is fetched along the motion from the nearest frame that shows it.

After Xu et al. (CVPR 2019, arXiv 1905.02884) and Gao et al. (ECCV 2020, arXiv 2009.01835), with nothing learned: DIS flow
(Kroeger et al., ECCV 2016), flow completed inside the hole by diffusion, per-pixel trajectories both ways.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from inpaintdiff.baselines.base import Baseline
from inpaintdiff.baselines.spatial import navier_stokes, pull_push
from inpaintdiff.metrics.warp import dis_flow, luma
from inpaintdiff.types import VideoClip

# pixels round a hole whose patches look into it, as a share of the short side
_MARGIN = 1 / 16
# pixels that a trajectory may stray on its way there and back, in all
_ASTRAY = 1.0
# leftovers are painted in so many key frames; what those do not reach is painted frame by frame
_KEY_FRAMES = 4


class Flow(Baseline):
    """Every pixel of the hole follows the completed flow, both ways, to the first frame that knows it.

    Trajectories that do not find back are given up. Where both ways arrive, colours are mixed by nearness. What no frame shows is
    painted once, in a key frame, and carried along, so that it does not flicker.

    Args:
        horizon: frames that a trajectory follows at most; bounds the time that long clips take.
    """

    def __init__(self, horizon: int = 100) -> None:
        self.horizon = horizon

    def _fill(self, clip: VideoClip) -> Float[Tensor, "t c h w"]:
        motion = _Motion.of(clip)
        values, known = clip.frames, ~clip.hole
        for _ in range(_KEY_FRAMES):
            values, known = _propagate(values, known, motion, self.horizon)
            left = (~known).flatten(1).sum(dim=1)
            if not left.any():
                return values
            # the fullest frame, of equals the one in the middle: the least has to be carried, and not far
            full = (left == left.max()).nonzero()[:, 0]
            key = int(full[len(full) // 2])
            values[key] = _paint(values[key], known[key])
            known[key] = True
        for i in (~known).flatten(1).any(dim=1).nonzero()[:, 0]:
            values[i] = _paint(values[i], known[i])
        return values


@dataclass(frozen=True)
class _Motion:
    """Where pixels go: forward[k] from frame k to k + 1, backward[k] from frame k + 1 to k; (x, y) in pixels."""

    forward: Float[Tensor, "s 2 h w"]
    backward: Float[Tensor, "s 2 h w"]

    @staticmethod
    def of(clip: VideoClip) -> "_Motion":
        t, _, h, w = clip.frames.shape
        known = (~clip.hole).to(clip.frames.dtype)
        pictures = [luma(pull_push(clip.frames[i : i + 1], known[i : i + 1])[0]) for i in range(t)]
        margin = max(1, round(_MARGIN * min(h, w)))
        # rows, then columns: a pooling costs the area of its window
        near = F.max_pool2d(clip.hole.float(), (2 * margin + 1, 1), stride=1, padding=(margin, 0))
        near = F.max_pool2d(near, (1, 2 * margin + 1), stride=1, padding=(0, margin)) > 0
        both = [torch.zeros(max(0, t - 1), 2, h, w) for _ in range(2)]
        for k in range(t - 1):
            # a match is void if either end of it lies in a hole
            trusted = (~(near[k] | near[k + 1]))[None].float()
            for flow, first, second in ((both[0], k, k + 1), (both[1], k + 1, k)):
                flow[k] = pull_push(dis_flow(pictures[first], pictures[second], (h, w))[None], trusted)[0]
        return _Motion(*both)


def _propagate(
    values: Float[Tensor, "t c h w"], known: Bool[Tensor, "t 1 h w"], motion: _Motion, horizon: int
) -> tuple[Float[Tensor, "t c h w"], Bool[Tensor, "t 1 h w"]]:
    """Fill what trajectories reach; both results are new tensors, and one fetched pixel is no source for another."""
    filled, done = values.clone(), known.clone()
    for i in (~known).flatten(1).any(dim=1).nonzero()[:, 0].tolist():
        ys, xs = (~known[i, 0]).nonzero(as_tuple=True)
        start = torch.stack([xs, ys], dim=1).to(values.dtype)  # n 2
        colour, weight = torch.zeros(len(start), values.shape[1]), torch.zeros(len(start), 1)
        for way in (1, -1):
            fetched, near = _trace(i, way, start, values, known, motion, horizon)
            colour, weight = colour + near * fetched, weight + near
        found = weight[:, 0] > 0
        filled[i, :, ys[found], xs[found]] = (colour[found] / weight[found]).T
        done[i, 0, ys[found], xs[found]] = True
    return filled, done


def _trace(
    i: int,
    way: int,
    start: Float[Tensor, "n 2"],
    values: Float[Tensor, "t c h w"],
    known: Bool[Tensor, "t 1 h w"],
    motion: _Motion,
    horizon: int,
) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n 1"]]:
    """Follow the pixels at `start` of frame i into the future (way 1) or the past (-1).

    Returns:
        The colours found, and 1 / frames travelled, 0 where nothing was found.
    """
    t, c, h, w = values.shape
    colour, near = torch.zeros(len(start), c), torch.zeros(len(start), 1)
    alive, at, astray = torch.arange(len(start)), start, torch.zeros(len(start))
    for steps in range(1, horizon + 1):
        j = i + way * steps
        if not 0 <= j < t or len(alive) == 0:
            break
        there, back = (
            (motion.forward[j - 1], motion.backward[j - 1]) if way > 0 else (motion.backward[j], motion.forward[j])
        )
        flow = _sample(there, at)
        at = at + flow
        astray = astray + (flow + _sample(back, at)).norm(dim=1)
        inside = (at >= 0).all(dim=1) & (at[:, 0] <= w - 1) & (at[:, 1] <= h - 1)
        # all four neighbours have to be known, or what lies under the hole would be mixed in
        shown = _sample(known[j].to(values.dtype), at)[:, 0] > 1 - 1e-4
        keep = inside & (astray <= _ASTRAY)
        hit = keep & shown
        colour[alive[hit]] = _sample(values[j], at[hit])
        near[alive[hit]] = 1 / steps
        go_on = keep & ~shown
        alive, at, astray = alive[go_on], at[go_on], astray[go_on]
    return colour, near


def _sample(picture: Float[Tensor, "c h w"], at: Float[Tensor, "n 2"]) -> Float[Tensor, "n c"]:
    """Bilinear values at (x, y) in pixels; beyond the edge the edge goes on."""
    h, w = picture.shape[-2:]
    grid = 2 * at / torch.tensor([max(1, w - 1), max(1, h - 1)]) - 1
    return F.grid_sample(picture[None], grid[None, None], padding_mode="border", align_corners=True)[0, :, 0].T


def _paint(picture: Float[Tensor, "c h w"], known: Bool[Tensor, "1 h w"]) -> Float[Tensor, "c h w"]:
    return torch.where(known, picture, navier_stokes(picture, ~known[0]))
