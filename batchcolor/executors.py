"""Executors map jobs; nothing else knows where a job runs.

The contract (tests/contracts/test_executors.py): every job's outcome comes back exactly once, in any order; what a job raises is an
outcome, not a crash; after `should_stop` answers yes no new job begins, and jobs that never began have no outcome; what a job tells
while it runs arrives before its outcome.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import Any, Generic, Protocol, TypeVar

from . import threads
from .errors import WorkerLost

Job = TypeVar("Job")
Result = TypeVar("Result")

_TRIES = 3  # of a job whose worker process dies
_ASKED_EVERY_S = 0.2  # how often `should_stop` is asked while all workers are busy


class Desk(Protocol):
    """Where a job asks and tells while it runs."""

    def should_stop(self) -> bool:
        """Whether the run is about to end, so that a long job had better end as well."""
        ...

    def tell(self, message: Any) -> None:
        """Send something to whoever runs the jobs: how far it is, for instance."""
        ...


Work = Callable[[Job, Desk], Result]


@dataclass(frozen=True, slots=True)
class JobOutcome(Generic[Job, Result]):
    """What became of a job: its result, or the exception that ended it."""

    job: Job
    result: Result | None = None
    error: Exception | None = None


class Executor(Protocol):
    def map(
        self,
        work: Work[Job, Result],
        jobs: Iterable[Job],
        should_stop: Callable[[], bool],
        on_message: Callable[[Job, Any], None] | None = None,
    ) -> Iterator[JobOutcome[Job, Result]]:
        """Run `work` on every job, drawing from `jobs` only as many as are under way.

        on_message: called, one call at a time, with what jobs tell.
        """
        ...


@dataclass(frozen=True, slots=True)
class _LocalDesk(Generic[Job]):
    """The desk of a job in this process."""

    job: Job
    should_stop: Callable[[], bool]
    on_message: Callable[[Job, Any], None] | None

    def tell(self, message: Any) -> None:
        if self.on_message is not None:
            self.on_message(self.job, message)


def _attempt(work: Work[Job, Result], job: Job, desk: Desk) -> JobOutcome[Job, Result]:
    try:
        return JobOutcome(job, result=work(job, desk))
    except Exception as exc:
        return JobOutcome(job, error=exc)


class SerialExecutor:
    """One job after the other, in this thread: the reference."""

    def map(
        self,
        work: Work[Job, Result],
        jobs: Iterable[Job],
        should_stop: Callable[[], bool],
        on_message: Callable[[Job, Any], None] | None = None,
    ) -> Iterator[JobOutcome[Job, Result]]:
        for job in jobs:
            if should_stop():
                return
            yield _attempt(work, job, _LocalDesk(job, should_stop, on_message))


class ThreadExecutor:
    """`workers` jobs at once in threads of this process; libvips, OpenCV, numpy and the engines release the interpreter's lock."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def map(
        self,
        work: Work[Job, Result],
        jobs: Iterable[Job],
        should_stop: Callable[[], bool],
        on_message: Callable[[Job, Any], None] | None = None,
    ) -> Iterator[JobOutcome[Job, Result]]:
        waiting = iter(jobs)
        running: set[Future[JobOutcome[Job, Result]]] = set()
        told: deque[tuple[Job, Any]] = deque()  # handed on by this thread alone, so that calls do not meet

        def pass_on() -> None:
            while told and on_message is not None:
                on_message(*told.popleft())

        with ThreadPoolExecutor(self._workers, thread_name_prefix="job") as pool:
            exhausted = False
            while True:
                while not exhausted and len(running) < self._workers and not should_stop():
                    job = next(waiting, None)
                    exhausted = job is None
                    if job is not None:
                        desk = _LocalDesk(job, should_stop, lambda *message: told.append(message))
                        running.add(pool.submit(_attempt, work, job, desk))
                if not running:
                    return
                done, running = wait(running, timeout=_ASKED_EVERY_S, return_when=FIRST_COMPLETED)
                pass_on()
                for future in done:
                    yield future.result()


@dataclass(slots=True)
class _Given(Generic[Job]):
    """A job and how often it has been begun."""

    job: Job
    tries: int = 0


