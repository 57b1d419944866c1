"""Working jobs off with workers that may die: whoever they are, processes here or on other machines."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol

from ..errors import WorkerLost
from .base import Job, JobOutcome

_TRIES = 3  # of a job whose workers die


@dataclass(slots=True)
class Assignment(Generic[Job]):
    """A job; how many workers ended while they were at it, and how many of those it may have been the death of."""

    job: Job
    lost: int = 0
    deaths: int = 0


EventKind = Literal["told", "result", "error", "died", "left"]


@dataclass(frozen=True, slots=True)
class WorkerEvent(Generic[Job]):
    """What a worker says of its job.

    told: a message; result, error: its outcome; died: the worker did, and `value` says how; left: the worker is gone through no fault of
    the job.
    """

    assignment: Assignment[Job]
    kind: EventKind
    value: Any = None


class Workers(Protocol[Job]):
    """Workers, each at one job at a time."""

    @property
    def busy(self) -> int:
        """How many are at work."""
        ...

    @property
    def full(self) -> bool:
        """Whether nobody can take a job now."""
        ...

    def assign(self, assignment: Assignment[Job]) -> None:
        """Have one of them begin; not to be called while `full`."""
        ...

    def request_stop(self) -> None:
        """Tell those at work that the run is about to end."""
        ...

    def events(self) -> Iterator[WorkerEvent[Job]]:
        """What they say within a moment, `base.POLL_INTERVAL_S`."""
        ...


def run_jobs(
    workers: Workers[Job],
    jobs: Iterable[Job],
    should_stop: Callable[[], bool],
    on_message: Callable[[Job, Any], None] | None,
    advice: str,
) -> Iterator[JobOutcome[Job, Any]]:
    """The outcomes of `jobs`, by the contract of `base.Executor`.

    A job whose worker died is given to another; the one that three died of ends with `WorkerLost`. advice: the end of its sentence.
    """
    waiting = (Assignment(job) for job in jobs)
    again: deque[Assignment[Job]] = deque()
    stopped = exhausted = False
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
        if not workers.busy and (stopped or (exhausted and not again)):
            return
        for answer in workers.events():
            if answer.kind == "told":
                if on_message is not None:
                    on_message(answer.assignment.job, answer.value)
                continue
            outcome = _outcome(answer, stopped, advice)
            if outcome is None:
                again.append(answer.assignment)
            else:
                yield outcome


def _outcome(answer: WorkerEvent[Job], stopped: bool, advice: str) -> JobOutcome[Job, Any] | None:
    """What an answer ends its job with; None: the job is to be given to another worker."""
    assignment = answer.assignment
    if answer.kind in ("result", "error"):
        return JobOutcome(assignment.job, lost=assignment.lost, **{answer.kind: answer.value})
    assignment.lost += 1
    assignment.deaths += answer.kind == "died"
    if assignment.deaths < _TRIES and not stopped:
        return None
    if not assignment.deaths:
        how = "the machine that worked on it left as the run was about to end; the next run does it again"
    else:
        times = f"{assignment.deaths} times" if assignment.deaths > 1 else "once"
        how = f"its worker process died {times} ({answer.value}); {advice}"
    return JobOutcome(assignment.job, error=WorkerLost(how), lost=assignment.lost)
