"""The experiments of the paper on simulated and on real clips: the main table, sampling schemes, solvers and their steps."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from inpaintdiff.data.clip_sources import VideoFolderSource
from inpaintdiff.data.clips import WholeClips
from inpaintdiff.data.hole_generators import HoleGenerator
from inpaintdiff.data.synthetic.scene import VARIANTS
from inpaintdiff.data.synthetic.worlds import world_clip
from inpaintdiff.data.synthetic.write import clip_seed
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation.known_worlds import Known, known_by_seed
from inpaintdiff.experiments.compared import Arm, ClipSet, Size
from inpaintdiff.experiments.comparison import Comparison
from inpaintdiff.experiments.experiment import Request
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.types import VideoClip

# Seeds of the test split of data sets with seed 0: no model has trained on these.
FIRST = clip_seed(0, "test", 0)
_SIZE = 64
BASELINES = ("nearest", "median", "telea", "navier-stokes", "blur", "flow")


def traffic(size: Size, name: str = "traffic", holes: HoleGenerator | None = None, variant: str = "default") -> ClipSet:
    """Held-out simulated traffic; a region over the junction is hidden throughout, or holes are drawn from the seed of the clip."""

    def clips() -> Iterator[tuple[str, VideoClip]]:
        for seed in range(FIRST, FIRST + size.clips):
            clip = world_clip("traffic", seed, size.frames, _SIZE, variant)
            if holes is not None:
                drawn = holes.draw(np.random.default_rng(seed), clip.hole[:, 0].numpy())
                clip = VideoClip(clip.frames, torch.from_numpy(np.array(drawn)).unsqueeze(1), clip.index)
            yield f"traffic-{seed}", clip

    # elsewhere other vehicles than cars, or other places, are lawful
    lawful = variant in ("default", "dense")
    known = known_by_seed("traffic", _SIZE) if lawful else Known()
    return ClipSet(name, clips, size.clips, known)


def world(name: str, size: Size, model: str | None = None) -> ClipSet:
    """Held-out clips of another simulated world, and the built-in model that paints them, if it is to be that of their world."""

    def clips() -> Iterator[tuple[str, VideoClip]]:
        for seed in range(FIRST, FIRST + size.clips):
            yield f"{name}-{seed}", world_clip(name, seed, size.frames, _SIZE)

    return ClipSet(name, clips, size.clips, known_by_seed(name, _SIZE), model)


def real(folder: Path, size: Size) -> ClipSet:
    """The beginning of real videos, the middle of the picture made smaller, with a box, blob, grid or stroke drawn from the name."""
    if not folder.is_dir():
        raise SettingError(f"--real {folder} is not a folder; expected one with videos")
    sources = [VideoFolderSource(folder, split, _SIZE, size.frames) for split in ("train", "val", "test")]
    first = [(s, i) for s in sources for i, e in enumerate(s.entries) if e.video.endswith("-000000")]

    def clips() -> Iterator[tuple[str, VideoClip]]:
        for source, i in first[: size.clips]:
            yield source.name(i).partition("/")[2], WholeClips(source, "train", size.frames)[i]

    return ClipSet("real clips", clips, min(len(first), size.clips))


def real_sets(request: Request, size: Size) -> list[ClipSet]:
    """Real clips, where a folder of them is given."""
    return [] if request.real is None else [real(request.real, size)]


class Main(Comparison):
    """The built-in model of each world, or one that is named for all, and every baseline; on real clips as well."""

    name = "main"
    about = "Is the model ahead of every baseline on held-out clips, and where is it not?"

    def arms(self, size: Size) -> Sequence[Arm]:
        """See `Comparison`."""
        return [Arm("ours", SamplingConfig(calls=size.calls)), *(Arm(b) for b in BASELINES)]

    def sets(self, size: Size, request: Request) -> Sequence[ClipSet]:
        """See `Comparison`; a quick run has the first set, those that are named, and real clips where they are given."""
        others = [world(name, size, f"builtin:{name}") for name in ("dashcam", "cars")]
        if request.quick and not request.sets:
            others = []
        return [traffic(size), *others, *real_sets(request, size)]


class Worlds(Comparison):
    """Our model where it was not trained: denser traffic, night, other roads, other road users, other worlds, real clips."""

    name = "worlds"
    about = "What does the model do on clips unlike those that it was trained on, beside propagation along the flow?"
    full = Size(clips=12, calls=10, seeds=1)
    quick = Size(clips=2, frames=16, calls=5, seeds=1)

    def arms(self, size: Size) -> Sequence[Arm]:
        """See `Comparison`."""
        return [Arm("ours", SamplingConfig(calls=size.calls)), Arm("flow"), Arm("nearest")]

    def sets(self, size: Size, request: Request) -> Sequence[ClipSet]:
        """See `Comparison`; the first is what the model was trained on."""
        variants = [traffic(size, "traffic" if v == "default" else f"traffic {v}", variant=v) for v in VARIANTS]
        return [*variants, world("dashcam", size), world("cars", size), *real_sets(request, size)]


class Solvers(Comparison):
    """One model, several solvers, few and many network calls a stage."""

    name = "solvers"
    about = "How many network calls a stage are enough, and of which solver?"
    full = Size(clips=12, seeds=1)
    quick = Size(clips=2, frames=12, seeds=1)

    def arms(self, size: Size) -> Sequence[Arm]:
        """See `Comparison`; the first has the most calls."""
        pairs = [
            ("ddim", 100),
            ("ddim", 20),
            ("ddim", 10),
            ("heun", 20),
            ("dpmpp-2m", 20),
            ("dpmpp-2m", 10),
            ("dpmpp-2m", 5),
        ]
        return [Arm(f"{solver} {calls}", SamplingConfig(solver=solver, calls=calls)) for solver, calls in pairs]

    def sets(self, size: Size, request: Request) -> Sequence[ClipSet]:
        """See `Comparison`."""
        return [traffic(size)]
