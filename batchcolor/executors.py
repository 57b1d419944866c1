"""Executors map jobs; nothing else knows where a job runs.

The contract (tests/contracts/test_executors.py): every job's outcome comes back exactly once, in any order; what a job raises is an
outcome, not a crash; after `should_stop` answers yes no new job begins, and jobs that never began have no outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class JobOutcome(Generic[Job, Result]):
    """What became of a job: its result, or the exception that ended it."""

    job: Job
    result: Result | None = None
    error: Exception | None = None


class Executor(Protocol):
    def map(
        self, work: Callable[[Job], Result], jobs: Iterable[Job], should_stop: Callable[[], bool]
    ) -> Iterator[JobOutcome[Job, Result]]:
        """Run `work` on every job, drawing from `jobs` only as many as are under way."""
        ...


def _attempt(work: Callable[[Job], Result], job: Job) -> JobOutcome[Job, Result]:
    try:
        return JobOutcome(job, result=work(job))
    except Exception as exc:
        return JobOutcome(job, error=exc)


class SerialExecutor:
    """One job after the other, in this thread: the reference."""

    def map(
        self, work: Callable[[Job], Result], jobs: Iterable[Job], should_stop: Callable[[], bool]
    ) -> Iterator[JobOutcome[Job, Result]]:
        for job in jobs:
            if should_stop():
                return
            yield _attempt(work, job)


class ThreadExecutor:
    """`workers` jobs at once in threads of this process; libvips, OpenCV, numpy and the engines release the interpreter's lock."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def map(
        self, work: Callable[[Job], Result], jobs: Iterable[Job], should_stop: Callable[[], bool]
    ) -> Iterator[JobOutcome[Job, Result]]:
        waiting = iter(jobs)
        running: set[Future[JobOutcome[Job, Result]]] = set()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="job") as pool:
            exhausted = False
            while True:
                while not exhausted and len(running) < self._workers and not should_stop():
                    job = next(waiting, None)
                    exhausted = job is None
                    if job is not None:
                        running.add(pool.submit(_attempt, work, job))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()


EXECUTORS: dict[str, Callable[[int], Executor]] = {
    # name -> made for so many jobs at once
    "serial": lambda _workers: SerialExecutor(),
    "threads": ThreadExecutor,
}


def local_executor(workers: int) -> Executor:
    """The executor for this machine with `workers` jobs at once."""
    return EXECUTORS["serial" if workers == 1 else "threads"](workers)
