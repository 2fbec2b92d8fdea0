"""Sampling schemes: plans for painting a video of any length through a window of K frames. Standard library only."""

import difflib
import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

from inpaintdiff.errors import PlanError
from inpaintdiff.schemes.autoregressive import Autoregressive, AutoregressiveFarFuture
from inpaintdiff.schemes.hierarchy import Hierarchy, MultiresAR
from inpaintdiff.schemes.long_range import Adaptive, Independent, LongRange
from inpaintdiff.schemes.lookahead import LookaheadAR, LookaheadARPlus, LookaheadARPlusPlus
from inpaintdiff.schemes.stage import SamplingScheme, Stage, check_plan

_SCHEMES: dict[str, Callable[..., SamplingScheme]] = {
    "ar": Autoregressive,
    "ar-far-future": AutoregressiveFarFuture,
    "lookahead-ar": LookaheadAR,
    "lookahead-ar+": LookaheadARPlus,
    "lookahead-ar++": LookaheadARPlusPlus,
    "hierarchy-2": partial(Hierarchy, levels=2),
    "hierarchy-3": partial(Hierarchy, levels=3),
    "multires-ar-2": partial(MultiresAR, levels=2),
    "multires-ar-3": partial(MultiresAR, levels=3),
    "long-range": LongRange,
    "independent": Independent,
    "adaptive": Adaptive,
}


def scheme_names() -> tuple[str, ...]:
    """Names that `make_scheme` knows."""
    return tuple(_SCHEMES)


def make_scheme(name: str, window: int = 16, step: int = 8, **options: Any) -> SamplingScheme:
    """A sampling scheme by name.

    Args:
        name: one of `scheme_names()`, or `package.module:Class` for a scheme of your own.
        window: K, the most frames a stage may hold.
        step: L, how many frames a stage paints.
        options: further arguments of the scheme, as `near` and `far` of lookahead-ar++.

    Raises:
        PlanError: the name is unknown, what it names is not a `SamplingScheme`, or an option is unknown or does not fit.
    """
    factory = _import_scheme(name) if ":" in name else _SCHEMES.get(name.lower())
    if factory is None:
        near = difflib.get_close_matches(name.lower(), _SCHEMES, n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise PlanError(
            f"there is no sampling scheme {name!r}, expected package.module:Class or one of {', '.join(_SCHEMES)}{hint}"
        )
    made: Any = factory.func if isinstance(factory, partial) else factory
    types = made.option_types()
    for option, value in options.items():
        # options come from people who type them: "no" would be true, and 2.5 frames fail only when stages are made
        if types.get(option) is bool and type(value) is not bool:
            raise PlanError(f"option {option} of scheme {name!r} is {value!r}, expected true or false")
        if types.get(option) in (int, int | None) and type(value) is not int and value is not None:
            raise PlanError(f"option {option} of scheme {name!r} is {value!r}, expected a whole number")
    try:
        return factory(window=window, step=step, **options)
    except TypeError as error:
        has = ", ".join(types) or "none"
        raise PlanError(f"the options of scheme {name!r} do not fit: {error}; it has: {has}") from error


def _import_scheme(path: str) -> Callable[..., SamplingScheme]:
    module, _, attribute = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise PlanError(f"cannot import the sampling scheme {path!r}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, SamplingScheme)):
        raise PlanError(f"{path!r} is not a sampling scheme; expected a subclass of {SamplingScheme.__qualname__}")
    return found
