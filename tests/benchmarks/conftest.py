"""Beside the table of pytest-benchmark, one of ratios: every way against the plain way of its group, which is the first."""

import pytest


def ratios(measured: list[tuple[str, str, float]]) -> list[str]:
    """A line a way.

    Args:
        measured: group, way and median seconds; the plain way of a group comes first.
    """
    plain: dict[str, float] = {}
    lines = []
    for group, way, seconds in measured:
        first = plain.setdefault(group, seconds)
        lines.append(f"{group:<24} {way:<36} {seconds:9.4f} s  {first / seconds:6.2f}x")
    return lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    session = getattr(config, "_benchmarksession", None)
    found = [
        (b.group, b.extra_info["way"], b.stats.median)
        for b in (session.benchmarks if session else [])
        if b and b.group and "way" in b.extra_info
    ]
    if found:
        terminalreporter.section("processor seconds, and how many times as fast as plain")
        for line in ratios(found):
            terminalreporter.line(line)
