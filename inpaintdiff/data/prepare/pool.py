"""Sources cut side by side by several processes, with what was done so far."""

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from inpaintdiff.data.prepare.cut import cut_source
from inpaintdiff.data.prepare.records import SourceRecord
from inpaintdiff.data.prepare.settings import PrepareSettings
from inpaintdiff.data.prepare.sources import Source

# Seconds between two looks at what the workers report, and steps of a worker between two reports.
_LOOK, _REPORT = 0.3, 0.02


def cut_all(
    root: Path,
    sources: Sequence[Source],
    settings: PrepareSettings,
    workers: int,
    progress: Callable[[float, int], None] | None = None,
) -> None:
    """Cut sources, the largest first, so that none is left alone at the end.

    Args:
        workers: processes; 0 works in this one.
        progress: called with bytes of sources that were worked through and the number of sources that are done.
    """
    jobs = sorted(sources, key=lambda s: (-s.bytes, s.label))
    report = progress or (lambda _bytes, _count: None)
    if workers == 0:
        done = 0.0
        for n, source in enumerate(jobs):
            share = _Share(partial(_tell, report, done, source.bytes, n))
            cut_source(root, source, settings, share)
            done += source.bytes
            report(done, n + 1)
        return
    for size, count in _side_by_side(root, jobs, settings, min(workers, len(jobs))):
        report(size, count)


class _Share:
    """Adds up small shares and hands the sum on now and then."""

    def __init__(self, report: Callable[[float], None]) -> None:
        self._report, self._sum, self._told = report, 0.0, 0.0

    def __call__(self, part: float) -> None:
        self._sum += part
        if self._sum - self._told >= _REPORT:
            self._told = self._sum
            self._report(self._sum)


def _tell(report: Callable[[float, int], None], before: float, size: int, count: int, share: float) -> None:
    report(before + share * size, count)


def _side_by_side(
    root: Path, jobs: Sequence[Source], settings: PrepareSettings, workers: int
) -> Iterator[tuple[float, int]]:
    """Bytes that were worked through and sources that are done, now and then."""
    # spawn: a fork of a process with threads (torch, rich) can hang
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        told: Any = manager.Queue()
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)
        try:
            pending: dict[Future[SourceRecord], Source] = {
                pool.submit(_cut, root, source, settings, told): source for source in jobs
            }
            sizes = dict.fromkeys((s.name for s in jobs), 0.0)
            while pending:
                finished, _ = wait(pending, timeout=_LOOK, return_when=FIRST_COMPLETED)
                with contextlib.suppress(queue.Empty):
                    while True:
                        name, size = told.get_nowait()
                        sizes[name] = size
                for future in finished:
                    future.result()
                    source = pending.pop(future)
                    sizes[source.name] = float(source.bytes)
                yield sum(sizes.values()), len(jobs) - len(pending)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _cut(root: Path, source: Source, settings: PrepareSettings, told: Any) -> SourceRecord:
    return cut_source(root, source, settings, _Share(lambda part: told.put((source.name, part * source.bytes))))


def _begin() -> None:
    """A worker's settings: one thread, no word of its own on Ctrl-C, and no life after the process that started it."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # a worker that outlives a killed run would write into the folder that the next run goes on with
        os._exit(1)
