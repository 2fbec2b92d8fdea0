"""`--option NAME=VALUE` and `--embedding NPY`: options of a sampling scheme, for every verb that plans or paints. Needs no torch."""

import argparse
import json
from collections.abc import Sequence

from inpaintdiff.errors import SettingError

Value = bool | int | float | str


def options_of(args: argparse.Namespace) -> dict[str, Value]:
    """What `parser._scheme_options` asked for; the embedding by the name of its file.

    Raises:
        SettingError: an option of another form, or given twice.
    """
    embedding = getattr(args, "embedding", None)
    return parse_options([*args.option, *([] if embedding is None else [f"embedding={embedding}"])])


def parse_options(texts: Sequence[str]) -> dict[str, Value]:
    """Options from `name=value` texts; values are whole or decimal numbers, true, false or words.

    Raises:
        SettingError: a text of another form, or a name that comes twice.
    """
    options: dict[str, Value] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name.isidentifier() or name in ("window", "step"):
            raise SettingError(f"option {text!r} is not of the form name=value, as near=2 or use_lookahead=false")
        if name in options:
            raise SettingError(f"the option {name} is given twice, as {options[name]} and as {value.strip()}")
        options[name] = _value(value.strip())
    return options


def _value(text: str) -> Value:
    try:
        found = json.loads(text.lower())
    except ValueError:
        return text
    return found if isinstance(found, bool | int | float) else text
