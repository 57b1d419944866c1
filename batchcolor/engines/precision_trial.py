"""A trial that finds the fastest precision on this machine among those that are accurate enough.

Instructions alone do not tell: some processors have bfloat16 and are slower with it, some round more than others.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ..errors import BatchcolorError
from ..runtime.atomic_write import atomic_write_bytes
from ..runtime.thread_budget import allowed
from ..settings import Precision

_RUNS = 3  # after a first one that warms up; the least counts
_SPEEDUP = 1.1  # by which a less accurate precision must be faster

Prepared = Callable[[Precision], Callable[[], np.ndarray]]


def fastest_precision(tolerances: Mapping[Precision, float], folder: Path, prepared: Prepared) -> Precision:
    """The fastest precision whose answer lies within its tolerance of the first one's.

    tolerances: of each candidate, the most accurate first, as `Engine` has them. prepared(precision): a run of the network, always on the
    same picture; returns ab. The result is stored in `folder` for this processor and number of threads, and later processes take it
    without a trial. A precision that fails is skipped; raises what the first one raises.
    """
    best, *others = tolerances
    if not others:
        return best
    record = folder / "quickest.json"
    key = f"{_processor()}, {allowed()} threads: " + ", ".join(f"{name} within {bound}" for name, bound in tolerances.items())
    known = _read(record)
    if known.get(key) in tolerances:
        return known[key]
    exact: np.ndarray | None = None
    least = float("inf")
    for precision, tolerance in tolerances.items():
        try:
            run = prepared(precision)
            ab = run()
        except (RuntimeError, BatchcolorError):  # a damaged int8 model, or an instruction that the processor lists but lacks
            if exact is None:
                raise
            continue
        exact = ab if exact is None else exact
        seconds = min(_seconds(run) for _ in range(_RUNS))
        if seconds * _SPEEDUP < least and is_within(tolerance, ab, exact):
            best, least = precision, seconds
    with contextlib.suppress(OSError, BatchcolorError):  # the next process runs the trial again
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(record, json.dumps(known | {key: best}).encode())
    return best


def is_within(tolerance: float, ab: np.ndarray, exact: np.ndarray) -> bool:
    """Whether ab is as close as an engine of this tolerance promises: everywhere within it, and in the mean within a fifth of it."""
    apart = np.abs(ab - exact)
    return float(apart.max()) <= tolerance and float(apart.mean()) <= tolerance / 5


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _read(note: Path) -> dict[str, Precision]:
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _processor() -> str:
    from ..runtime.openvino import ov

    return str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME"))
