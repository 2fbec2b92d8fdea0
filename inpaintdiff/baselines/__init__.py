"""Content propagation without learning, behind one interface: what a generative model has to beat."""

from inpaintdiff.baselines.base import Baseline
from inpaintdiff.baselines.flow import Flow
from inpaintdiff.baselines.spatial import Blur, NavierStokes, Telea
from inpaintdiff.baselines.temporal import Median, Nearest
from inpaintdiff.errors import SettingError

__all__ = ["Baseline", "baseline_names", "make_baseline"]

_BASELINES: dict[str, type[Baseline]] = {
    "nearest": Nearest,
    "median": Median,
    "telea": Telea,
    "navier-stokes": NavierStokes,
    "blur": Blur,
    "flow": Flow,
}


def baseline_names() -> tuple[str, ...]:
    """Names that `make_baseline` knows."""
    return tuple(_BASELINES)


def make_baseline(name: str) -> Baseline:
    """The baseline of this name.

    Raises:
        SettingError: an unknown name.
    """
    if name not in _BASELINES:
        raise SettingError(f"there is no baseline {name!r}; expected one of {', '.join(_BASELINES)}")
    return _BASELINES[name]()
