"""The contract of executors, and what every one of them is made of.

The contract (tests/contracts/test_executors.py): every job's outcome comes back exactly once, in any order; what a job raises is an
outcome, not a crash; after `should_stop` answers yes no new job begins, and jobs that never began have no outcome; what a job tells
while it runs arrives before its outcome.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

POLL_INTERVAL_S = 0.2  # how often `should_stop` is asked while all workers are busy


class JobContext(Protocol):
    """Where a job asks and tells while it runs."""

    def should_stop(self) -> bool:
        """Whether the run is about to end, so that a long job had better end as well."""
        ...

    def report(self, message: Any) -> None:
        """Send something to whoever runs the jobs: how far it is, for instance."""
        ...


Work = Callable[[Job, JobContext], Result]


@dataclass(frozen=True, slots=True)
class JobOutcome(Generic[Job, Result]):
    """What became of a job: its result, or the exception that ended it. lost: workers that ended while they were at it."""

    job: Job
    result: Result | None = None
    error: Exception | None = None
    lost: int = 0


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


def prepare(work: Work[Any, Any]) -> None:
    """Have `work` load what its jobs need, if it has a method of this name: for workers that have no job yet.

    What it raises is for the job to find out.
    """
    if hasattr(work, "prepare"):
        with contextlib.suppress(Exception):
            work.prepare()


def run_job(work: Work[Job, Result], job: Job, context: JobContext) -> JobOutcome[Job, Result]:
    """Run a job; whatever it raises is its outcome."""
    try:
        return JobOutcome(job, result=work(job, context))
    except Exception as exc:
        return JobOutcome(job, error=exc)


def picklable(error: Exception) -> Exception:
    """The error itself if it survives the way to another process, else its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
