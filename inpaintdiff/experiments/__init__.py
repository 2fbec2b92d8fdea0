"""Experiments that anybody can run again by one command: `inpaintdiff experiments run NAME`."""

import difflib

from inpaintdiff.errors import SettingError
from inpaintdiff.experiments.comparisons import Main, Solvers, Worlds
from inpaintdiff.experiments.costs import Costs
from inpaintdiff.experiments.diversity import Diversity
from inpaintdiff.experiments.experiment import Experiment, Outcome, Request
from inpaintdiff.experiments.patches import Patches
from inpaintdiff.experiments.scheme_comparison import Schemes
from inpaintdiff.experiments.subset_samplers import SubsetSamplers

__all__ = ["Experiment", "Outcome", "Request", "experiment_names", "make_experiment"]

_EXPERIMENTS: dict[str, type[Experiment]] = {
    e.name: e for e in (Main, Worlds, Schemes, Solvers, Diversity, SubsetSamplers, Costs, Patches)
}


def experiment_names() -> tuple[str, ...]:
    """Names that `make_experiment` knows."""
    return tuple(_EXPERIMENTS)


def make_experiment(name: str) -> Experiment:
    """An experiment by name.

    Raises:
        SettingError: there is none of that name.
    """
    if name not in _EXPERIMENTS:
        near = difflib.get_close_matches(name, _EXPERIMENTS, n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SettingError(f"there is no experiment {name!r}, expected one of {', '.join(_EXPERIMENTS)}{hint}")
    return _EXPERIMENTS[name]()
