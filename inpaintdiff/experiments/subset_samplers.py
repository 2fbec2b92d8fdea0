"""Which frames should a training window hold? Three samplers of frame subsets, measured against each other.

One network is trained with each, from the same initial weights, on the same clips, for the same number of steps and of frames a
step (FDM's windows vary in size: small ones come in larger batches). Then all are asked the same questions.
"""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from inpaintdiff.data.clips import WholeClips
from inpaintdiff.data.format import MANIFEST
from inpaintdiff.data.synthetic.write import synthesize_traffic
from inpaintdiff.experiments.arms import ArmData, train_arm
from inpaintdiff.experiments.experiment import Experiment, Outcome, Report, Request
from inpaintdiff.experiments.run_folder import RunFolder
from inpaintdiff.experiments.stage_scores import Pattern, level_bands, painted_scores, stage_scores, stages_of
from inpaintdiff.experiments.subset_results import SubsetResults
from inpaintdiff.inpaint.sampling import SamplingConfig
from inpaintdiff.schemes import Stage, scheme_names
from inpaintdiff.schemes.tasks import FDMTasks, MixtureTasks, SchemeTasks, TaskSampler
from inpaintdiff.training.module import InpaintingModule, NetworkConfig, ObjectiveConfig
from inpaintdiff.types import VideoClip

SCHEMES = ("ar", "lookahead-ar++", "hierarchy-2", "long-range")
FDM_GROUP = "FDM's subsets"
# Nothing is observed in these. They are few in a plan, and everything that is painted later looks at what they painted.
FIRST_GROUP = "first stages"
_NOISE_SEED = 1234


@dataclass(frozen=True)
class Scale:
    """How large a run is.

    Attributes:
        steps: training steps of an arm.
        seeds: trainings of every arm.
        clips, held_out: simulated for training, and for scores.
        frames, size: of a clip; pixels a side.
        window, batch: frames of a full window; full windows a step, of smaller ones there are more.
        width: of the network.
        painted, calls: held-out clips that are painted whole; network calls a stage.
    """

    steps: int = 600
    seeds: int = 2
    clips: int = 384
    held_out: int = 24
    frames: int = 40
    size: int = 32
    window: int = 8
    batch: int = 8
    width: int = 32
    painted: int = 6
    calls: int = 6


QUICK = Scale(steps=20, seeds=1, clips=24, held_out=6, frames=24, painted=1, calls=4)


def samplers(window: int) -> dict[str, TaskSampler]:
    """The arms; the first is the reference."""
    fdm, schemes = FDMTasks(window), SchemeTasks(scheme_names(), window)
    return {"fdm": fdm, "schemes": schemes, "mixture": MixtureTasks([fdm, schemes])}


class SubsetSamplers(Experiment):
    """See the module.

    Args:
        full, quick: sizes of the two kinds of run.
    """

    name = "subset-samplers"
    about = "Which frames to train on: FDM's subsets, the stages of sampling schemes, or both?"

    def __init__(self, full: Scale = Scale(), quick: Scale = QUICK) -> None:
        self.full, self.quick = full, quick

    def run(self, request: Request, report: Report = lambda *_: None) -> Outcome:
        """Train every arm once a seed, score each, compare."""
        scale = self.quick if request.quick else self.full
        scale = replace(scale, steps=request.steps or scale.steps, seeds=request.seeds or scale.seeds)
        folder = RunFolder(request.output, {"experiment": self.name, **asdict(scale)})
        root = folder.path / "data"
        if not (root / MANIFEST).exists():
            synthesize_traffic(
                root,
                {"train": scale.clips, "test": scale.held_out},
                frames=scale.frames,
                size=scale.size,
                workers=0,
                progress=partial(report, "simulating traffic"),
            )
        held_out = WholeClips(root, "test")
        clips = [held_out[i] for i in range(scale.held_out)]
        parts = {
            (arm, seed): folder.part(
                f"{arm}-{seed}", partial(_run_arm, arm, seed, scale, root, clips, folder.path, report)
            )
            for seed in range(scale.seeds)
            for arm in samplers(scale.window)
        }
        results = SubsetResults.of(parts, tuple(samplers(scale.window)), asdict(scale))
        folder.write("results.json", results.as_dict())
        figure = results.draw(folder.path / "subset-samplers.png")
        return Outcome(results.text(), (folder.path / "results.json", figure))


def _run_arm(
    arm: str, seed: int, scale: Scale, root: Path, clips: list[VideoClip], folder: Path, report: Report
) -> dict[str, Any]:
    """Train one arm and score it; plain values."""
    data = ArmData(
        str(root), scale.window, samplers(scale.window)[arm], batch_size=scale.batch, num_workers=0, seed=seed
    )
    objective = ObjectiveConfig(
        predict="edm", sigmas="log-normal", log_mean=0.5, log_std=1.6, sigma_min=0.01, sigma_max=20.0
    )
    warmup = min(50, scale.steps // 2)
    # attention at every position of the finest level: with few steps a network that meets other frames only where all is coarse
    # has not yet learned to look at them, and then it does not matter which ones there are
    module, cost = train_arm(
        lambda: InpaintingModule(
            NetworkConfig("tiny", scale.width, multipliers=[1], attention_levels=[0], heads=4, patch=4),
            objective,
            scale.window,
            scale.size,
            lr=2e-3,
            warmup_steps=warmup,
            decay_steps=max(1, scale.steps - warmup),
            seed=seed,
        ),
        data,
        scale.steps,
        folder / "checkpoints" / f"{arm}-{seed}",
        seed,
        lambda step, _: report(f"training {arm}, seed {seed}", step, scale.steps),
    )
    groups = stage_groups(scale)
    total = sum(map(len, groups.values())) + len(SCHEMES) * scale.painted
    done = _Counter(f"scoring {arm}, seed {seed}", total, report)
    sigmas = level_bands(objective.log_mean, objective.log_std)
    stage = {
        name: stage_scores(module.denoiser, clips, stages, sigmas, _NOISE_SEED, done).tolist()
        for name, stages in groups.items()
    }
    painted = {}
    for scheme in SCHEMES:
        inpainter = SamplingConfig(scheme=scheme, calls=scale.calls).inpainter(module.denoiser, module.config)
        painted[scheme] = painted_scores(inpainter, clips[: scale.painted], _NOISE_SEED, done)
    return {"cost": cost, "stages": stage, "painted": painted}


def stage_groups(scale: Scale) -> dict[str, list[tuple[Stage, Pattern]]]:
    """What is asked: the stages of each scheme, its first ones by themselves, and as many of FDM's subsets; always the same."""
    groups = {scheme: stages_of(scheme, scale.frames, scale.window) for scheme in SCHEMES}
    rng, fdm = Random(_NOISE_SEED), FDMTasks(scale.window)
    count = max(map(len, groups.values()))
    first = (stages_of(scheme, scale.frames, scale.window)[0] for scheme in SCHEMES)
    groups[FIRST_GROUP] = list(dict.fromkeys(first))
    groups[FDM_GROUP] = [(fdm.sample(scale.frames, rng), (True,) * scale.frames) for _ in range(count)]
    return groups


class _Counter:
    """Tells how much of the scoring is done."""

    def __init__(self, doing: str, total: int, report: Report) -> None:
        self.doing, self.total, self.report, self.done = doing, total, report, 0

    def __call__(self) -> None:
        self.done += 1
        self.report(self.doing, self.done, self.total)
