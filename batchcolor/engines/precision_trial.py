"""Finds the fastest precision that is accurate enough on this processor.

The instruction set does not tell: some processors have bfloat16 and are slower with it, some round more than others.
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

_RUNS = 5
_WORTH = 1.1  # factor by which a precision must be faster than a more accurate one

Prepared = Callable[[Precision], Callable[[], np.ndarray]]


def fastest_precision(tolerances: Mapping[Precision, float], folder: Path, prepared: Prepared) -> Precision:
    """The fastest precision whose result is within its tolerance of the first one's.

    tolerances: by precision, the most accurate first, as `Engine` has them. prepared(precision): a function that runs the network on one
    fixed picture and returns ab. The result is cached in `folder` for this processor and number of threads, so that later processes
    use the same. A precision that fails is skipped; if the first one fails, its error is raised.
    """
    best, *others = tolerances
    if not others:
        return best
    note = folder / "quickest.json"
    key = f"{_processor()}, {allowed()} threads: " + ", ".join(f"{name} within {bound}" for name, bound in tolerances.items())
    cached = _read(note)
    if cached.get(key) in tolerances:
        return cached[key]
    exact: np.ndarray | None = None
    least = float("inf")
    for precision, tolerance in tolerances.items():
        try:
            run = prepared(precision)
            ab = run()
        except (
            RuntimeError,
            BatchcolorError,
        ):  # damaged int8 weights, or an instruction that the processor only claims to have
            if exact is None:
                raise
            continue
        exact = ab if exact is None else exact
        seconds = min(_seconds(run) for _ in range(_RUNS))
        if seconds * _WORTH < least and is_within(tolerance, ab, exact):
            best, least = precision, seconds
    with contextlib.suppress(OSError, BatchcolorError):  # then the trial is repeated next time
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(note, json.dumps(cached | {key: best}).encode())
    return best


def is_within(tolerance: float, ab: np.ndarray, exact: np.ndarray) -> bool:
    """Whether ab differs from `exact` by at most `tolerance` anywhere, and by at most a fifth of it in the mean."""
    difference = np.abs(ab - exact)
    return float(difference.max()) <= tolerance and float(difference.mean()) <= tolerance / 5


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _read(note: Path) -> dict[str, Precision]:
    try:
        cached = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cached if isinstance(cached, dict) else {}


def _processor() -> str:
    from ..runtime.openvino import ov

    return str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME"))
