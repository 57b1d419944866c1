"""Scheduling of this process's threads: libraries may not change it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_THREADS = Path("/proc/self/task")


@contextlib.contextmanager
def unchanged_scheduling() -> Iterator[None]:
    """Afterwards, all threads of this process have the policy and priority that the calling one has now; on Linux.

    SVT-AV1, where it runs as root, as it does in containers, makes its threads and the one that opens it real-time ones (SCHED_FIFO, 99):
    nothing else on the machine would run beside them, and child processes would inherit it.
    """
    if not _THREADS.is_dir():
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in _THREADS.iterdir():
            with contextlib.suppress(OSError):  # it has ended
                if os.sched_getscheduler(int(thread.name)) != policy:
                    os.sched_setscheduler(int(thread.name), policy, parameters)
