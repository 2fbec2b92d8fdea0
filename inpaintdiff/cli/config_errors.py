"""jsonargparse's pages about a wrong configuration, as one sentence that names the key and the nearest right one."""

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator

from jsonargparse import ArgumentParser

from inpaintdiff.errors import InpaintDiffError, SettingError


def explain(error: BaseException, parser: ArgumentParser, bases: Iterable[type]) -> SettingError | None:
    """A sentence for what stopped the reading of a configuration; None for an error of another kind.

    Args:
        error: what jsonargparse raised.
        parser: of the verb; it knows the options.
        bases: classes whose subclasses a configuration may name.
    """
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    for e in chain:
        if isinstance(e, InpaintDiffError):
            return SettingError(str(e))
    text = str(chain[0])
    # nested objects give nested pages; the keys together are the path to the culprit
    keys = ".".join(re.findall(r'Parser key "([^"]+)"', text))
    for pattern, sentence in (
        (r"(?:does not accept option|unrecognized arguments:|No action for key) '?([\w.\-]+)", _unknown_key(parser)),
        (r"class_path '([\w.]+)':\s+Option '([^']+)' is not accepted", lambda m: _unknown_argument(keys, m)),
        (r"has no attribute '(\w+)'|path string: (\S+)|No module named '([^']+)'", lambda m: _unknown_class(keys, m, bases)),
        (r"Key '([^']+)' is required|Option '([^']+)' is required", lambda m: f"the option {m[1] or m[2]} is missing"),
        (r"File does not exist: '([^']+)'", lambda m: f"there is no configuration file {m[1]}"),
        (r"(?s)Problems parsing config: (.+?)\n.*?line (\d+).*?\n(.+?)\n", lambda m: f"the configuration is no YAML: {m[3]} (line {m[2]})"),
        (r"Expected an? (.+?)\. Got value: ([^\n]+)", lambda m: f"{keys} is {m[2][:60]}, expected {_type(m[1])}"),
    ):  # fmt: skip
        if found := re.search(pattern, text):
            return SettingError(sentence(found))
    if re.search(r"Parser key|subcommand|expected one argument|Expected", text):
        lines = [line.strip(" -") for line in text.splitlines() if line.strip()]
        return SettingError(f"{keys or 'the configuration'} is not understood: {lines[-1 if not keys else 1][:160]}")
    return None


def _unknown_key(parser: ArgumentParser) -> Callable[[re.Match[str]], str]:
    known = {a.dest for a in parser._actions}

    def sentence(found: re.Match[str]) -> str:
        key = found[1].removeprefix("--")
        groups = {".".join(k.split(".")[: i + 1]) for k in known for i in range(k.count("."))}
        return f"there is no option {key}{_nearest(key, known | groups)}"

    return sentence


def _unknown_argument(keys: str, found: re.Match[str]) -> str:
    module, _, name = found[1].rpartition(".")
    owner = getattr(__import__(module, fromlist=[name]), name)
    known = [p for p in inspect.signature(owner.__init__).parameters if p != "self"]
    hint = _nearest(found[2], known) or f"; it has: {', '.join(known) or 'none'}"
    return f"{keys}: {name} has no option {found[2]}{hint}"


def _unknown_class(keys: str, found: re.Match[str], bases: Iterable[type]) -> str:
    name = found[1] or found[2] or found[3]
    known = {c.__name__ for base in bases for c in _subclasses(base)}
    return f"{keys}: there is no class {name}{_nearest(name.rpartition('.')[2], known)}"


def _subclasses(base: type) -> Iterator[type]:
    found: list[type] = base.__subclasses__()
    for c in found:
        yield c
        yield from _subclasses(c)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _type(text: str) -> str:
    """`<class 'float'>` as float, `typing.Literal['a', 'b']` as 'a' or 'b'."""
    if literal := re.fullmatch(r"typing\.Literal\[(.+)\]", text):
        return " or ".join(literal[1].rsplit(", ", 1))
    return re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", text)
