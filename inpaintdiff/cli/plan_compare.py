"""`inpaintdiff plan --compare`: what every sampling scheme would cost, in a table. Needs no torch."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inpaintdiff.analysis.cost import Makeup, makeups
from inpaintdiff.errors import PlanError
from inpaintdiff.schemes import make_scheme, scheme_names
from inpaintdiff.schemes.stage import check_plan

# Seconds of so many stages of every make-up, with all their network calls.
SecondsOf = Callable[[Counter[Makeup]], float]


@dataclass(frozen=True)
class Row:
    """A scheme's cost.

    Attributes:
        scheme: its name.
        makeups: how many stages there are of every make-up.
        error: why it cannot plan this, a sentence; the rest is empty then.
    """

    scheme: str
    makeups: Counter[Makeup]
    error: str | None = None


def compare(incomplete: Sequence[Sequence[bool]], window: int, step: int) -> list[Row]:
    """A row for every scheme, cheapest first: by the frames that go through the network.

    Args:
        incomplete: for every cut-out, which frames have a hole.
        window, step: of all schemes; what else they have is as it comes.
    """
    rows = [_row(name, incomplete, window, step) for name in scheme_names()]
    return sorted(rows, key=lambda r: (r.error is not None, _frames(r.makeups)))


def show(rows: Sequence[Row], calls: int, seconds_of: SecondsOf | None, as_json: bool) -> None:
    """Print the table.

    Args:
        rows: of `compare`.
        calls: network calls of a stage, of all samples.
        seconds_of: None where no model is given.
        as_json: for machines.
    """
    if as_json:
        print(json.dumps({"schemes": [_as_dict(r, calls, seconds_of) for r in rows]}))
        return
    head = f"{'scheme':<16}{'stages':>8}{'calls':>10}{'frames through the network':>29}"
    print(head + ("" if seconds_of is None else f"{'seconds':>10}"))
    for r in rows:
        if r.error is not None:
            print(f"{r.scheme:<16}  {r.error}")
            continue
        line = f"{r.scheme:<16}{r.makeups.total():>8}{r.makeups.total() * calls:>10}{_frames(r.makeups) * calls:>29}"
        print(line + ("" if seconds_of is None else f"{seconds_of(r.makeups):>10.3g}"))


def _row(name: str, incomplete: Sequence[Sequence[bool]], window: int, step: int) -> Row:
    found: Counter[Makeup] = Counter()
    try:
        scheme = make_scheme(name, window=window, step=step)
        for marked in incomplete:
            found += makeups(check_plan(scheme.stages(marked), marked, window))
    except PlanError as e:
        return Row(name, Counter(), str(e))
    return Row(name, found)


def _frames(found: Counter[Makeup]) -> int:
    return sum(n * m.frames for m, n in found.items())


def _as_dict(row: Row, calls: int, seconds_of: SecondsOf | None) -> dict[str, object]:
    if row.error is not None:
        return {"scheme": row.scheme, "error": row.error}
    stages = row.makeups.total()
    counted = {"scheme": row.scheme, "stages": stages, "calls": stages * calls, "frames": _frames(row.makeups) * calls}
    return counted if seconds_of is None else {**counted, "seconds": round(seconds_of(row.makeups), 3)}
