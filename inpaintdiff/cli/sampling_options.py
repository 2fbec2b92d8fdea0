"""The options that every verb that paints has in common, as one value."""

import argparse

from inpaintdiff.inpaint.sampling import SamplingConfig


def sampling_of(args: argparse.Namespace) -> SamplingConfig:
    """What `parser._sampling` asked for.

    Raises:
        SettingError: a number is out of range.
    """
    return SamplingConfig(
        scheme=args.scheme,
        step=args.step,
        window=args.window,
        solver=args.solver,
        calls=args.steps,
        samples=args.samples,
        seed=args.seed,
        precision=args.precision,
    )