class _Worker(Generic[Job, Result]):
    """A worker process, as the driver sees it. given: the job it is at."""

    def __init__(self, work: Work[Job, Result], thread_limit: int) -> None:
        # A fresh interpreter everywhere: forked copies of processes that have threads and GPUs are not to be trusted.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work, thread_limit), daemon=True)
        self._process.start()
        theirs.close()  # so that the end of the process is the end of its stream
        self.given: _Given[Job] | None = None

    def give(self, given: _Given[Job]) -> None:
        given.tries += 1
        self.given = given
        self._send(("job", given.job))

    def ask_to_stop(self) -> None:
        self._send(("stop", None))

    def _send(self, message: object) -> None:
        with contextlib.suppress(OSError):  # it is dead, which is noticed where its answers are read
            self.connection.send(message)

    def end(self) -> int | None:
        """End the process, whatever it is doing; returns its exit code, negative for a signal."""
        self.connection.close()
        if self.given is not None:
            self._process.kill()
        self._process.join()
        return self._process.exitcode


class _Crew(Generic[Job, Result]):
    """Worker processes, up to `most`, started as they are needed."""

    def __init__(self, work: Work[Job, Result], most: int, thread_limit: int) -> None:
        self._work, self._most, self._thread_limit = work, most, thread_limit
        self._idle: list[_Worker[Job, Result]] = []
        self._busy: dict[Any, _Worker[Job, Result]] = {}

    @property
    def busy(self) -> int:
        return len(self._busy)

    @property
    def full(self) -> bool:
        return len(self._busy) == self._most

    def give(self, given: _Given[Job]) -> None:
        worker = self._idle.pop() if self._idle else _Worker(self._work, self._thread_limit)
        worker.give(given)
        self._busy[worker.connection] = worker

    def ask_to_stop(self) -> None:
        for worker in self._busy.values():
            worker.ask_to_stop()

    def answers(self) -> Iterator[tuple[_Given[Job], str, Any]]:
        """What workers say within a moment: (job, "told", message), (job, "result", it), (job, "error", it), (job, "lost", exit code)."""
        for connection in wait_for(list(self._busy), _ASKED_EVERY_S):
            worker = self._busy[connection]
            given = worker.given
            assert given is not None, "it is busy"
            try:
                kind, value = worker.connection.recv()
            except (EOFError, OSError):
                del self._busy[connection]
                yield given, "lost", worker.end()
                continue
            if kind != "told":
                worker.given = None
                self._idle.append(self._busy.pop(connection))
            yield given, kind, value

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
        waiting = (_Given(job) for job in jobs)
        again: deque[_Given[Job]] = deque()
        stopped = exhausted = False
        crew = _Crew(work, self._workers, self._threads_each)
        try:
            while True:
                if not stopped and should_stop():
                    stopped = True
                    crew.ask_to_stop()
                while not (stopped or crew.full or should_stop()) and (again or not exhausted):
                    given = again.popleft() if again else next(waiting, None)
                    if given is None:
                        exhausted = True
                    else:
                        crew.give(given)
                if not crew.busy:
                    return
                for given, kind, value in crew.answers():
                    if kind == "told":
                        if on_message is not None:
                            on_message(given.job, value)
                    elif kind == "lost" and given.tries < _TRIES and not stopped:
                        again.append(given)
                    else:
                        yield _outcome(given, kind, value)
        finally:
            crew.end()


def _outcome(given: _Given[Job], kind: str, value: Any) -> JobOutcome[Job, Any]:
    if kind != "lost":
        return JobOutcome(given.job, **{kind: value})
    how = f"signal {-value}" if value is not None and value < 0 else f"code {value}"
    times = f"{given.tries} times" if given.tries > 1 else "once"
    sentence = f"its worker process died {times} ({how}); there may be too little memory: try fewer --jobs"
    return JobOutcome(given.job, error=WorkerLost(sentence))


class _RemoteDesk:
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

    def tell(self, message: Any) -> None:
        self._connection.send(("told", message))


def _serve(connection: Connection, work: Work[Any, Any], thread_limit: int) -> None:
    """What a worker process does: job after job, until the driver closes its end or is gone."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # Ctrl-C and service managers reach the whole group; the driver says when to stop
        signal.signal(number, signal.SIG_IGN)
    threads.limit(thread_limit)
    while True:
        try:
            kind, job = connection.recv()
            if kind == "stop":
                continue
            outcome = _attempt(work, job, _RemoteDesk(connection))
            connection.send(("result", outcome.result) if outcome.error is None else ("error", _portable(outcome.error)))
        except (EOFError, OSError):
            return


def _portable(error: Exception) -> Exception:
    """The error itself if it survives the way to another process, else its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


EXECUTORS: dict[str, Callable[[int], Executor]] = {
    # name -> made for so many jobs at once
    "serial": lambda _workers: SerialExecutor(),
    "threads": ThreadExecutor,
    "processes": ProcessExecutor,
}


def local_executor(workers: int) -> Executor:
    """The executor for this machine with `workers` jobs at once that share this process."""
    return EXECUTORS["serial" if workers == 1 else "threads"](workers)
