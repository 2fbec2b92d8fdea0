"""Which noise levels a model should visit when it may visit few: searched, so that few steps end where many do.

After the observation that a grid's few levels can be chosen for the model at hand (arXiv 2106.03802, arXiv 2404.14507); here by
a plain pattern search on what counts, the distance of the painted pixels from those of many steps with the same noise.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from inpaintdiff.diffusion.denoiser import Denoiser, autocast_to, estimates
from inpaintdiff.diffusion.sigma import KarrasGrid
from inpaintdiff.diffusion.solvers import Solver
from inpaintdiff.errors import SettingError
from inpaintdiff.types import Conditioning

# Shapes that the search begins with, from many low levels to many high ones.
_RHOS = (3.0, 5.0, 7.0, 12.0)
_FIRST_STEP, _LAST_STEP = math.log(1.5), math.log(1.05)


@dataclass(frozen=True, eq=False)
class Window:
    """A window to paint.

    Attributes:
        cond: what is known of it.
        noise: unit noise, the same for every grid.
    """

    cond: Conditioning
    noise: Float[Tensor, "1 t c h w"]


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        levels: decreasing, without the last one, 0.
        error: root mean square distance from many steps on the unknown pixels of the windows searched on; frames lie in [-1, 1].
        unseen: the same on windows that the search did not see.
        before: error and unseen of the model's own grid of as many steps.
        trials: grids that were tried.
    """

    levels: tuple[float, ...]
    error: float
    unseen: float
    before: tuple[float, float]
    trials: int


class StepSearch:
    """A search for one model.

    Args:
        denoiser: in evaluation mode.
        solver: that will paint; one call a step.
        many: levels of the grid that few steps are compared with, with the last one, 0.
        autocast: of the network; None for float32.
    """

    def __init__(
        self, denoiser: Denoiser, solver: Solver, many: Float[Tensor, " n_plus_1"], autocast: torch.dtype | None = None
    ) -> None:
        if solver.nfe(2) != 2:
            raise SettingError(f"steps are searched for solvers of one call a step, {type(solver).__name__} has more")
        self.denoiser, self.solver, self.many, self.autocast = denoiser, solver, many, autocast

    def run(
        self,
        windows: Sequence[Window],
        unseen: Sequence[Window],
        own: Float[Tensor, " n_plus_1"],
        trials: int,
        report: Callable[[int], None] = lambda _: None,
    ) -> Found:
        """Search.

        Args:
            windows: that grids are tried on.
            unseen: that tell whether what was found holds elsewhere; where it does not, the model's own grid is the answer.
            own: the model's own grid of the wanted number of steps, with the last level, 0.
            trials: grids to try at most.
            report: is called with the number of trials made.
        """
        steps = len(own) - 1
        truth = [self._paint(w, self.many) for w in windows]
        other = [self._paint(w, self.many) for w in unseen]
        plain = tuple(own[:-1].tolist())
        before = self._error(plain, windows, truth), self._error(plain, unseen, other)
        tried = [(before[0], plain)]
        report(1)
        for levels in self._candidates(steps, tried):
            if len(tried) >= trials:
                break
            tried.append((self._error(levels, windows, truth), levels))
            report(len(tried))
        error, best = min(tried)
        held = self._error(best, unseen, other)
        if held > before[1]:
            best, (error, held) = plain, before
        return Found(best, error, held, before, len(tried))

    def _candidates(self, steps: int, tried: Sequence[tuple[float, tuple[float, ...]]]) -> Iterator[tuple[float, ...]]:
        """Whole shapes first; then the best one so far with a level moved, by less and less."""
        top, low = float(self.many[0]), float(self.many[-2])
        for rho in _RHOS:
            for factor in (1.0, 3.0, 10.0) if steps > 1 else ():
                if factor * low < top:
                    yield tuple(KarrasGrid(factor * low, top, rho).grid(steps)[:-1].tolist())
        size = _FIRST_STEP
        while size > _LAST_STEP:
            moved = False
            for k in range(steps):
                for sign in (1, -1):
                    now = min(tried)[1]
                    levels = (*now[:k], now[k] * math.exp(sign * size), *now[k + 1 :])
                    if all(a > b for a, b in zip(levels, (*levels[1:], 0.0), strict=True)):
                        yield levels
                        moved |= min(tried)[1] == levels
            if not moved:
                size /= 2

    @torch.inference_mode()
    def _paint(self, window: Window, levels: Float[Tensor, " n_plus_1"]) -> Float[Tensor, "1 t c h w"]:
        precision = autocast_to(self.autocast, window.noise.device)
        denoise = estimates(self.denoiser, window.cond, precision=precision)
        return self.solver.solve(denoise, float(levels[0]) * window.noise, levels, torch.Generator().manual_seed(0))

    def _error(self, levels: tuple[float, ...], windows: Sequence[Window], truth: Sequence[Tensor]) -> float:
        grid = torch.tensor([*levels, 0.0], dtype=torch.float64)
        squares = []
        for window, wanted in zip(windows, truth, strict=True):
            unknown = (~window.cond.known_mask).expand_as(wanted)
            squares.append(float((self._paint(window, grid) - wanted)[unknown].square().mean()))
        return math.sqrt(sum(squares) / len(squares))
