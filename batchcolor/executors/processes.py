"""Jobs in worker processes of this machine."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import operator
import signal
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Generic, Self

from ..runtime import atomic_write
from ..runtime import thread_budget as threads
from .base import POLL_INTERVAL_S, Job, JobOutcome, Result, Work, WorkerEnd
from .part_board import PartBoard
from .process_worker import WorkerSetup, serve
from .worker_logs import handle_log
from .worker_pool import Assignment, WorkerEvent, run_jobs

_TURN_S = 0.05  # how long a thread waits for a worker before it looks after its own
_AT_ONCE = 4  # workers that start before there are jobs, which may take as long to come as they to start
_ADVICE = "there may be too little memory: try fewer --jobs"
_FAULTS = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS")  # what native code ends with by itself
_WINDOWS_FAULTS = {  # NTSTATUS
    0xC0000005: "access violation",
    0xC00000FD: "stack overflow",
    0xC0000374: "heap corruption",
    0xC0000409: "stack buffer overrun",
}


class _Worker:
    """A worker process, as the driver sees it. A thread reads what it sends: any number of them can be waited for, on every system."""

    def __init__(self, setup: WorkerSetup) -> None:
        # A fresh interpreter everywhere: forked copies of processes that have threads and GPUs are not to be trusted.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._board = PartBoard(context)
        self.process: BaseProcess = context.Process(target=serve, args=(theirs, self._board, setup), daemon=True)
        self.process.start()
        theirs.close()  # so that the end of the process is the end of its stream
        self._changing = threading.Lock()
        self._assignment: Assignment[Any] | None = None
        self._events: SimpleQueue[tuple[_Worker, list[WorkerEvent[Any]]]] | None = None
        self._work: Any = None
        self._dead = False
        self._reader = threading.Thread(target=self._read, name="worker reader", daemon=True)
        self._reader.start()

    def prepare(self, work: Any) -> None:
        self._send(("prepare", work))

    def assign(
        self, work: Any, assignment: Assignment[Any], events: SimpleQueue[tuple[_Worker, list[WorkerEvent[Any]]]]
    ) -> bool:
        """Begin a job, whose events go to `events`. Returns False if the worker is dead."""
        with self._changing:
            if self._dead or wait([self.process.sentinel], 0):  # the reader may not have noticed yet
                return False
            self._assignment, self._events = assignment, events
        self._send(("job", None if work is self._work else work, assignment.job))
        self._work = work
        return True

    def is_at(self, assignment: Assignment[Any]) -> bool:
        return self._assignment is assignment

    def note_part(self) -> None:
        """Have the assignment know at which part of its job the process is."""
        assignment = self._assignment
        if assignment is not None and not assignment.overdue:  # else the part that took too long is to be named
            part = self._board.read()
            assignment.part, assignment.limit_s = part.what, part.limit_s
            assignment.deadline = None if part.limit_s is None else part.begun + part.limit_s

    def request_stop(self) -> None:
        self._send(("stop",))

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()  # also when idle: it has nothing to lose, and to leave in good order would take it a fifth of a second
        self._reader.join()

    def _send(self, message: object) -> None:
        with contextlib.suppress(OSError):  # it is dead, which its reader notices
            self._connection.send(message)

    def _read(self) -> None:
        while True:
            try:
                messages = self._connection.recv()
            except (EOFError, OSError):
                break
            received = []
            assignment, events = self._assignment, self._events
            for kind, value in messages:
                if kind == "log":
                    handle_log(value)
                    continue
                assert assignment is not None, "idle workers say nothing"
                received.append(WorkerEvent(assignment, kind, value))
            if received:
                assert events is not None, "it comes with the assignment"
                if received[-1].kind in ("result", "error"):
                    self._assignment = self._events = None
                events.put((self, received))
        self.process.join()
        self._connection.close()
        with self._changing:
            self._dead = True
            self.note_part()
            if self._assignment is not None and self._events is not None:
                self._events.put((self, [WorkerEvent(self._assignment, "died", _how_ended(self.process.exitcode))]))


def _how_ended(code: int | None) -> WorkerEnd:
    if code is not None and code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return WorkerEnd("crashed" if name in _FAULTS else "killed", name)
    if sys.platform == "win32" and code in _WINDOWS_FAULTS:
        return WorkerEnd("crashed", _WINDOWS_FAULTS[code])
    return WorkerEnd("exited", f"exit code {code}")


class _Pool:
    """Worker processes, up to `most`, started as they are needed; for any number of threads."""

    def __init__(self, most: int, threads_each: int) -> None:
        self._most = most
        self._setup = WorkerSetup(threads_each, atomic_write.run_token(), logging.getLogger("batchcolor").getEffectiveLevel())
        self._changing = threading.Condition()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()

    def start(self, work: Any, jobs: int) -> None:
        """Have the first workers start now, as far as there are jobs for them, and prepare for `work`."""
        with self._changing:
            for _ in range(min(_AT_ONCE, self._most, jobs) - len(self._all)):
                self._idle.append(self._started())
            for worker in self._idle:
                worker.prepare(work)

    def _started(self) -> _Worker:
        worker = _Worker(self._setup)
        self._all.add(worker)
        return worker

    @property
    def full(self) -> bool:
        return not self._idle and len(self._all) >= self._most

    def take(self, timeout: float) -> _Worker | None:
        """A worker for a job, to be released or dropped afterwards; None where all are busy for so many seconds."""
        with self._changing:
            if not self._changing.wait_for(lambda: not self.full, timeout):
                return None
            return self._idle.pop() if self._idle else self._started()

    def give_back(self, worker: _Worker) -> None:
        with self._changing:
            self._idle.append(worker)
            self._changing.notify()

    def drop(self, worker: _Worker) -> None:
        """End a worker that is dead, or is to be."""
        worker.end()
        with self._changing:
            self._all.discard(worker)
            self._changing.notify()

    def end(self) -> None:
        for worker in list(self._all):
            worker.process.kill()
        for worker in list(self._all):
            self.drop(worker)
        self._idle.clear()


class _ProcessWorkers(Generic[Job, Result]):
    """The workers of a pool, as far as they do `work`."""

    def __init__(self, work: Work[Job, Result], pool: _Pool) -> None:
        self._work, self._pool = work, pool
        self._busy: set[_Worker] = set()
        self._events: SimpleQueue[tuple[_Worker, list[WorkerEvent[Job]]]] = SimpleQueue()
        self._received: deque[WorkerEvent[Job]] = deque()
        self._looked = 0.0  # when the parts were last looked at, by `time.monotonic`

    @property
    def busy(self) -> int:
        return len(self._busy) + len(self._received)  # what was received is still to be handled

    @property
    def full(self) -> bool:
        return self._pool.full

    def assign(self, assignment: Assignment[Job]) -> None:
        worker = self._taken()
        while not worker.assign(self._work, assignment, self._events):
            self._pool.drop(worker)
            worker = self._taken()
        self._busy.add(worker)

    def _taken(self) -> _Worker:
        """A worker of the pool. Another thread may have taken the one that was seen; while this one waits, its own finished workers go
        back."""
        while (worker := self._pool.take(_TURN_S)) is None:
            self._receive(0)
        return worker

    def request_stop(self) -> None:
        for worker in self._busy:
            worker.request_stop()

    def abort(self, assignment: Assignment[Job]) -> None:
        for worker in self._busy:
            if worker.is_at(assignment):
                worker.process.kill()

    def events(self) -> Iterator[WorkerEvent[Job]]:
        now = time.monotonic()
        if now - self._looked >= POLL_INTERVAL_S:
            self._looked = now
            for each in self._busy:
                each.note_part()
        self._receive(0 if self._received else POLL_INTERVAL_S)
        while self._received:
            yield self._received.popleft()

    def _receive(self, timeout: float) -> None:
        """Receive what has arrived, if anything does within so many seconds; workers that are finished go back to the pool."""
        with contextlib.suppress(Empty):
            worker, events = self._events.get(timeout=timeout) if timeout else self._events.get_nowait()
            while True:
                last = events[-1].kind
                if last in ("result", "error"):
                    self._busy.discard(worker)
                    self._pool.give_back(worker)
                elif last == "died":
                    self._busy.discard(worker)
                    self._pool.drop(worker)
                self._received += events
                worker, events = self._events.get_nowait()

    def end(self) -> None:
        """Drop workers whose jobs nobody waits for any more."""
        for worker in self._busy:
            self._pool.drop(worker)


class ProcessExecutor:
    """`workers` processes, each limited to its share of the cores.

    Used as a context manager, the processes and what they have loaded serve every call of `map`, from any thread, until the context ends;
    otherwise they end with the call. Work, jobs and results are pickled. A worker that dies is replaced and its job retried; a job that
    killed three workers ends with `WorkerLost`. Workers end with the process that started them, however that ends.
    """

    def __init__(self, workers: int, threads_each: int | None = None) -> None:
        self.workers = workers
        self._threads_each = threads_each or max(1, threads.cores() // workers)
        self._pool: _Pool | None = None

    def __enter__(self) -> Self:
        if self._pool is None:
            self._pool = _Pool(self.workers, self._threads_each)
            # Workers do not heed SIGTERM, with which multiprocessing would end, and wait for, those that are left when Python exits.
            weakref.finalize(self, self._pool.end)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.end()
            self._pool = None

    def map(
        self,
        work: Work[Job, Result],
        jobs: Iterable[Job],
        should_stop: Callable[[], bool],
        on_message: Callable[[Job, Any], None] | None = None,
    ) -> Iterator[JobOutcome[Job, Result]]:
        if self._pool is None:
            with ProcessExecutor(self.workers, self._threads_each) as own:
                yield from own.map(work, jobs, should_stop, on_message)
            return
        workers = _ProcessWorkers(work, self._pool)
        try:
            self._pool.start(work, operator.length_hint(jobs, _AT_ONCE))
            yield from run_jobs(workers, jobs, should_stop, on_message, _ADVICE)
        finally:
            workers.end()
