"""What does a larger patch cost in quality? One network a picture and patch size, each trained for the same processor seconds.

The levels of a network bring its picture to 8x8 positions whatever the patch; everything else is the same. All are trained from
scratch on the same simulated scenes, drawn at each size, and asked the same questions. Equal time is what a user has: a cheap network
takes more steps in it, so that a short run favours large patches, and only a long one says what they cost in the end.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.baselines import make_baseline
from inpaintdiff.data.clips import WholeClips
from inpaintdiff.data.datamodules import TrafficScenesDataModule
from inpaintdiff.data.format import MANIFEST
from inpaintdiff.data.synthetic.write import synthesize_traffic
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation.networks import find_networks
from inpaintdiff.experiments.arms import train_arm
from inpaintdiff.experiments.experiment import Experiment, Outcome, Report, Request
from inpaintdiff.experiments.patch_results import REFERENCE, Arm, PatchResults
from inpaintdiff.experiments.patch_sheet import keep_frames, save_sheets
from inpaintdiff.experiments.run_folder import RunFolder
from inpaintdiff.experiments.stage_scores import level_bands, stage_scores, stages_of
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.metrics.frame import frame_scores
from inpaintdiff.metrics.lpips import LPIPS, lpips
from inpaintdiff.schemes.tasks import SchemeTasks
from inpaintdiff.training.module import InpaintingModule, NetworkConfig, ObjectiveConfig
from inpaintdiff.types import VideoClip

SCHEME = "lookahead-ar++"
_COARSEST = 8  # positions a side at the last level, where all of a frame looks at all others
_MULTIPLIERS = (1, 2, 4, 4, 4, 4)
_NOISE_SEED = 1234
# a step is up to seconds long, and a checkpoint of the cheapest network one part in a hundred of so many
_CHECKPOINT_STEPS = 25


@dataclass(frozen=True)
class Scale:
    """How large a run is.

    Attributes:
        seconds: of the processor, for the training of an arm.
        seeds: trainings of every arm.
        arms: pixels a side and patch size of each; the smallest patch of every picture is what the others are compared with.
        clips, held_out: simulated at every size, for training and for scores.
        frames: of a clip.
        window, batch: frames of a window, windows a step.
        width: of the networks.
        painted, calls: held-out clips that are painted whole; network calls a stage.
        solver: that paints. Of first order: what networks far from trained leave of the noise, DPM-Solver++(2M) makes more by
            extrapolating, and then whole clips say more about that than about the patch.
    """

    seconds: int = 300
    seeds: int = 1
    arms: tuple[Arm, ...] = ((64, 1), (64, 2), (64, 4), (128, 2), (128, 4), (256, 4), (256, 8))
    clips: int = 128
    held_out: int = 12
    frames: int = 24
    window: int = 8
    batch: int = 2
    width: int = 32
    painted: int = 10
    calls: int = 4
    solver: str = "ddim"


QUICK = Scale(seconds=6, clips=6, held_out=2, frames=12, painted=1, calls=2)


class Patches(Experiment):
    """See the module.

    Args:
        full, quick: sizes of the two kinds of run.
    """

    name = "patches"
    about = "What does a larger patch cost in quality, at 64, 128 and 256 pixels?"

    def __init__(self, full: Scale = Scale(), quick: Scale = QUICK) -> None:
        self.full, self.quick = full, quick

    def run(self, request: Request, report: Report = lambda *_: None) -> Outcome:
        """Train and score every arm; one thread, so that processor seconds mean the same everywhere."""
        if request.steps is not None:
            raise SettingError(
                f"patches gives every arm the same processor seconds, not the same steps; got --steps {request.steps}, expected --seconds N"
            )
        scale = self.quick if request.quick else self.full
        scale = replace(scale, seconds=request.seconds or scale.seconds, seeds=request.seeds or scale.seeds)
        networks = find_networks(request.features_dir)
        judge = {"lpips": dict(networks.files["lpips"])} if networks.lpips is not None else {}
        folder = RunFolder(request.output, {"experiment": self.name, **asdict(scale), "networks": judge})
        clips = {}
        for pixels in sorted({pixels for pixels, _ in scale.arms}):
            root = _data(folder.path, pixels)
            if not (root / MANIFEST).exists():
                synthesize_traffic(
                    root,
                    {"train": scale.clips, "test": scale.held_out},
                    frames=scale.frames,
                    size=pixels,
                    workers=0,
                    progress=partial(report, f"simulating traffic, {pixels} pixels"),
                )
            held_out = WholeClips(root, "test")
            clips[pixels] = [held_out[i] for i in range(scale.held_out)]
        with _one_thread():
            without = {
                pixels: folder.part(f"{REFERENCE}-{pixels}", partial(_score_reference, some, scale, networks.lpips))
                for pixels, some in clips.items()
            }
            parts = {
                (arm, seed): folder.part(
                    f"{arm[0]}-{arm[1]}-{seed}",
                    partial(_run_arm, arm, seed, scale, clips[arm[0]], folder.path, networks.lpips, report),
                )
                for seed in range(scale.seeds)
                for arm in scale.arms
            }
        results = PatchResults(scale.arms, parts, without, {**asdict(scale), "arms": [list(arm) for arm in scale.arms]})
        folder.write("results.json", results.as_dict())
        figure = results.draw(folder.path / "patches.png")
        sheets = save_sheets(folder.path, scale.arms, clips)
        return Outcome(results.text(), (folder.path / "results.json", figure, *sheets))


def network_of(arm: Arm, width: int) -> NetworkConfig:
    """The network of an arm: as many levels as bring its picture to 8x8, attention at the last two, one block a level.

    Raises:
        SettingError: the patch does not divide the picture into 8x8, 16x16, 32x32 ... positions.
    """
    pixels, patch = arm
    levels = (pixels // patch // _COARSEST).bit_length()
    if levels < 1 or levels > len(_MULTIPLIERS) or _COARSEST * patch * 2 ** (levels - 1) != pixels:
        raise SettingError(
            f"a patch of {patch} does not bring {pixels} pixels to {_COARSEST}x{_COARSEST}; expected pixels / patch to be"
            f" {_COARSEST} times a power of 2, at most {_COARSEST * 2 ** (len(_MULTIPLIERS) - 1)}"
        )
    attention = list(range(max(0, levels - 2), levels))
    return NetworkConfig(
        "tiny", width, list(_MULTIPLIERS[:levels]), blocks=1, attention_levels=attention, heads=4, patch=patch
    )


def _data(folder: Path, pixels: int) -> Path:
    return folder / "data" / str(pixels)


def _run_arm(
    arm: Arm, seed: int, scale: Scale, clips: Sequence[VideoClip], folder: Path, judge: LPIPS | None, report: Report
) -> dict[str, Any]:
    """Train one arm and score it; plain values."""
    (pixels, patch), name = arm, f"{arm[0]} pixels, patch {arm[1]}, seed {seed}"
    data = TrafficScenesDataModule(
        str(_data(folder, pixels)),
        scale.window,
        SchemeTasks((SCHEME,), scale.window),
        batch_size=scale.batch,
        num_workers=0,
        seed=seed,
        cache="memory",
    )
    objective = ObjectiveConfig(
        predict="edm", sigmas="log-normal", log_mean=0.5, log_std=1.6, sigma_min=0.01, sigma_max=20.0
    )
    module, cost = train_arm(
        lambda: InpaintingModule(
            network_of(arm, scale.width),
            objective,
            scale.window,
            pixels,
            lr=1e-3,
            warmup_steps=20,
            decay_steps=10**9,  # the rate falls with the seconds that are left, see `InpaintingModule`
            seed=seed,
        ),
        data,
        None,
        folder / "checkpoints" / f"{pixels}-{patch}-{seed}",
        seed,
        lambda _, used: report(f"training {name}", min(scale.seconds, math.ceil(used)), scale.seconds),
        seconds=scale.seconds,
        every=_CHECKPOINT_STEPS,
    )
    stages = stages_of(SCHEME, scale.frames, scale.window)
    done, total = 0, len(stages) + scale.painted

    def count() -> None:
        nonlocal done
        done += 1
        report(f"scoring {name}", done, total)

    levels = level_bands(objective.log_mean, objective.log_std)
    at_stages = stage_scores(module.denoiser, clips, stages, levels, _NOISE_SEED, count).tolist()
    inpainter = SamplingConfig(scheme=SCHEME, solver=scale.solver, calls=scale.calls).inpainter(
        module.denoiser, module.config
    )
    took: list[float] = []

    def paint(clip: VideoClip, n: int) -> Float[Tensor, "t c h w"]:
        calls = len(inpainter.plan(clip.hole.flatten(1).any(dim=1).tolist())) * inpainter.calls
        begun = time.process_time()
        painted = inpainter(clip, samples=1, seed=_NOISE_SEED + n).frames[0]
        took.append((time.process_time() - begun) / calls)
        count()
        return painted

    scores, painted = _painted_scores(paint, clips[: scale.painted], judge)
    keep_frames(folder, arm, seed, painted)
    return {
        "cost": cost,
        "parameters": sum(p.numel() for p in module.denoiser.parameters()),
        "call_seconds": statistics.median(took),
        "scores": {"stages": at_stages, **scores},
    }


def _score_reference(clips: Sequence[VideoClip], scale: Scale, judge: LPIPS | None) -> dict[str, Any]:
    """What needs no training reaches on the same clips."""
    baseline = make_baseline(REFERENCE)
    scores, _ = _painted_scores(lambda clip, _: baseline.paint(clip), clips[: scale.painted], judge)
    return {"scores": scores}


def _painted_scores(
    paint: Callable[[VideoClip, int], Float[Tensor, "t c h w"]], clips: Sequence[VideoClip], judge: LPIPS | None
) -> tuple[dict[str, list[float]], list[Float[Tensor, "t c h w"]]]:
    """Scores by name, one a clip, and the painted clips; LPIPS where there is a network for it."""
    painted = [paint(clip, n) for n, clip in enumerate(clips)]
    each = [frame_scores(p, clip.frames, clip.hole) for p, clip in zip(painted, clips, strict=True)]
    scores = {name: [float(found[name]) for found in each] for name in ("psnr_hole", "ssim_hole")}
    if judge is not None:
        holes = [clip.hole.flatten(1).any(dim=1) for clip in clips]
        each_frame = (lpips(judge, p[h], c.frames[h]) for p, c, h in zip(painted, clips, holes, strict=True))
        scores["lpips"] = [float(values.double().mean()) for values in each_frame]
    return scores, painted


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for torch, and afterwards as many as before: several that wait for each other take processor seconds too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
