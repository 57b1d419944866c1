"""Jobs in worker processes of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import Any, Generic

from ..runtime import thread_budget as threads
from .base import POLL_INTERVAL_S, Job, JobOutcome, Result, Work, picklable, prepare, run_job
from .worker_pool import Assignment, WorkerEvent, run_jobs

_AT_ONCE = 4  # workers that start before there are jobs, which may take as long to come as they to start


class _Worker(Generic[Job, Result]):
    """A worker process, as the driver sees it. given: the job it is at."""

    def __init__(self, work: Work[Job, Result], thread_limit: int) -> None:
        # A fresh interpreter everywhere: forked copies of processes that have threads and GPUs are not to be trusted.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work, thread_limit), daemon=True)
        self._process.start()
        theirs.close()  # so that the end of the process is the end of its stream
        self.assignment: Assignment[Job] | None = None

    def assign(self, assignment: Assignment[Job]) -> None:
        self.assignment = assignment
        self._send(("job", assignment.job))

    def request_stop(self) -> None:
        self._send(("stop", None))

    def _send(self, message: object) -> None:
        with contextlib.suppress(OSError):  # it is dead, which is noticed where its answers are read
            self.connection.send(message)

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def end(self) -> str:
        """End the process, whatever it is doing; returns how it ended."""
        self.connection.close()
        self._process.kill()  # also when idle: it has nothing to lose, and to leave in good order would take it a fifth of a second
        self._process.join()
        code = self._process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"code {code}"


class _ProcessWorkers(Generic[Job, Result]):
    """Worker processes, up to `most`, started as they are needed."""

    def __init__(self, work: Work[Job, Result], most: int, thread_limit: int) -> None:
        self._work, self._most, self._thread_limit = work, most, thread_limit
        self._idle: list[_Worker[Job, Result]] = []
        self._busy: dict[Any, _Worker[Job, Result]] = {}

    def start(self, workers: int) -> None:
        """Start so many of them now."""
        for _ in range(min(workers, self._most)):
            self._idle.append(self._worker())  # one by one: should the next one not start, those before it are ended

    def _worker(self) -> _Worker[Job, Result]:
        return _Worker(self._work, self._thread_limit)

    def _alive(self) -> _Worker[Job, Result] | None:
        """An idle worker, if there is one; those that died without a job are nobody's fault."""
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            worker.end()
        return None

    @property
    def busy(self) -> int:
        return len(self._busy)

    @property
    def full(self) -> bool:
        return len(self._busy) == self._most

    def assign(self, assignment: Assignment[Job]) -> None:
        worker = self._alive() or self._worker()
        worker.assign(assignment)
        self._busy[worker.connection] = worker

    def request_stop(self) -> None:
        for worker in self._busy.values():
            worker.request_stop()

    def events(self) -> Iterator[WorkerEvent[Job]]:
        for connection in wait_for(list(self._busy), POLL_INTERVAL_S):
            worker = self._busy[connection]
            assignment = worker.assignment
            assert assignment is not None, "it is busy"
            try:
                kind, value = worker.connection.recv()
            except (EOFError, OSError):
                del self._busy[connection]
                yield WorkerEvent(assignment, "died", worker.end())
                continue
            if kind != "told":
                worker.assignment = None
                self._idle.append(self._busy.pop(connection))
            yield WorkerEvent(assignment, kind, value)

    def end(self) -> None:
        for worker in [*self._idle, *self._busy.values()]:
            worker.end()


class ProcessExecutor:
    """`workers` processes, each keeping to its share of the cores.

    Work, jobs and results are pickled. A worker that dies (killed by the system for its memory, say) is replaced and its job given to
    another; the job that three workers died of ends with `WorkerLost`. Workers end with the process that started them, however that ends.
    """

    def __init__(self, workers: int, threads_each: int | None = None) -> None:
        self._workers = workers
        self._threads_each = threads_each or max(1, threads.cores() // workers)

    def map(
        self,
        work: Work[Job, Result],
        jobs: Iterable[Job],
        should_stop: Callable[[], bool],
        on_message: Callable[[Job, Any], None] | None = None,
    ) -> Iterator[JobOutcome[Job, Result]]:
        workers = _ProcessWorkers(work, self._workers, self._threads_each)
        try:
            workers.start(_AT_ONCE)
            yield from run_jobs(workers, jobs, should_stop, on_message, "there may be too little memory: try fewer --jobs")
        finally:
            workers.end()


class _WorkerContext:
    """The desk of a job in a worker process."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._stopped = connection, False

    def should_stop(self) -> bool:
        try:
            if not self._stopped and self._connection.poll():
                self._connection.recv()  # nothing but "stop" is sent to a worker that is at work
                self._stopped = True
        except (EOFError, OSError):
            self._stopped = True  # the driver is gone
        return self._stopped

    def report(self, message: Any) -> None:
        self._connection.send(("told", message))


def _serve(connection: Connection, work: Work[Any, Any], thread_limit: int) -> None:
    """What a worker process does: make ready, then job after job, until the driver closes its end or is gone."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # Ctrl-C and service managers reach the whole group; the driver says when to stop
        signal.signal(number, signal.SIG_IGN)
    threads.limit(thread_limit)
    prepare(work)
    while True:
        try:
            kind, job = connection.recv()
            if kind == "stop":
                continue
            outcome = run_job(work, job, _WorkerContext(connection))
            connection.send(("result", outcome.result) if outcome.error is None else ("error", picklable(outcome.error)))
        except (EOFError, OSError):
            return
