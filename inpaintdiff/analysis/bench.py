"""What `inpaintdiff bench-schemes` measures: every scheme on every kind of hole, and what looking at incomplete frames can gain.

Two open questions of arXiv 2405.00251 in closed form (see `inpaintdiff.analysis.gaussian`):
Q1  How much does conditioning on incomplete frames gain, of what could be gained, over hole size x temporal extent?
Q2  Which scheme suits which holes, and which budget?
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from inpaintdiff.analysis.bench_figures import draw_budget, draw_gain_maps, draw_scores
from inpaintdiff.analysis.bench_results import WORTH_GAINING, GainMap, Score
from inpaintdiff.analysis.gaussian import GaussianVideo, scheme_kl
from inpaintdiff.analysis.patterns import PATTERNS, late_reveal, moving_hole
from inpaintdiff.schemes import LookaheadARPlusPlus, SamplingScheme, make_scheme, scheme_names

NO_Z = "lookahead-ar++ without Z"


@dataclass(frozen=True, eq=False)
class SchemeBench:
    """All results. `text()` for the terminal, `save(folder)` for files.

    Attributes:
        video: the Gaussian video.
        window: K.
        steps: L for few, medium and many calls.
        scores: Q2, over schemes x patterns x steps.
        reference: a moving hole with every frame incomplete, and a late reveal, both without variants.
        one_window: the largest loss of any scheme whose window holds the whole video; 0 but for rounding.
        maps: Q1.
    """

    video: GaussianVideo
    window: int
    steps: tuple[int, ...]
    scores: tuple[Score, ...]
    reference: tuple[Score, ...]
    one_window: float
    maps: tuple[GainMap, ...]

    def best(self, pattern: str, most: int, scheme: str | None = None) -> Score:
        """The smallest loss within a budget of stages: of all schemes, or of one.

        Args:
            pattern: kind of hole.
            most: stages, at least as many as the cheapest plan takes.
            scheme: only this one.
        """
        return min(
            (
                s
                for s in self.scores
                if s.pattern == pattern and s.stages <= most and (s.scheme == scheme if scheme else s.scheme != NO_Z)
            ),
            key=lambda s: s.kl,
        )

    def score(self, pattern: str, scheme: str, step: int) -> Score:
        """One cell of the table."""
        return next(s for s in self.scores if (s.pattern, s.scheme, s.step) == (pattern, scheme, step))

    def advice(self) -> list[str]:
        """Which scheme for which holes and budget, a line for each budget from which on there is a better choice."""
        lines = []
        for pattern in PATTERNS:
            chosen = None
            for step in self.steps:
                # a budget is what plain AR with this L takes, and a sixth more
                most = int(self.score(pattern, "ar", step).stages * 7 / 6)
                best, plain = self.best(pattern, most), self.best(pattern, most, "ar")
                if chosen is None or chosen.kl - best.kl > 0.1:
                    than = f"ar loses {plain.kl:.2f} with L = {plain.step}"
                    lines.append(
                        f"{pattern if chosen is None else '':<13} from {most:>2} stages on  {best.scheme:<15} L = {best.step}  "
                        f"loses {best.kl:5.2f}  ({than})"
                    )
                    chosen = best
        return lines

    def ablation(self) -> list[str]:
        """What Z alone does, at the same order of frames, a line a pattern."""
        lines = []
        for pattern in PATTERNS:
            without, with_z = (self.score(pattern, name, self.steps[1]).kl for name in (NO_Z, "lookahead-ar++"))
            share = f"{(without - with_z) / without:+.0%} of all that can be gained"
            share = share if without > WORTH_GAINING else "next to nothing to gain"
            lines.append(f"{pattern:<13} {without:6.2f} -> {with_z:6.2f} nats  ({share})")
        return lines

    def text(self) -> str:
        """Tables and advice, for the terminal."""
        video, names = self.video, list(dict.fromkeys(s.scheme for s in self.scores))
        head = f"{video.frames} frames x {video.pixels} pixels, window {self.window}"
        parts = [
            f"Loss of sampling schemes against painting all frames jointly, in nats [stages]; 0 is exact. {head}.",
            f"With one window for the whole video, the largest loss of any scheme is {self.one_window:.1e}.",
            "",
        ]
        for step in self.steps:
            parts.append(f"L = {step:<24}" + "".join(f"{pattern:>14}" for pattern in PATTERNS))
            for name in names:
                cells = [self.score(pattern, name, step) for pattern in PATTERNS]
                parts.append(f"  {name:<26}" + "".join(f"{f'{s.kl:.2f} [{s.stages}]':>14}" for s in cells))
            parts.append("")
        parts += [
            f"Two reference holes, without variants: moving (every frame incomplete) and late reveal, L = {self.reference[0].step}"
        ]
        for name in names:
            moving, late = (s for s in self.reference if s.scheme == name)
            parts.append(
                f"  {name:<26}{f'{moving.kl:.2f} [{moving.stages}]':>14}{f'{late.kl:.2f} [{late.stages}]':>14}"
            )
        parts += ["", f"Looking at incomplete frames, same order of frames, L = {self.steps[1]}: without Z -> with Z"]
        parts += [f"  {line}" for line in self.ablation()]
        parts += [
            "",
            "Which scheme for my holes and my budget (loss in nats):",
            *(f"  {line}" for line in self.advice()),
        ]
        return "\n".join(parts)

    def save(self, folder: Path) -> list[Path]:
        """Write the table, the numbers and three figures; existing files of these names are replaced.

        Returns:
            The files written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / name for name in ("schemes.txt", "schemes.json", "gain.png", "schemes.png", "budget.png")]
        numbers = {
            "video": asdict(self.video),
            "window": self.window,
            "one_window": self.one_window,
            "scores": [asdict(s) for s in self.scores],
            "reference": [asdict(s) for s in self.reference],
            "gain": [
                {"length": m.length, "sizes": m.sizes, "stays": m.stays, "without": m.without.tolist(), "with": m.with_z.tolist()}
                for m in self.maps
            ],
        }  # fmt: skip
        for path, text in zip(files[:2], (self.text() + "\n", json.dumps(numbers, indent=1) + "\n"), strict=True):
            scratch = path.with_name(f".{path.name}.part")
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(path)
        draw_gain_maps(self.maps, files[2])
        draw_scores([s for s in self.scores if s.step == self.steps[1]], files[3])
        # independent loses ten times what the others lose, and would flatten them
        draw_budget([s for s in self.scores if s.scheme not in (NO_Z, "independent")], files[4])
        return files


