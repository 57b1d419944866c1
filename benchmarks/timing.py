"""Medians of paired runs."""

from __future__ import annotations

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
