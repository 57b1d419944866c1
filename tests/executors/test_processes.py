"""Worker processes start and load while the first jobs are still being planned."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from batchcolor.executors import JobContext, ProcessExecutor, WorkerEnd


@dataclass(frozen=True)
class Work:
    """Leaves a file for each process that has made ready; a job says who runs it and whether that one was ready before."""

    folder: Path
    fails: bool = False

    def prepare(self) -> None:
        (self.folder / str(os.getpid())).touch()
        if self.fails:
            raise RuntimeError("for the job to find out")

    def __call__(self, job: int, context: JobContext) -> tuple[int, bool]:
        return job, (self.folder / str(os.getpid())).exists()


def slowly_planned(folder: Path, workers: int) -> Iterator[int]:
    """Jobs that come only once so many workers are ready."""
    deadline = time.monotonic() + 60
    while len(list(folder.iterdir())) < workers:
        assert time.monotonic() < deadline, "workers wait for jobs before they start"
        time.sleep(0.02)
    yield from range(5)


@pytest.mark.parametrize("fails", [False, True])
def test_workers_are_ready_before_there_are_jobs(tmp_path: Path, fails: bool) -> None:
    outcomes = ProcessExecutor(2).map(Work(tmp_path, fails), slowly_planned(tmp_path, 2), lambda: False)
    assert sorted(outcome.result or (-1, False) for outcome in outcomes) == [(n, True) for n in range(5)]


def test_no_more_workers_start_in_advance_than_jobs_may_need(tmp_path: Path) -> None:
    list(ProcessExecutor(64).map(Work(tmp_path), slowly_planned(tmp_path, 4), lambda: False))
    assert len(list(tmp_path.iterdir())) <= 5  # and one more where all were busy


@dataclass(frozen=True)
class Killed(Work):
    """The first process dies while it makes ready."""

    def prepare(self) -> None:
        first = self.folder / "first"
        super().prepare()
        with contextlib.suppress(FileExistsError), first.open("x") as file:
            file.write(str(os.getpid()))
            file.flush()
            os._exit(9)


def is_gone(pid: int) -> bool:
    """Whether a process has ended with all of its threads: the first may be a zombie while the others still hold its pipes."""
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() == 1
    except psutil.NoSuchProcess:
        return True


def test_a_worker_that_dies_without_a_job_is_not_held_against_one(tmp_path: Path) -> None:
    def later() -> Iterator[int]:
        jobs = slowly_planned(tmp_path, 3)
        first = next(jobs)
        while not is_gone(int((tmp_path / "first").read_text() or os.getpid())):
            time.sleep(0.02)
        yield first
        yield from jobs

    outcomes = list(ProcessExecutor(2).map(Killed(tmp_path), later(), lambda: False))
    assert [(outcome.error, outcome.lost) for outcome in outcomes] == [(None, 0)] * 5


def logging_job(job: int, context: JobContext) -> int:
    logging.getLogger("batchcolor.photos").warning("photo %d is odd", job)
    return job


def test_log_records_of_workers_are_handled_by_the_driver(caplog: pytest.LogCaptureFixture) -> None:
    list(ProcessExecutor(1).map(logging_job, [3], lambda: False))
    assert [(record.name, record.getMessage()) for record in caplog.records] == [("batchcolor.photos", "photo 3 is odd")]


def broken_job(job: int, context: JobContext) -> int:
    raise ZeroDivisionError("a bug")


def test_tracebacks_of_workers_come_along_as_notes() -> None:
    (outcome,) = ProcessExecutor(1).map(broken_job, [1], lambda: False)
    assert outcome.error is not None
    assert "in broken_job" in "".join(traceback.format_exception(outcome.error))


def process_of(job: int, context: JobContext) -> int:
    return os.getpid()


def test_workers_of_a_context_stay_from_one_call_to_the_next_and_end_with_it() -> None:
    with ProcessExecutor(1) as pool:
        pids = {outcome.result for _ in range(3) for outcome in pool.map(process_of, range(2), lambda: False)}
        assert len(pids) == 1
    assert all(is_gone(pid or 0) for pid in pids)


def test_two_calls_at_once_share_the_workers() -> None:
    with ProcessExecutor(2) as pool, ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(lambda: [o.result for o in pool.map(process_of, range(8), lambda: False)]) for _ in range(3)]
        pids = [pid for call in calls for pid in call.result()]
    assert len(pids) == 24
    assert len(set(pids)) <= 2


def parted(job: tuple[str, float | None], context: JobContext) -> str:
    what, limit_s = job
    context.begin_part(what, limit_s)
    if what == "slow":
        time.sleep(600)
    if what == "dying":
        os._exit(7)
    return what


@pytest.mark.skipif(sys.platform == "win32", reason="exit codes as POSIX has them")
def test_a_job_that_ends_its_worker_at_a_part_is_not_tried_again_and_names_the_part() -> None:
    jobs = [("good", None), ("dying", None), ("slow", 0.5), ("good", 60.0)]
    outcomes = {outcome.job[0]: outcome for outcome in ProcessExecutor(2).map(parted, jobs, lambda: False)}
    assert outcomes["good"].error is None
    assert outcomes["dying"].worker_end == WorkerEnd("exited", "exit code 7", "dying")
    assert outcomes["slow"].worker_end == WorkerEnd("timeout", "0.5 s", "slow")
    assert {outcomes[name].lost for name in ("dying", "slow")} == {1}