def bench_schemes(
    video: GaussianVideo | None = None,
    window: int = 8,
    steps: tuple[int, int, int] = (6, 4, 2),
    lengths: Sequence[float] = (2.0, 6.0, 18.0),
) -> SchemeBench:
    """Judge every scheme on every kind of hole. About ten seconds on one core with the defaults.

    Args:
        video: 48 frames of 6 pixels by default.
        window: K.
        steps: L for few, medium and many calls.
        lengths: correlation lengths of the fast part, in frames, for the maps of Q1; the slow part keeps its ratio to it.
    """
    video = video or GaussianVideo()
    n, p = video.frames, video.pixels
    scores = [
        _score(pattern, name, scheme, variants(n, p), video)
        for step in steps
        for name, scheme in _schemes(window, step)
        for pattern, variants in PATTERNS.items()
    ]
    known = {"moving": moving_hole(n, p), "late reveal": late_reveal(n, p)}
    reference = [
        _score(pattern, name, scheme, (hole,), video)
        for name, scheme in _schemes(window, window // 2 or 1)
        for pattern, hole in known.items()
    ]
    one_window = max(scheme_kl(s, video, known["moving"]) for _, s in _schemes(n, window))
    maps = tuple(_gain_map(video, length, window, steps[1]) for length in lengths)
    return SchemeBench(video, window, steps, tuple(scores), tuple(reference), one_window, maps)


def _schemes(window: int, step: int) -> list[tuple[str, SamplingScheme]]:
    named = [(name, make_scheme(name, window, step)) for name in scheme_names()]
    after = [name for name, _ in named].index("lookahead-ar++") + 1
    return [*named[:after], (NO_Z, LookaheadARPlusPlus(window, step, use_lookahead=False)), *named[after:]]


def _score(pattern: str, name: str, scheme: SamplingScheme, holes: Sequence[ndarray], video: GaussianVideo) -> Score:
    stages = max(sum(1 for _ in scheme.stages([bool(row.any()) for row in hole])) for hole in holes)
    return Score(pattern, name, scheme.step, stages, float(np.mean([scheme_kl(scheme, video, h) for h in holes])))


def _gain_map(video: GaussianVideo, length: float, window: int, step: int) -> GainMap:
    """Mean over the ways in which the moves of the hole can fall on the borders of stages."""
    n, p = video.frames, video.pixels
    scaled = GaussianVideo(
        n, p, length, video.long * length / video.short, video.short_share, video.space, video.nugget
    )
    sizes, stays = tuple(range(1, p)), (*(s for s in (1, 2, 3, 4, 6, 8, 12, 16, 24) if s < n), n)
    loss = np.zeros((2, len(sizes), len(stays)))
    for k, use_lookahead in enumerate((False, True)):
        scheme = LookaheadARPlusPlus(window, step, use_lookahead=use_lookahead)
        for i, size in enumerate(sizes):
            for j, stay in enumerate(stays):
                holes = [moving_hole(n, p, size, stay, phase) for phase in range(min(stay, step) if stay < n else 1)]
                loss[k, i, j] = np.mean([scheme_kl(scheme, scaled, hole) for hole in holes])
    return GainMap(length, sizes, stays, loss[0], loss[1])
