"""Which precision is the quickest here. Instructions alone do not tell: some processors have bfloat16 and are slower with it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..aside import written_aside
from ..errors import BatchcolorError
from ..settings import Precision
from ..threads import allowed

_RUNS = 5
_WORTH = 1.1  # how many times as quick as those before it a precision must be: each costs some accuracy

Timed = Callable[[Precision], Callable[[], object]]


def quickest(precisions: Sequence[Precision], folder: Path, timed: Timed) -> Precision:
    """The quickest of `precisions`, the most accurate first; timed(precision) prepares a run of the network.

    The answer is kept in `folder`, for this processor and number of threads: a later process asks nobody, and takes the same.
    """
    if len(precisions) == 1:
        return precisions[0]
    note = folder / "quickest.json"
    key = f"{_processor()}, {allowed()} threads: {', '.join(precisions)}"
    kept = _read(note)
    if kept.get(key) in precisions:
        return kept[key]
    best, least = precisions[0], float("inf")
    for precision in precisions:
        run = timed(precision)
        run()
        seconds = min(_seconds(run) for _ in range(_RUNS))
        if seconds * _WORTH < least:
            best, least = precision, seconds
    with contextlib.suppress(OSError, BatchcolorError):  # it is asked again the next time
        folder.mkdir(parents=True, exist_ok=True)
        with written_aside(note) as aside:
            aside.write_text(json.dumps(kept | {key: best}), encoding="utf-8")
    return best


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
