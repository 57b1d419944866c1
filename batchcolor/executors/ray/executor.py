"""The executor on Ray: jobs run on the workers of a pool."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic

from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from ..base import Job, JobOutcome, Result, Work, WorkerEnd
from ..worker_pool import Assignment, WorkerEvent, run_jobs
from .cluster import nodes
from .pool import Pool, RemoteWorker


class _RayWorkers(Generic[Job, Result]):
    """The workers of a pool, as far as they do `work`."""

    def __init__(self, work: Work[Job, Result], pool: Pool) -> None:
        self._work, self._pool = work, pool
        self._busy: set[RemoteWorker] = set()
        self._aborted: list[WorkerEvent[Job]] = []

    @property
    def busy(self) -> int:
        return len(self._busy)

    @property
    def full(self) -> bool:
        return not self._pool.idle

    def assign(self, assignment: Assignment[Job]) -> None:
        worker = self._pool.idle.pop()
        worker.assign(self._work, assignment)
        self._busy.add(worker)

    def request_stop(self) -> None:
        for worker in self._busy:
            worker.request_stop()

    def abort(self, assignment: Assignment[Job]) -> None:
        for worker in list(self._busy):
            if worker.assignment is assignment:
                self._busy.discard(worker)
                self._pool.drop(worker)
                self._aborted.append(WorkerEvent(assignment, "died", WorkerEnd("killed", f"on {worker.node.name}")))

    def events(self) -> Iterator[WorkerEvent[Job]]:
        while self._aborted:
            yield self._aborted.pop()
        self._pool.update()
        for worker, answer in self._pool.arrivals():
            assignment = worker.assignment
            assert assignment is not None, "it is busy"
            try:
                messages = answer.result()
            except RayTaskError as exc:  # the job or its result could not be pickled
                self._release(worker)
                yield WorkerEvent(assignment, "error", RuntimeError(str(exc).strip().splitlines()[-1]))
                continue
            except RayError as exc:
                self._busy.discard(worker)
                self._pool.drop(worker)
                yield _lost(worker, assignment, exc)
                continue
            if messages[-1][0] in ("message", "part", "log"):
                worker.listen()
            else:
                self._release(worker)
            for kind, value in messages:
                yield WorkerEvent(assignment, kind, value)

    def end(self) -> None:
        """Drop workers whose jobs nobody waits for any more."""
        for worker in self._busy:
            self._pool.drop(worker)

    def _release(self, worker: RemoteWorker) -> None:
        worker.assignment = None
        self._busy.discard(worker)
        self._pool.idle.append(worker)


def _lost(worker: RemoteWorker, assignment: Assignment[Job], error: RayError) -> WorkerEvent[Job]:
    if worker.node.id not in nodes():
        return WorkerEvent(assignment, "left")
    short = isinstance(error, OutOfMemoryError) or "low on memory" in str(error)
    detail = f"{'short of memory, ' if short else ''}last on {worker.node.name}"
    return WorkerEvent(assignment, "died", WorkerEnd("killed" if short else "exited", detail))


class RayExecutor:
    """Runs as many jobs at once as the pool has workers.

    Work, jobs and results are pickled; modules are imported by name. A worker that dies is replaced and its job retried; a job that
    killed three workers ends with `WorkerLost`. The jobs of a machine that leaves are repeated elsewhere.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def map(
        self,
        work: Work[Job, Result],
        jobs: Iterable[Job],
        should_stop: Callable[[], bool],
        on_message: Callable[[Job, Any], None] | None = None,
    ) -> Iterator[JobOutcome[Job, Result]]:
        workers = _RayWorkers(work, self._pool)
        try:
            yield from run_jobs(
                workers, jobs, should_stop, on_message, "there may be too little memory: give each job more --job-cpus"
            )
        finally:
            workers.end()
