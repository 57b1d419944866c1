"""How many threads this process may use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_limit: int | None = None


_CGROUP = Path("/sys/fs/cgroup")


@cache
def cores() -> int:
    """Cores that this process may use: its CPU affinity, or its container's CPU quota if that is lower."""
    affinity = getattr(os, "sched_getaffinity", None)
    allowed_on = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    return max(1, math.ceil(min(allowed_on, _quota(_CGROUP))))


def _quota(cgroup: Path) -> float:
    """CPU quota of the control group in cores (Linux, version 2 or 1); infinite without a limit."""
    try:
        if (cgroup / "cpu.max").exists():
            time, period = (cgroup / "cpu.max").read_text().split()
        else:
            time, period = ((cgroup / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(time) / int(period) if time != "max" and int(time) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def allowed() -> int:
    """Threads that one library may use: the number set by `limit`, or all cores."""
    return _limit or cores()


def limit(threads: int) -> None:
    """Limit every library of this process to `threads`. Worker processes call this before they import the libraries."""
    global _limit  # noqa: PLW0603 - the number of threads is a property of the process
    _limit = threads
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VIPS_CONCURRENCY"):
        os.environ[name] = str(threads)
    import cv2

    cv2.setNumThreads(threads)


@contextmanager
def shared_among(callers: int) -> Iterator[None]:
    """Divide OpenCV's threads among `callers` threads of this process; idle ones would keep waking each other."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(max(1, allowed() // callers))
    try:
        yield
    finally:
        cv2.setNumThreads(before)
