"""`Job`: one video, cut out, painted stage by stage, and put together again. Memory is that of a window and of a frame."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from inpaintdiff.analysis.cost import Makeup, makeups, observations
from inpaintdiff.data.hole_track import HoleTrack
from inpaintdiff.data.video import VideoReader
from inpaintdiff.errors import HoleError
from inpaintdiff.inpaint.canvas import DiskCanvas
from inpaintdiff.painting.cutout import CutOut
from inpaintdiff.painting.painters import Painter
from inpaintdiff.schemes import Stage

Frame = UInt8[np.ndarray, "h w 3"]

PAINTED = "painted-"


def painted_file(folder: Path, region: int) -> Path:
    """Where what is painted in one cut-out is kept."""
    return folder / f"{PAINTED}{region}.f32"


@dataclass(frozen=True)
class Step:
    """What `Job.paint` yields after every stage.

    Attributes:
        region, region_stages: which cut-out, and how many of its stages are painted by now.
        stage, stages: stages painted so far, in all cut-outs, and how many there are.
        frames, total_frames: frames painted so far, and how many there are; a frame counts once for every cut-out.
    """

    region: int
    region_stages: int
    stage: int
    stages: int
    frames: int
    total_frames: int


class Job:
    """A video, its hole, and who paints it.

    Args:
        video: frames by number.
        holes: of the video's length and size; at least one pixel is marked.
        painter: a model or a baseline.
        samples: how many answers.
        seed: of the answers.
        context: surroundings that cut-outs have, see `choose_regions`.

    Raises:
        HoleError: holes that do not fit the video.
        SettingError: `context` out of range.
        PlanError: the painter's scheme cannot paint this video.
    """

    def __init__(
        self,
        video: VideoReader,
        holes: HoleTrack,
        painter: Painter,
        *,
        samples: int = 1,
        seed: int = 0,
        context: float = 0.5,
    ) -> None:
        info = video.info
        if (holes.frames, holes.height, holes.width) != (info.frames, info.height, info.width):
            raise HoleError(
                f"the hole has {holes.frames} frames of {holes.width} x {holes.height}, "
                f"the video {info.frames} of {info.width} x {info.height}."
            )
        self.video, self.holes, self.painter = video, holes, painter
        self.samples, self.seed = samples, seed
        self.regions = painter.regions(holes.union, context)
        self.cutouts = [CutOut(video, holes, region) for region in self.regions]
        plans = self.plans()
        self.stages = [len(p) for p in plans]
        self.makeups = [makeups(p) for p in plans]
        self.observations = sum(
            observations(p, c.incomplete(), samples) for p, c in zip(plans, self.cutouts, strict=True)
        )
        self.total_frames = [sum(len(s.latent) for s in p) for p in plans]
        self._canvases: list[DiskCanvas] = []

    def plans(self) -> list[list[Stage]]:
        """The stages of every cut-out. They are made anew: those of a long video are not held while it is painted."""
        return [self.painter.plan(c.incomplete(), c.height * c.width) for c in self.cutouts]

    def makeups_in_all(self) -> Counter[Makeup]:
        """How many stages of every make-up all cut-outs have together."""
        return sum(self.makeups, Counter())

    @property
    def calls(self) -> int:
        """Network calls of the whole job."""
        return sum(self.stages) * self.painter.calls * self.samples

    def paint(self, folder: Path, done: Sequence[int] | None = None) -> Iterator[Step]:
        """Paint all cut-outs, yielding after every stage, whose result is then on the disk.

        Args:
            folder: where what is painted is kept, one file a cut-out.
            done: for every cut-out, how many of its stages the files hold already.

        Raises:
            VideoReadError: the video has gone or changed.
            VideoWriteError: the disk is full.
        """
        done = list(done or [0] * len(self.regions))
        self._canvases = [
            DiskCanvas(cutout, painted_file(folder, r), self.samples) for r, cutout in enumerate(self.cutouts)
        ]
        for r, canvas in enumerate(self._canvases):
            stages, frames = sum(self.stages[:r]), sum(self.total_frames[:r])
            for p in self.painter.paint(canvas, region_seed(self.seed, r), done[r]):
                yield Step(
                    r, p.done_stages, stages + p.done_stages, sum(self.stages),
                    frames + p.done_frames, sum(self.total_frames),
                )  # fmt: skip

    def frames(self, sample: int) -> Iterator[Frame]:
        """The whole video with one sample in its holes, a frame at a time. Pixels outside the hole are the source's own."""
        for i, frame in enumerate(self.video.iter()):
            yield self._complete(i, frame, sample)

    def versions(self) -> Iterator[UInt8[np.ndarray, "k h w 3"]]:
        """All samples of a frame, frame by frame; the video is decoded once."""
        for i, frame in enumerate(self.video.iter()):
            yield np.stack([self._complete(i, frame, s) for s in range(self.samples)])

    def spread(self) -> Iterator[Float[np.ndarray, "h w"]]:
        """`spread_of` every frame."""
        return map(spread_of, self.versions())

    def _complete(self, i: int, frame: Frame, sample: int) -> Frame:
        mine = [k for k, cutout in enumerate(self.cutouts) if cutout.incomplete()[i]]
        if not mine:
            return frame
        out, hole = frame.copy(), self.holes.read([i])[0]
        for k in mine:
            self.cutouts[k].complete(out, frame, hole, self._canvases[k].painted([i], slice(sample, sample + 1))[0])
        return out


def spread_of(versions: UInt8[np.ndarray, "k h w 3"]) -> Float[np.ndarray, "h w"]:
    """How much samples differ: standard deviation over the samples, root mean square over the colours, 1 is white.

    It is 0 where all agree, and everywhere where there is one sample only.
    """
    if len(versions) == 1:
        return np.zeros(versions.shape[1:3], dtype=np.float32)
    variance = (versions.astype(np.float32) / 255).var(axis=0, ddof=1)
    return np.sqrt(variance.mean(axis=-1)).astype(np.float32)


def region_seed(seed: int, region: int) -> int:
    """Seed of one cut-out; that of the first is the job's, so that a video of the model's size is painted as by the `Inpainter`."""
    if region == 0:
        return seed
    return int.from_bytes(hashlib.blake2b(f"{seed}/region/{region}".encode(), digest_size=8).digest(), "big") >> 1
