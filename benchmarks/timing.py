"""Medians of paired runs; processor time."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping


def median_seconds(runs: Mapping[str, Callable[[], object]], repeats: int = 5) -> dict[str, float]:
    """Median seconds of each function, after one warm-up each; run in turn (A B A B ...), so that drift hits all alike."""
    for run in runs.values():
        run()
    measured: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            measured[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in measured.items()}


def processor_seconds() -> float:
    """Spent by this process and those of its children that have ended; on Windows, by this one alone."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def one_run_each(what: str, plain: Callable[[], object], ours: Callable[[], object]) -> dict[str, float]:
    """Ratios of wall and processor time, printed as well; for what takes too long to be run again and again."""
    seconds, used = _spent(plain)
    ours_seconds, ours_used = _spent(ours)
    found = {"wall_ratio": ours_seconds / seconds, "processor_ratio": ours_used / used}
    print(f"  {what}: plain {seconds:.1f} s, batchcolor {ours_seconds:.1f} s")
    print(f"  wall time, batchcolor / plain: {found['wall_ratio']:.2f}; processor time: {found['processor_ratio']:.2f}")
    return found


def _spent(run: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds and processor seconds of one run."""
    started, before = time.perf_counter(), processor_seconds()
    run()
    return time.perf_counter() - started, processor_seconds() - before
