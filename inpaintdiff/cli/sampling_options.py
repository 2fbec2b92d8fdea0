"""The options that every verb that paints has in common, as one value."""

import argparse

from inpaintdiff.cli.scheme_options import options_of
from inpaintdiff.inpaint.sampling import SamplingConfig


def sampling_of(args: argparse.Namespace) -> SamplingConfig:
    """What `parser._sampling` asked for.

    Raises:
        SettingError: a number is out of range, or an option is not of the form name=value.
        PlanError: an unknown scheme, or an option that it does not have.
    """
    return SamplingConfig(
        scheme=args.scheme,
        options=options_of(args),
        step=args.step,
        window=args.window,
        solver=args.solver,
        calls=args.steps,
        samples=args.samples,
        seed=args.seed,
        precision=args.precision,
    )
