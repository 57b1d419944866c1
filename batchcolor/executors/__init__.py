"""Executors map jobs; nothing else knows where a job runs. Their contract stands in `base.py`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from .base import Executor, JobContext, JobOutcome, Work, WorkerEnd
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
    "WorkerEnd",
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


_FILMS_AT_ONCE = 4  # on this machine: their first looks share the driver


@dataclass(frozen=True, slots=True)
class Executors:
    """Where the jobs of a run go; those of photos take seconds, those of films minutes. As a context, ends their workers.

    films_at_once: films whose jobs the executor takes from as many threads.
    """

    photos: Executor
    films: Executor
    films_at_once: int = 1

    def __enter__(self) -> Self:
        for executor in self._pools():
            executor.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for executor in self._pools():
            executor.__exit__(kind, error, trace)

    def _pools(self) -> set[ProcessExecutor]:
        return {each for each in (self.photos, self.films) if isinstance(each, ProcessExecutor)}


def local_executors(workers: int) -> Executors:
    """Those for this machine: the same `workers` processes for photos and films, each at one job at a time.

    A decoder that crashes, hangs or takes all memory ends its own process and no other.
    """
    pool = ProcessExecutor(workers)
    return Executors(pool, pool, min(workers, _FILMS_AT_ONCE))
