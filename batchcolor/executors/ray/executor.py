"""The executor on Ray: jobs worked off with the workers of a pool."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic

from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from ..base import Job, JobOutcome, Result, Work
from ..crew import Answer, Given, worked_off
from .cluster import nodes
from .pool import Pool, RemoteWorker


class _Crew(Generic[Job, Result]):
    """The workers of a pool, as far as they do `work`."""

    def __init__(self, work: Work[Job, Result], pool: Pool) -> None:
        self._work, self._pool = work, pool
        self._busy: set[RemoteWorker] = set()

    @property
    def busy(self) -> int:
        return len(self._busy)

    @property
    def full(self) -> bool:
        return not self._pool.idle

    def give(self, given: Given[Job]) -> None:
        worker = self._pool.idle.pop()
        worker.give(self._work, given)
        self._busy.add(worker)

    def ask_to_stop(self) -> None:
        for worker in self._busy:
            worker.ask_to_stop()

    def answers(self) -> Iterator[Answer[Job]]:
        self._pool.tend()
        for worker, answer in self._pool.arrivals():
            given = worker.given
            assert given is not None, "it is busy"
            try:
                said = answer.result()
            except RayTaskError as exc:  # the job or its result did not survive the journey
                self._release(worker)
                yield Answer(given, "error", RuntimeError(str(exc).strip().splitlines()[-1]))
                continue
            except RayError as exc:
                self._busy.discard(worker)
                self._pool.drop(worker)
                yield _lost(worker, given, exc)
                continue
            if said[-1][0] == "told":
                worker.listen()
            else:
                self._release(worker)
            for kind, value in said:
                yield Answer(given, kind, value)

    def end(self) -> None:
        """No worker stays at a job that nobody waits for."""
        for worker in self._busy:
            self._pool.drop(worker)

    def _release(self, worker: RemoteWorker) -> None:
        worker.given = None
        self._busy.discard(worker)
        self._pool.idle.append(worker)


def _lost(worker: RemoteWorker, given: Given[Job], error: RayError) -> Answer[Job]:
    if worker.node.id not in nodes():
        return Answer(given, "left")
    short = isinstance(error, OutOfMemoryError) or "low on memory" in str(error)
    return Answer(given, "died", f"{'short of memory, ' if short else ''}last on {worker.node.name}")


class RayExecutor:
    """As many jobs at once as the pool has workers.

    Work, jobs and results are pickled, and modules found by their names. A worker that dies is replaced and its job given to another; the
    job that three workers died of ends with `WorkerLost`. Machines that leave cost their jobs no more than the time.
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
        crew = _Crew(work, self._pool)
        try:
            yield from worked_off(
                crew, jobs, should_stop, on_message, "there may be too little memory: ask for more --job-cpus a job"
            )
        finally:
            crew.end()
