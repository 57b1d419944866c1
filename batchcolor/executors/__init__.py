"""Executors map jobs; nothing else knows where a job runs. Their contract stands in `base.py`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from .base import Executor, JobContext, JobOutcome, Work
from .local import SerialExecutor, ThreadExecutor
from .processes import ProcessExecutor
from .ray import RayOptions, ray_executor

__all__ = [
    "EXECUTORS",
    "Executor",
    "Executors",
    "JobContext",
    "JobOutcome",
    "ProcessExecutor",
    "RayOptions",
    "SerialExecutor",
    "ThreadExecutor",
    "Work",
    "local_executors",
    "ray_executor",
]

EXECUTORS: dict[str, Callable[[int], AbstractContextManager[Executor]]] = {
    # name -> opened for so many jobs at once
    "serial": lambda _workers: nullcontext(SerialExecutor()),
    "threads": lambda workers: nullcontext(ThreadExecutor(workers)),
    "processes": lambda workers: nullcontext(ProcessExecutor(workers)),
    "ray": lambda workers: ray_executor(RayOptions(workers=workers)),
}


@dataclass(frozen=True, slots=True)
class Executors:
    """Where the jobs of a run go. photos: jobs of seconds that share a network well; films: jobs of minutes."""

    photos: Executor
    films: Executor


def local_executors(workers: int) -> Executors:
    """Those for this machine, `workers` jobs at once: photos in threads, which share one network; chunks of films in processes."""
    if workers == 1:
        return Executors(SerialExecutor(), SerialExecutor())
    return Executors(ThreadExecutor(workers), ProcessExecutor(workers))
