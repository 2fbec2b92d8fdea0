"""`Comparison`: arms that paint the same clips, scored by a protocol. The main table, the schemes and the solvers are such.

Every arm, set of clips and seed is a part of its own, so that a run which was cut off loses one of these at most. What feature
networks make of the truth is computed once for all of them.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from inpaintdiff.data.pictures import contact_sheet, hole_marked
from inpaintdiff.errors import SettingError
from inpaintdiff.evaluation import Evaluation, Networks, evaluate, find_networks
from inpaintdiff.evaluation.files import write_picture, write_text
from inpaintdiff.evaluation.meaning import FACTS, Meaning
from inpaintdiff.evaluation.stats import SetScore, VideoResult
from inpaintdiff.experiments.compared import Arm, ClipSet, Models, Size, model_digest, own_model
from inpaintdiff.experiments.comparison_figure import save_figure
from inpaintdiff.experiments.experiment import Experiment, Outcome, Report, Request
from inpaintdiff.experiments.run_folder import RunFolder
from inpaintdiff.types import VideoClip

_SHOWN, _COLUMNS, _TILE = 3, 6, 128


class Comparison(Experiment):
    """See the module.

    Args:
        full, quick: sizes of the two kinds of run.
    """

    full: Size = Size()
    quick: Size = Size(clips=8, calls=10, seeds=1)

    def __init__(self, full: Size | None = None, quick: Size | None = None) -> None:
        self.full, self.quick = full or self.full, quick or self.quick

    @abstractmethod
    def arms(self, size: Size) -> Sequence[Arm]:
        """Who paints; the first is compared with each of the others."""

    @abstractmethod
    def sets(self, size: Size, request: Request) -> Sequence[ClipSet]:
        """What is painted."""

    def run(self, request: Request, report: Report = lambda *_: None) -> Outcome:
        """See `Experiment.run`."""
        size = self.quick if request.quick else self.full
        size = replace(size, seeds=request.seeds or size.seeds, clips=request.clips or size.clips)
        arms, sets = self.arms(size), _chosen(self.sets(size, request), request.sets)
        networks = find_networks(request.features_dir)
        folder = RunFolder(request.output, _settings(self.name, request, size, arms, sets, networks))
        work = [(s, arm, seed) for s in sets for arm in arms for seed in range(size.seeds)]
        models = Models(request.model)
        total = sum(s.number for s, _, _ in work)
        done = 0
        for clip_set, arm, seed in work:
            part = partial(
                self._part, clip_set, arm, seed, size.samples, models, networks, folder,
                partial(_report_more, report, clip_set.name, done, total),
            )  # fmt: skip
            folder.part(_name(clip_set.name, arm.name, seed), part)
            done += clip_set.number
            report(clip_set.name, done, total)
        results = {s.name: _together(request.output, s.name, arms, size.seeds) for s in sets}
        return self._finish(folder, results, sets, arms)

    def _part(
        self,
        clip_set: ClipSet,
        arm: Arm,
        seed: int,
        samples: int,
        models: Models,
        networks: Networks,
        folder: RunFolder,
        report: Callable[[int], None],
    ) -> dict[str, Any]:
        painted: dict[str, torch.Tensor] = {}
        count = 0

        def after(video: str, clip: VideoClip, answers: dict[str, torch.Tensor]) -> None:
            nonlocal count
            count += 1
            if seed == 0 and len(painted) < _SHOWN:
                painted[video] = answers[arm.name][0]
            report(count)

        meaning = Meaning(clip_set.known)
        about = {"set": clip_set.name, "truth_semantic": None}
        # seeds of different runs never meet: clip i of a run has seed + i
        found = evaluate(
            [models.method(arm, clip_set)], clip_set.make(), samples, 1_000_000 * seed, about=about, after=after, networks=networks,
            further=meaning, kept=folder.path / "truth",
        )  # fmt: skip
        truth = meaning.truth()
        plain = found.as_dict()
        plain["about"]["truth_semantic"] = None if math.isnan(truth) else truth
        if painted:
            place = folder.path / "frames" / f"{_name(clip_set.name, arm.name, seed)}.pt"
            place.parent.mkdir(exist_ok=True)
            torch.save({k: (v * 127.5 + 127.5).round().to(torch.uint8) for k, v in painted.items()}, place)
        return plain

    def _finish(
        self, folder: RunFolder, results: Mapping[str, Evaluation], sets: Sequence[ClipSet], arms: Sequence[Arm]
    ) -> Outcome:
        lines = []
        for name, found in results.items():
            truth = found.about.get("truth_semantic")
            lines += [f"== {name}", found.table()]
            lines += [f"The truth itself has a semantic score of {truth:.3f}."] if truth is not None else []
        folder.write("results.json", {name: found.as_dict() for name, found in results.items()})
        files = [folder.path / "results.json", folder.path / "results.md"]
        pages = [f"## {name}\n\n{found.markdown()}\n" for name, found in results.items()]
        write_text(files[-1], "\n".join(pages), overwrite=True)
        files.append(save_figure(results, self.about, folder.path / "results.png"))
        for clip_set in sets:
            if (sheet := _sheet(folder.path, clip_set, arms)) is not None:
                files.append(folder.path / f"{clip_set.name.replace(' ', '-')}.png")
                write_picture(files[-1], sheet, overwrite=True)
        return Outcome("\n\n".join(lines), tuple(files))


def _chosen(sets: Sequence[ClipSet], names: Sequence[str]) -> list[ClipSet]:
    """The sets of these names, in their own order; all where none is named."""
    known = [s.name for s in sets]
    if wrong := [n for n in names if n not in known]:
        raise SettingError(f"there is no set {wrong[0]!r} of clips here, expected one of {', '.join(map(repr, known))}")
    return [s for s in sets if not names or s.name in names]


def _report_more(report: Report, doing: str, before: int, total: int, more: int) -> None:
    report(doing, before + more, total)


def _settings(
    name: str, request: Request, size: Size, arms: Sequence[Arm], sets: Sequence[ClipSet], networks: Networks
) -> dict[str, Any]:
    own = [arm.model for arm in arms] + [own_model(s, request.model) for s in sets]
    others = sorted({source for source in own if source is not None})
    return {
        "experiment": name,
        "model": request.model,
        "sha256": model_digest(request.model),
        "other_models": {source: model_digest(source) for source in others},
        "frames": size.frames,
        "calls": size.calls,
        "seeds": size.seeds,
        "samples": size.samples,
        "arms": [a.name for a in arms],
        "sets": {s.name: s.number for s in sets},
        "networks": {kind: dict(facts) for kind, facts in networks.files.items()},
    }


def _name(clip_set: str, arm: str, seed: int) -> str:
    return "-".join("".join(c if c.isalnum() else "_" for c in part) for part in (clip_set, arm, str(seed)))


def _together(folder: Path, clip_set: str, arms: Sequence[Arm], seeds: int) -> Evaluation:
    """One evaluation of all arms, scores of a video being means over seeds; facts are those of the first seed."""
    parts = {
        arm.name: [Evaluation.load(folder / "parts" / f"{_name(clip_set, arm.name, s)}.json") for s in range(seeds)]
        for arm in arms
    }
    first = parts[arms[0].name][0]
    # what a part tells of its own arm, by kind of fact
    told = {
        kind: {k: v for found in parts.values() for k, v in found[0].about.get(kind, {}).items()}
        for kind in ("methods", *FACTS)
        if kind in first.about
    }
    return Evaluation(
        first.protocol,
        {name: _mean_videos([e.results[name] for e in found]) for name, found in parts.items()},
        {**first.about, "seeds": seeds, **told},
        {name: _mean_sets([e.sets[name] for e in found]) for name, found in parts.items()},
        first.networks,
        first.absent,
    )


def _mean_videos(runs: Sequence[tuple[VideoResult, ...]]) -> tuple[VideoResult, ...]:
    return tuple(
        replace(
            same[0],
            scores={k: sum(v.scores[k] for v in same) / len(same) for k in same[0].scores},
            seconds_per_frame=sum(v.seconds_per_frame for v in same) / len(same),
        )
        for same in zip(*runs, strict=True)
    )


def _mean_sets(runs: Sequence[Mapping[str, SetScore]]) -> dict[str, SetScore]:
    return {k: SetScore(sum(r[k].value for r in runs) / len(runs), runs[0][k].n) for k in runs[0]}


def _sheet(folder: Path, clip_set: ClipSet, arms: Sequence[Arm]) -> Any:
    """A few frames of the first clips: hole, what every arm painted, truth."""
    rows = []
    for arm in arms:
        path = folder / "frames" / f"{_name(clip_set.name, arm.name, 0)}.pt"
        if not path.exists():
            return None
        rows.append((arm.name, torch.load(path, weights_only=True)))
    sheet = []
    for video, clip in list(zip(range(_SHOWN), clip_set.make(), strict=False)):
        name, truth = clip
        at = [round(i * (truth.length - 1) / (_COLUMNS - 1)) for i in range(_COLUMNS)]
        shrink = max(1, max(truth.frames.shape[-2:]) // _TILE)
        every = [
            ("hole", hole_marked(truth)),
            *((a, f[name].float() / 127.5 - 1) for a, f in rows),
            ("truth", truth.frames),
        ]
        sheet += [(f"{video} {label}", F.avg_pool2d(frames[at], shrink)) for label, frames in every]
    return contact_sheet(sheet, _COLUMNS)
