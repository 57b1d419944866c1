"""Runs jobs on workers that may die: processes on this machine or on others."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, Protocol

from ..errors import WorkerLost
from .base import POLL_INTERVAL_S, Job, JobOutcome, WorkerEnd
from .worker_logs import handle_log

_TRIES = 3  # of a job whose workers die


@dataclass(slots=True, eq=False)
class Assignment(Generic[Job]):
    """A job that is assigned to a worker.

    lost: workers that ended while they ran it; deaths: how many of these it may have caused. part: the part in progress
    (`JobContext.begin_part`); limit_s: seconds that it may take; deadline: its end by `time.monotonic`.
    """

    job: Job
    lost: int = 0
    deaths: int = 0
    part: Any = None
    limit_s: float | None = None
    deadline: float | None = None
    overdue: bool = False

    def begin_part(self, part: Any, limit_s: float | None) -> None:
        self.part, self.limit_s = part, limit_s
        self.deadline = None if limit_s is None else time.monotonic() + limit_s


EventKind = Literal["message", "part", "log", "result", "error", "died", "left"]


@dataclass(frozen=True, slots=True)
class WorkerEvent(Generic[Job]):
    """An event of a worker's job.

    message: of the job; part: (part, limit in seconds); log: a `logging.LogRecord`; result, error: the job's outcome; died: the worker
    did, and `value` is its `WorkerEnd`; left: the worker is gone through no fault of the job.
    """

    assignment: Assignment[Job]
    kind: EventKind
    value: Any = None


class Workers(Protocol[Job]):
    """Workers, each at one job at a time."""

    @property
    def busy(self) -> int:
        """Number of workers that run a job."""
        ...

    @property
    def full(self) -> bool:
        """Whether no worker is available."""
        ...

    def assign(self, assignment: Assignment[Job]) -> None:
        """Start the job on an available worker; not to be called while `full`."""
        ...

    def request_stop(self) -> None:
        """Request that all running jobs stop."""
        ...

    def abort(self, assignment: Assignment[Job]) -> None:
        """Kill the worker of this job; `events` then reports it as died."""
        ...

    def events(self) -> Iterator[WorkerEvent[Job]]:
        """Events that arrive within `base.POLL_INTERVAL_S`."""
        ...


def run_jobs(
    workers: Workers[Job],
    jobs: Iterable[Job],
    should_stop: Callable[[], bool],
    on_message: Callable[[Job, Any], None] | None,
    advice: str,
) -> Iterator[JobOutcome[Job, Any]]:
    """The outcomes of `jobs`, by the contract of `base.Executor`.

    A job whose worker died is retried on another, unless it has reported the part in progress; a job that killed three workers ends with
    `WorkerLost`. advice: the last part of its message.
    """
    waiting = (Assignment(job) for job in jobs)
    again: deque[Assignment[Job]] = deque()
    running: set[Assignment[Job]] = set()
    stopped = exhausted = False
    looked = 0.0  # when the parts in progress were last looked at
    while True:
        if not stopped and should_stop():
            stopped = True
            workers.request_stop()
        while not (stopped or workers.full or should_stop()) and (again or not exhausted):
            assignment = again.popleft() if again else next(waiting, None)
            if assignment is None:
                exhausted = True
            else:
                workers.assign(assignment)
                running.add(assignment)
        if not workers.busy and (stopped or (exhausted and not again)):
            return
        now = time.monotonic()
        if now - looked >= POLL_INTERVAL_S:
            looked = now
            _abort_overdue(workers, running, now)
        for event in workers.events():
            if event.kind in ("message", "part", "log"):
                _take(event, on_message)
                continue
            running.discard(event.assignment)
            outcome = _outcome(event, stopped, advice)
            if outcome is None:
                event.assignment.begin_part(None, None)
                again.append(event.assignment)
            else:
                yield outcome


def _take(event: WorkerEvent[Job], on_message: Callable[[Job, Any], None] | None) -> None:
    """Handle an event of a job that continues."""
    if event.kind == "part":
        event.assignment.begin_part(*event.value)
    elif event.kind == "log":
        handle_log(event.value)
    elif on_message is not None:
        on_message(event.assignment.job, event.value)


def _abort_overdue(workers: Workers[Job], running: Iterable[Assignment[Job]], now: float) -> None:
    for assignment in running:
        if assignment.deadline is not None and now > assignment.deadline and not assignment.overdue:
            assignment.overdue = True
            workers.abort(assignment)


def _outcome(event: WorkerEvent[Job], stopped: bool, advice: str) -> JobOutcome[Job, Any] | None:
    """The outcome that an event ends its job with, or None if the job is to be retried."""
    assignment = event.assignment
    if event.kind in ("result", "error"):
        return JobOutcome(assignment.job, lost=assignment.lost, **{event.kind: event.value})
    assignment.lost += 1
    if event.kind == "left":
        if not stopped:
            return None
        how = "the machine that worked on it left as the run was about to end; the next run does it again"
        return JobOutcome(assignment.job, error=WorkerLost(how), lost=assignment.lost)
    assignment.deaths += 1
    if assignment.deaths < _TRIES and not stopped and assignment.part is None:
        return None
    end: WorkerEnd = replace(event.value, part=assignment.part)
    if assignment.overdue:
        end = WorkerEnd("timeout", f"{assignment.limit_s:g} s", assignment.part)
    times = f"{assignment.deaths} times" if assignment.deaths > 1 else "once"
    how = f"its worker process died {times} ({end.detail}); {advice}"
    return JobOutcome(assignment.job, error=WorkerLost(how), lost=assignment.lost, worker_end=end)
