"""Scores of videos as torchmetrics `Metric`s: their states add over batches, processes and machines.

Every video has a number. A `DistributedSampler` repeats videos until every process has as many; the repeated ones are left out by
their numbers, so that several processes get what one gets.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchmetrics import Metric

from inpaintdiff.metrics.frame import PSNR_CAP, REGIONS, psnr_over, ssim_over
from inpaintdiff.metrics.i3d import I3D
from inpaintdiff.metrics.lpips import LPIPS, lpips
from inpaintdiff.metrics.pvcs import WindowMaps, pvcs
from inpaintdiff.metrics.remembered import Remembered
from inpaintdiff.metrics.ssim import GAUSSIAN_11, Window
from inpaintdiff.metrics.warp import VideoFlow, warp_errors

# Which frames a score is about: those with a hole, as the others are given and would only dilute it; or all.
Frames = Literal["hole", "all"]


class VideoScore(Metric):
    """Means of one or more scores over videos, each of which counts once whatever its length.

    Args:
        names: of the scores.
        pooled: every frame counts the same instead, so that long videos weigh more: a trait of the field's code.
        settings: of torchmetrics, as `sync_on_compute`.
    """

    is_differentiable = False
    full_state_update = False

    def __init__(self, names: Sequence[str], pooled: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self.names, self.pooled = tuple(names), pooled
        # Number of the video; then for every score the sum over frames, and how many of them have it. The state has a name of its
        # own, as a MetricCollection takes metrics for one whose states agree after the first video: two exact ones would do.
        self._state = "rows " + " ".join(self.names)
        self.add_state(self._state, default=[], dist_reduce_fx="cat")
        self.reset()

    def reset(self) -> None:
        """Forget all videos."""
        super().reset()
        # a process that has seen no video must send something of the same type and width as the others
        none = torch.zeros(0, 1 + 2 * len(self.names), dtype=torch.float64, device=self.device)
        setattr(self, self._state, [none])

    @abstractmethod
    def scores(
        self, prediction: Float[Tensor, "t c h w"], truth: Float[Tensor, "t c h w"], hole: Bool[Tensor, "t 1 h w"]
    ) -> Mapping[str, Float[Tensor, " n"]]:
        """Of every frame, pair of frames or window of the video, by the names of the scores; NaN where one is not defined."""

    def update(
        self,
        prediction: Float[Tensor, "*s t c h w"],
        truth: Float[Tensor, "t c h w"],
        hole: Bool[Tensor, "t 1 h w"],
        video: int,
    ) -> None:
        """Add a video.

        Args:
            prediction: in [-1, 1], composited; several answers may be given, whose scores are averaged.
            truth: in [-1, 1].
            hole: what was painted.
            video: its number, the same in every process.
        """
        answers = prediction if prediction.ndim == 5 else prediction[None]
        each = [self.scores(p, truth, hole) for p in answers]
        row = [float(video)]
        for name in self.names:
            values = torch.stack([scores[name].double() for scores in each]).mean(dim=0)
            values = values[~values.isnan()]
            row += [float(values.sum()), float(len(values))]
        getattr(self, self._state).append(torch.tensor([row], dtype=torch.float64, device=self.device))

    def compute(self) -> dict[str, Tensor]:
        """Every mean, float64; NaN if no video has the score."""
        rows = self._unique()
        sums, counts = rows[:, 1::2], rows[:, 2::2]
        means = sums.sum(dim=0) / counts.sum(dim=0) if self.pooled else (sums / counts).nanmean(dim=0)
        return dict(zip(self.names, means, strict=True))

    def of_videos(self) -> dict[int, dict[str, float]]:
        """Scores of every video by its number, NaN where it has none; of all processes within `sync_context`."""
        rows = self._unique()
        values = (rows[:, 1::2] / rows[:, 2::2]).tolist()
        return {int(k): dict(zip(self.names, v, strict=True)) for k, v in zip(rows[:, 0].tolist(), values, strict=True)}

    def _unique(self) -> Float[Tensor, "n k"]:
        state = getattr(self, self._state)
        rows = state if isinstance(state, Tensor) else torch.cat(state)
        seen: dict[int, int] = {}
        for at, number in enumerate(rows[:, 0].tolist()):
            seen.setdefault(int(number), at)
        return rows[list(seen.values())]


class VideoPSNR(VideoScore):
    """PSNR over regions.

    Args:
        regions: of `REGIONS`.
        cap: dB that an exact frame counts for; None: infinitely many, as in the field's code.
        settings: see `VideoScore`.
    """

    higher_is_better = True

    def __init__(
        self, regions: Sequence[str] = ("hole", "full"), cap: float | None = PSNR_CAP, **settings: Any
    ) -> None:
        super().__init__([f"psnr_{r}" for r in regions], **settings)
        self.regions, self.cap = tuple(regions), cap

    def scores(self, prediction: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        found = psnr_over(prediction, truth, {f"psnr_{r}": REGIONS[r](hole) for r in self.regions})
        return found if self.cap is None else {k: v.clamp(max=self.cap) for k, v in found.items()}


class VideoSSIM(VideoScore):
    """SSIM over regions.

    Args:
        regions: of `REGIONS`.
        window: the variant.
        settings: see `VideoScore`.
    """

    higher_is_better = True

    def __init__(
        self, regions: Sequence[str] = ("hole", "full"), window: Window = GAUSSIAN_11, **settings: Any
    ) -> None:
        super().__init__([f"ssim_{r}" for r in regions], **settings)
        self.regions, self.window = tuple(regions), window

    def scores(self, prediction: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        return ssim_over(prediction, truth, {f"ssim_{r}": REGIONS[r](hole) for r in self.regions}, self.window)


class VideoLPIPS(VideoScore):
    """LPIPS of whole frames.

    Args:
        network: with weights.
        frames: which.
        settings: see `VideoScore`.
    """

    higher_is_better = False

    def __init__(self, network: LPIPS, frames: Frames = "hole", **settings: Any) -> None:
        super().__init__(["lpips"], **settings)
        self.network, self.frames = network, frames

    def scores(self, prediction: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        at = chosen(hole, self.frames)
        return {"lpips": lpips(self.network, prediction[at], truth[at], batch=4)}


class VideoPVCS(VideoScore):
    """PVCS: distance of I3D features in windows of 10 frames.

    Args:
        network: with weights.
        stride: frames from window to window; 1 is the original's, and costs ten times as much as 10.
        true_maps: of the truth, where several answers are compared with it, see `WindowMaps.shared`; by default nothing is kept.
        settings: see `VideoScore`.
    """

    higher_is_better = False

    def __init__(
        self, network: I3D, stride: int = 1, true_maps: Remembered[WindowMaps] | None = None, **settings: Any
    ) -> None:
        super().__init__(["pvcs"], **settings)
        self.network, self.stride = network, stride
        self.true_maps = true_maps

    def scores(self, prediction: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        true_maps = None if self.true_maps is None else self.true_maps(truth)
        return {"pvcs": pvcs(self.network, prediction, truth, self.stride, true_maps)}


class VideoWarpError(VideoScore):
    """E_warp over the whole picture, and over ways that start or end in the hole only; flow and occlusion are the truth's.

    Args:
        flow: from the truth, under a name that becomes part of the scores' names; DIS by default.
        settings: see `VideoScore`.
    """

    higher_is_better = False

    def __init__(self, flow: Remembered[VideoFlow] | None = None, **settings: Any) -> None:
        self.flow = flow or Remembered(VideoFlow.dis, "dis")
        super().__init__([f"ewarp_{self.flow.name}", f"ewarp_hole_{self.flow.name}"], **settings)

    def scores(self, prediction: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.names, warp_errors(prediction, self.flow(truth), hole), strict=True))


def chosen(hole: Bool[Tensor, "t 1 h w"], frames: Frames) -> Bool[Tensor, " t"]:
    """True for the frames that count."""
    with_hole = hole.flatten(1).any(dim=1)
    return with_hole if frames == "hole" else torch.ones_like(with_hole)
