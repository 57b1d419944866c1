"""How many threads this process may use; asked by everything that starts some."""

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
    """Cores that this process may use: those that it may run on, or fewer where a container's share of time is less."""
    affinity = getattr(os, "sched_getaffinity", None)
    allowed_on = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    return max(1, math.ceil(min(allowed_on, _quota(_CGROUP))))


def _quota(cgroup: Path) -> float:
    """Processors' worth of time that the container's control group has (Linux; of version 2, else 1); infinite without a limit."""
    try:
        if (cgroup / "cpu.max").exists():
            time, period = (cgroup / "cpu.max").read_text().split()
        else:
            time, period = ((cgroup / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(time) / int(period) if time != "max" and int(time) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def allowed() -> int:
    """Threads that one library may use: all cores, or what `limit` said."""
    return _limit or cores()


def limit(threads: int) -> None:
    """Keep every library of this process to so many threads. To be called before they are imported, by a worker process."""
    global _limit  # noqa: PLW0603 - threads belong to the process, and so does this
    _limit = threads
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VIPS_CONCURRENCY"):
        os.environ[name] = str(threads)
    import cv2

    cv2.setNumThreads(threads)


@contextmanager
def shared_among(callers: int) -> Iterator[None]:
    """Leave each of so many threads of this process its share of OpenCV's, whose idle ones would wake each other all the time."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(max(1, allowed() // callers))
    try:
        yield
    finally:
        cv2.setNumThreads(before)
