"""Distances between painted videos and true ones as two sets of features, as torchmetrics `Metric`s.

Beside every Frechet distance stands an unbiased one: the first falls as the number of samples grows, at equal quality.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchmetrics import Metric

from inpaintdiff.metrics.features import fid_features, fvd_feature, vfid_feature, vfid_feature_train_mode
from inpaintdiff.metrics.frechet import frechet_distance, kernel_distance
from inpaintdiff.metrics.i3d import I3D
from inpaintdiff.metrics.inception import FIDInception
from inpaintdiff.metrics.per_video import Frames, chosen
from inpaintdiff.metrics.remembered import LookUp, Remembered


class FeatureDistance(Metric):
    """Frechet distance and unbiased kernel distance of features of predictions and truths.

    The features are kept, not their sums: only so can videos that a `DistributedSampler` repeats be left out, and the kernel
    distance be computed. 10,000 vectors of 2,048 numbers take 80 MB on either side.

    Args:
        name: of the Frechet distance; the other is NAME_mmd.
        extract: frames [t 3 h w] in [-1, 1] -> features [t d] of each frame, or [d] of the video.
        dimension: d.
        frames: which count where there is a feature for each.
        look_up: where features of truths may be had, see `Remembered`.
        settings: of torchmetrics, as `sync_on_compute`.
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = False

    def __init__(
        self,
        name: str,
        extract: Callable[[Tensor], Tensor],
        dimension: int,
        frames: Frames = "all",
        look_up: LookUp[Tensor] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.name, self.dimension, self.frames = name, dimension, frames
        self.extract = Remembered(extract, name, look_up)
        # Two columns before the features: number of the video, and of the feature within it. Names: see `VideoScore`.
        self._painted, self._true = f"painted {name}", f"true {name}"
        self.add_state(self._painted, default=[], dist_reduce_fx="cat")
        self.add_state(self._true, default=[], dist_reduce_fx="cat")
        self.reset()

    def reset(self) -> None:
        """Forget all videos."""
        super().reset()
        # a process that has seen no video must send something of the same type and width as the others
        for state in (self._painted, self._true):
            setattr(self, state, [torch.zeros(0, 2 + self.dimension, device=self.device)])

    def update(
        self,
        prediction: Float[Tensor, "*s t 3 h w"],
        truth: Float[Tensor, "t 3 h w"],
        hole: Bool[Tensor, "t 1 h w"],
        video: int,
    ) -> None:
        """Add a video.

        Args:
            prediction: in [-1, 1], composited; of several answers the first, as sets of other sizes would not compare.
            truth: in [-1, 1].
            hole: what was painted.
            video: its number, the same in every process; exact up to 2^24.
        """
        painted = self.extract.function(prediction[0] if prediction.ndim == 5 else prediction)
        for state, features in ((self._painted, painted), (self._true, self.extract(truth))):
            kept = features[chosen(hole, self.frames)] if features.ndim == 2 else features[None]
            place = torch.tensor([[video, i] for i in range(len(kept))], dtype=kept.dtype, device=kept.device)
            rows = torch.cat([place.view(-1, 2), kept], dim=1)
            getattr(self, state).append(rows.to(self.device, torch.float32))

    def compute(self) -> dict[str, Tensor]:
        """Both distances, float64; NaN with fewer than 2 features on a side."""
        painted, true = (_unique(getattr(self, state)) for state in (self._painted, self._true))
        few = min(len(painted), len(true)) < 2
        return {
            name: torch.tensor(torch.nan if few else distance(painted, true), dtype=torch.float64)
            for name, distance in ((self.name, frechet_distance), (f"{self.name}_mmd", kernel_distance))
        }

    def size(self) -> int:
        """How many features a side has: the N that belongs beside the distance."""
        return len(_unique(getattr(self, self._painted)))


def fid(
    network: FIDInception,
    frames: Frames = "hole",
    resize: Literal["tensorflow", "pytorch"] = "tensorflow",
    **settings: Any,
) -> FeatureDistance:
    """FID over frames."""
    extract = partial(fid_features, network, resize=resize)
    return FeatureDistance("fid", extract, network.features, frames, **settings)


def vfid_eval(network: I3D, **settings: Any) -> FeatureDistance:
    """VFID, one feature a video, with the network in evaluation mode."""
    return FeatureDistance("vfid_eval", partial(vfid_feature, network), network.features, **settings)


def vfid_train(network: I3D, **settings: Any) -> FeatureDistance:
    """VFID as the field's code has it, with the network in training mode; see `vfid_feature_train_mode`."""
    return FeatureDistance("vfid_train", partial(vfid_feature_train_mode, network), network.features, **settings)


def fvd(network: I3D, **settings: Any) -> FeatureDistance:
    """FVD-style: logits of each video at 224 x 224."""
    return FeatureDistance("fvd", partial(fvd_feature, network), network.classes, **settings)


def _unique(rows: list[Tensor] | Tensor) -> Float[Tensor, "n d"]:
    """The features, those of a repeated video once."""
    every = rows if isinstance(rows, Tensor) else torch.cat(rows)
    seen: dict[tuple[float, ...], int] = {}
    for at, place in enumerate(every[:, :2].tolist()):
        seen.setdefault(tuple(place), at)
    return every[list(seen.values()), 2:]
