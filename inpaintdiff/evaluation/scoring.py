"""The metrics of a protocol, for every method anew; what they compute of the truth is shared."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from inpaintdiff.data.resampling import dilated_by_cross, resized, resized_hole
from inpaintdiff.data.video import to_uint8, to_unit
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation.kept_features import KeptFeatures
from inpaintdiff.evaluation.networks import Networks
from inpaintdiff.evaluation.protocol import Protocol
from inpaintdiff.evaluation.stats import SetScore
from inpaintdiff.metrics.per_video import (
    VideoLPIPS,
    VideoPSNR,
    VideoPVCS,
    VideoScore,
    VideoSSIM,
    VideoWarpError,
)
from inpaintdiff.metrics.pvcs import WindowMaps
from inpaintdiff.metrics.remembered import Remembered
from inpaintdiff.metrics.sets import FeatureDistance, fid, fvd, vfid_eval, vfid_train
from inpaintdiff.metrics.warp import VideoFlow
from inpaintdiff.types import VideoClip

FLOWS = ("dis", "raft")
# processes exchange states once, in `Scores.of_all_processes`, and not with every score that is asked for
_SETTINGS: dict[str, Any] = {"sync_on_compute": False}
# family of metrics: the network that it needs
_NEEDS = {
    "lpips": "lpips", "pvcs": "i3d", "fid": "inception", "vfid_eval": "i3d", "vfid_train": "i3d", "fvd": "i3d",
}  # fmt: skip


def networks_of(protocol: Protocol, flow: str = "dis", families: Sequence[str] | None = None) -> tuple[str, ...]:
    """Kinds of the networks that a protocol, or these of its metrics, have a use for."""
    asked = protocol.metrics if families is None else families
    kinds = [_NEEDS[family] for family in asked if family in _NEEDS]
    return tuple(dict.fromkeys([*kinds, *(["raft"] if flow == "raft" and "ewarp" in asked else [])]))


class Suite:
    """The metrics of a protocol, as far as their networks are at hand.

    Args:
        protocol: what to compute and how.
        networks: with weights.
        flow: of E_warp, one of `FLOWS`.
        families: of the protocol's metrics only these, for the sake of time; all by default.
        kept: folder for features of true videos, which later evaluations of the same videos read; by default none is kept.
        answers: to every video, of all painters together. If there are several, large maps of the truth stay in memory for the next.

    Attributes:
        absent: family of metrics: a sentence about why it is not computed.

    Raises:
        SettingError: an unknown flow or one without weights, or a family that the protocol has not.
    """

    def __init__(
        self,
        protocol: Protocol,
        networks: Networks,
        flow: str = "dis",
        families: Sequence[str] | None = None,
        kept: Path | None = None,
        answers: int = 1,
    ) -> None:
        if flow not in FLOWS:
            raise SettingError(f"there is no flow {flow!r}; expected one of {', '.join(FLOWS)}")
        self.families = protocol.metrics if families is None else tuple(families)
        if unknown := sorted(set(self.families) - set(protocol.metrics)):
            raise SettingError(
                f"protocol {protocol.name} has no metric {unknown[0]!r}; expected some of {', '.join(protocol.metrics)}"
            )
        if flow == "raft" and networks.raft is None and "ewarp" in self.families:
            raise SettingError(networks.why_not("raft"))
        self.protocol, self.networks, self._kept = protocol, networks, kept
        self.absent: dict[str, str] = {}
        for family in self.families:
            kind = _NEEDS.get(family)
            if kind is not None and getattr(networks, kind) is None:
                self.absent[family] = networks.why_not(kind)
        if networks.raft is not None and flow == "raft":
            self._flow = Remembered(partial(VideoFlow.raft, networks.raft), "raft-small")
        else:
            self._flow = Remembered(VideoFlow.dis, "dis")
        self._true_maps = WindowMaps.shared(networks.i3d) if networks.i3d is not None and answers > 1 else None
        self._sets = self._make_sets()

    def make(self) -> "Scores":
        """Metrics that know of no video yet."""
        # a copy has states of its own, and shares what is remembered of the truth
        return Scores(self, self._make_scores(), [s.clone() for s in self._sets])

    def _has(self, family: str) -> bool:
        return family in self.families and family not in self.absent

    def _make_scores(self) -> dict[str, list[VideoScore]]:
        p, n = self.protocol, self.networks
        pooled: dict[str, Any] = {"pooled": p.pooled, **_SETTINGS}
        composited = [r for r in p.regions if r != "outside"]
        made: dict[str, list[VideoScore]] = {}
        if self._has("psnr"):
            made["psnr"] = [VideoPSNR(composited, p.psnr_cap, **pooled)]
            if "outside" in p.regions:
                made["psnr"].append(VideoPSNR(["outside"], p.psnr_cap, **pooled))
        if self._has("ssim"):
            made["ssim"] = [VideoSSIM(composited, p.ssim, **pooled)]
        if self._has("lpips") and n.lpips is not None:
            made["lpips"] = [VideoLPIPS(n.lpips, p.frames, **pooled)]
        if self._has("pvcs") and n.i3d is not None:
            made["pvcs"] = [VideoPVCS(n.i3d, p.pvcs_stride, self._true_maps, **_SETTINGS)]
        if self._has("ewarp"):
            made["ewarp"] = [VideoWarpError(self._flow, **_SETTINGS)]
        return made

    def _make_sets(self) -> list[FeatureDistance]:
        p, n = self.protocol, self.networks
        made = []
        if self._has("fid") and n.inception is not None:
            made.append(fid(n.inception, p.frames, p.fid_resize, look_up=self._look_up("fid"), **_SETTINGS))
        for family, make in (("vfid_eval", vfid_eval), ("vfid_train", vfid_train), ("fvd", fvd)):
            if self._has(family) and n.i3d is not None:
                made.append(make(n.i3d, look_up=self._look_up(family), **_SETTINGS))
        return made

    def _look_up(self, family: str) -> KeptFeatures | None:
        """Files with features of true videos; none of networks that came from no file, which nothing can be known by."""
        file = self.networks.files.get(_NEEDS[family])
        if self._kept is None or file is None:
            return None
        return KeptFeatures(self._kept, family, {"weights": file["sha256"], "protocol": self.protocol.card()})


class Scores:
    """What a method has scored so far: see `Suite.make`."""

    def __init__(self, suite: Suite, scores: dict[str, list[VideoScore]], sets: list[FeatureDistance]) -> None:
        self._suite, self._scores, self._sets = suite, scores, sets
        for metric in self._metrics():
            metric.to(suite.networks.device)  # where processes exchange states

    def _metrics(self) -> list[VideoScore | FeatureDistance]:
        return [*(m for metrics in self._scores.values() for m in metrics), *self._sets]

    @contextmanager
    def of_all_processes(self) -> Iterator[None]:
        """Within the `with` block every process has the scores of all; a process may have none of its own.

        Families that are absent in one process must be absent in all of them, or the processes wait for each other forever.
        """
        with ExitStack() as stack:
            for metric in self._metrics():
                stack.enter_context(metric.sync_context())
            yield

    def add(
        self,
        answers: Float[Tensor, "s t c h w"],
        truth: Float[Tensor, "t c h w"],
        hole: Bool[Tensor, "t 1 h w"],
        video: int,
        raw: Float[Tensor, "s t c h w"] | None = None,
    ) -> None:
        """Add the answers to a video; families that cannot be computed on it become absent for good.

        Args:
            answers: composited, in [-1, 1].
            truth, hole: of the video.
            video: its number.
            raw: of videos painted elsewhere, as they are: what they changed outside the hole is scored. Composites are exact there.
        """
        for family, metrics in list(self._scores.items()):
            for metric in metrics:
                if metric.names != ("psnr_outside",):
                    self._try(family, metric, answers, truth, hole, video)
                elif raw is not None:
                    self._try(family, metric, raw, truth, hole, video)
        for metric in self._sets:
            self._try(metric.name, metric, answers, truth, hole, video)

    def _try(
        self,
        family: str,
        metric: VideoScore | FeatureDistance,
        answers: Tensor,
        truth: Tensor,
        hole: Tensor,
        video: int,
    ) -> None:
        if family in self._suite.absent:
            return
        try:
            metric.update(answers, truth, hole, video)
        except SettingError as e:  # too small or too short for the network, which the next method's answer is as well
            self._suite.absent[family] = str(e)

    def of_video(self, video: int) -> dict[str, float]:
        """Every score of one video by name; NaN where one is not defined."""
        found: dict[str, float] = {}
        for family, metrics in self._scores.items():
            if family not in self._suite.absent:
                for metric in metrics:
                    found |= metric.of_videos().get(video, {})
        return found

    def of_sets(self) -> dict[str, SetScore]:
        """Every distance between sets by name."""
        found: dict[str, SetScore] = {}
        for metric in self._sets:
            if metric.name in self._suite.absent:
                continue
            n = metric.size()  # before `compute`, which ends the exchange between processes
            if n < 2:
                self._suite.absent[metric.name] = (
                    f"{metric.name} needs 2 features or more, got {n}: it is a distance of sets; give more videos"
                )
                continue
            found |= {k: SetScore(float(v), n) for k, v in metric.compute().items()}
        return found


def prepared(clip: VideoClip, protocol: Protocol) -> VideoClip:
    """A clip as the protocol has it: at its size, with its dilation. Unchanged where it asks for neither."""
    if protocol.size is None and protocol.dilation == 0:
        return clip
    hole: Bool[np.ndarray, "t h w"] = clip.hole[:, 0].cpu().numpy()
    frames = clip.frames
    if protocol.size is not None and protocol.size != tuple(frames.shape[-2:]):
        frames = to_unit(resized(to_uint8(frames), *protocol.size))
        hole = resized_hole(hole, *protocol.size)
    return VideoClip(frames, torch.from_numpy(dilated_by_cross(hole, protocol.dilation)).unsqueeze(1), clip.index)


def as_compared(painted: Float[Tensor, "*s t c h w"], protocol: Protocol) -> Float[Tensor, "*s t c h w"]:
    """Painted values as the protocol compares them, in [-1, 1]."""
    clipped = painted.clamp(-1, 1)
    if protocol.values == "float":
        return clipped
    # a thousandth, lest a value that was 8-bit loses a level to rounding
    return ((clipped + 1) * 127.5 + 1e-3).floor() / 127.5 - 1
