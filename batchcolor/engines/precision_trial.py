"""Which precision is the quickest here, of those that are accurate enough.

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

_RUNS = 5
_WORTH = 1.1  # how many times as quick as those before it a precision must be: each costs some accuracy

Prepared = Callable[[Precision], Callable[[], np.ndarray]]


def fastest_precision(tolerances: Mapping[Precision, float], folder: Path, prepared: Prepared) -> Precision:
    """The quickest precision, whose answer lies within its tolerance of the first one's.

    tolerances: of each that may be taken, the most accurate first, as `Engine` has them. prepared(precision): a run of the network,
    always on the same picture; gives ab. The result is kept in `folder`, for this processor and number of threads: a later process
    asks nobody, and takes the same. One that fails is passed over; raises what the first one does.
    """
    best, *others = tolerances
    if not others:
        return best
    note = folder / "quickest.json"
    key = f"{_processor()}, {allowed()} threads: " + ", ".join(f"{name} within {bound}" for name, bound in tolerances.items())
    kept = _read(note)
    if kept.get(key) in tolerances:
        return kept[key]
    exact: np.ndarray | None = None
    least = float("inf")
    for precision, tolerance in tolerances.items():
        try:
            run = prepared(precision)
            ab = run()
        except (RuntimeError, BatchcolorError):  # damaged integers, an instruction that is said to be there and is not
            if exact is None:
                raise
            continue
        exact = ab if exact is None else exact
        seconds = min(_seconds(run) for _ in range(_RUNS))
        if seconds * _WORTH < least and is_within(tolerance, ab, exact):
            best, least = precision, seconds
    with contextlib.suppress(OSError, BatchcolorError):  # it is asked again the next time
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(note, json.dumps(kept | {key: best}).encode())
    return best


def is_within(tolerance: float, ab: np.ndarray, exact: np.ndarray) -> bool:
    """Whether ab is as near as an engine of this tolerance promises: nowhere farther, and in the mean not by a fifth of it."""
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
    import openvino as ov

    return str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME"))
