"""Worker processes start and load while the first jobs are still being planned."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from batchcolor.executors import JobContext, ProcessExecutor


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
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


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
