"""Jobs in this process: one after the other, or in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic

from ..runtime import thread_budget as threads
from .base import POLL_INTERVAL_S, Job, JobOutcome, Result, Work, run_job


@dataclass(frozen=True, slots=True)
class _LocalContext(Generic[Job]):
    """The context of a job in this process, which no executor could end at a part without ending itself."""

    job: Job
    should_stop: Callable[[], bool]
    on_message: Callable[[Job, Any], None] | None

    def report(self, message: Any) -> None:
        if self.on_message is not None:
            self.on_message(self.job, message)

    def begin_part(self, part: Any, limit_s: float | None = None) -> None:
        return None


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
            yield run_job(work, job, _LocalContext(job, should_stop, on_message))


class ThreadExecutor:
    """`workers` jobs at once in threads of this process; libvips, OpenCV, numpy and the engines release the interpreter's lock."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map(
        self,
        work: Work[Job, Result],
        jobs: Iterable[Job],
        should_stop: Callable[[], bool],
        on_message: Callable[[Job, Any], None] | None = None,
    ) -> Iterator[JobOutcome[Job, Result]]:
        waiting = iter(jobs)
        running: set[Future[JobOutcome[Job, Result]]] = set()
        messages: deque[tuple[Job, Any]] = deque()  # handed on by this thread alone, so that calls do not meet

        def pass_on() -> None:
            while messages and on_message is not None:
                on_message(*messages.popleft())

        with threads.shared_among(self.workers), ThreadPoolExecutor(self.workers, thread_name_prefix="job") as pool:
            exhausted = False
            while True:
                while not exhausted and len(running) < self.workers and not should_stop():
                    job = next(waiting, None)
                    exhausted = job is None
                    if job is not None:
                        context = _LocalContext(job, should_stop, lambda *message: messages.append(message))
                        running.add(pool.submit(run_job, work, job, context))
                if not running:
                    return
                done, running = wait(running, timeout=POLL_INTERVAL_S, return_when=FIRST_COMPLETED)
                pass_on()
                for future in done:
                    yield future.result()
