"""The contract of executors, and what every one of them is made of.

The contract (tests/contracts/test_executors.py): every job's outcome comes back exactly once, in any order; what a job raises is an
outcome, not a crash; after `should_stop` answers yes no new job begins, and jobs that never began have no outcome; what a job reports
while it runs arrives before its outcome.
"""

from __future__ import annotations

import contextlib
import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from ..errors import BatchcolorError

Job = TypeVar("Job")
Result = TypeVar("Result")

POLL_INTERVAL_S = 0.2  # between two calls of `should_stop` while all workers are busy


class JobContext(Protocol):
    """What a running job can read and report."""

    def should_stop(self) -> bool:
        """Whether the run is about to end; a long job should then return early."""
        ...

    def report(self, message: Any) -> None:
        """Send a message, such as progress, to the caller of `Executor.map`."""
        ...

    def begin_part(self, part: Any, limit_s: float | None = None) -> None:
        """Say which part of the job comes now; None: none that could be blamed. limit_s: how long it may take, in seconds.

        A job whose worker ends at a part, or is ended because the part takes longer, is not tried again: its outcome names the part, so
        that the caller can leave it out.
        """
        ...


Work = Callable[[Job, JobContext], Result]


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """How a worker process ended in the middle of a job.

    kind: crashed: by a fault in native code; killed: from outside, by the system when memory runs out; timeout: by the executor, after
    the time that the job's part may take; exited: in any other way. detail: the signal's name, the exit code or the time. part: what the
    job was at (`JobContext.begin_part`).
    """

    kind: Literal["crashed", "killed", "timeout", "exited"]
    detail: str
    part: Any = None


@dataclass(frozen=True, slots=True)
class JobOutcome(Generic[Job, Result]):
    """What became of a job: its result, or the exception that ended it.

    lost: workers that ended while they were at it; worker_end: how the last of them did, where that ended the job.
    """

    job: Job
    result: Result | None = None
    error: Exception | None = None
    lost: int = 0
    worker_end: WorkerEnd | None = None


class Executor(Protocol):
    def map(
        self,
        work: Work[Job, Result],
        jobs: Iterable[Job],
        should_stop: Callable[[], bool],
        on_message: Callable[[Job, Any], None] | None = None,
    ) -> Iterator[JobOutcome[Job, Result]]:
        """Run `work` on every job, drawing from `jobs` only as many as are under way.

        on_message: called, one call at a time, with what jobs report.
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
    """The error itself if it survives the way to another process, else its words.

    Tracebacks do not survive it, so that of an error that is not ours goes along as a note.
    """
    if not isinstance(error, BatchcolorError):
        error.add_note("".join(traceback.format_exception(error)).rstrip())
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        words = RuntimeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            words.add_note(note)
        return words
    return error
