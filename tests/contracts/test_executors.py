"""The executor contract, over every executor (add one to `EXECUTORS` and it is tested)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest
from _pytest.mark import ParameterSet

from batchcolor.errors import SourceError, WorkerLost
from batchcolor.executors import EXECUTORS, Executor, JobContext
from tests.support import needs_ray

MORTAL = {"processes", "ray"}  # their workers may die without the driver


def parameters(names: Iterable[str]) -> list[ParameterSet]:
    return [pytest.param(name, marks=needs_ray if name == "ray" else ()) for name in sorted(names)]


@pytest.fixture(scope="module", params=parameters(EXECUTORS))
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with EXECUTORS[request.param](3) as cached_colorizer:
        yield cached_colorizer


mortal = pytest.mark.parametrize("executor", parameters(MORTAL), indirect=True)


def never() -> bool:
    return False


# Work is at the top of a module, as other processes have to find it.


def squared(n: int, context: JobContext) -> int:
    return n * n


def tenth(n: int, context: JobContext) -> int:
    return 10 // n


def unreadable(n: int, context: JobContext) -> int:
    raise SourceError(f"reel-{n}.mkv: is damaged")


class Odd(Exception):
    """Cannot be pickled: it is made from two values and remembers one."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(a + b)


def oddly_failing(n: int, context: JobContext) -> int:
    raise Odd(n, 1)


def telling(n: int, context: JobContext) -> int:
    for part in range(3):
        context.report((n, part))
    return n


def telling_and_waiting(folder: Path, n: int, context: JobContext) -> bool:
    context.report(n)
    for _ in range(1000):
        if (folder / "told").exists():
            return True
        time.sleep(0.01)
    return False


def stopping_at_four(folder: Path, n: int, context: JobContext) -> int:
    (folder / str(n)).touch()
    time.sleep(0.01)  # else hundreds are done before the driver has looked
    if n == 4:
        (folder / "stop").touch()
    return n


def waiting_to_be_stopped(folder: Path, n: int, context: JobContext) -> str:
    (folder / "begun").touch()
    for _ in range(1000):
        if context.should_stop():
            return "stopped"
        time.sleep(0.01)
    return "never stopped"


def test_every_job_has_exactly_one_outcome(executor: Executor) -> None:
    outcomes = list(executor.map(squared, range(50), never))
    assert sorted(outcome.job for outcome in outcomes) == list(range(50))
    assert all(outcome.result == outcome.job**2 and outcome.error is None for outcome in outcomes)


def test_a_failure_is_an_outcome_and_the_others_still_run(executor: Executor) -> None:
    outcomes = list(executor.map(tenth, [2, 0, 5], never))
    assert {outcome.job: outcome.result for outcome in outcomes} == {2: 5, 0: None, 5: 2}
    assert [type(outcome.error) for outcome in outcomes if outcome.job == 0] == [ZeroDivisionError]


def test_our_errors_come_back_as_they_were(executor: Executor) -> None:
    (outcome,) = executor.map(unreadable, [7], never)
    assert isinstance(outcome.error, SourceError)
    assert str(outcome.error) == "reel-7.mkv: is damaged"


def test_errors_that_cannot_travel_come_back_in_words(executor: Executor) -> None:
    (outcome,) = executor.map(oddly_failing, [7], never)
    assert outcome.error is not None
    assert "8" in str(outcome.error)


def test_no_jobs_give_no_outcomes(executor: Executor) -> None:
    assert list(executor.map(squared, [], never)) == []


def test_messages_of_a_job_arrive_before_its_outcome(executor: Executor) -> None:
    told: dict[int, list[tuple[int, int]]] = {}
    for outcome in executor.map(telling, range(8), never, lambda job, message: told.setdefault(job, []).append(message)):
        assert told[outcome.job] == [(outcome.job, part) for part in range(3)]
    assert sorted(told) == list(range(8))


def test_a_message_arrives_while_its_job_goes_on(executor: Executor, tmp_path: Path) -> None:
    (outcome,) = executor.map(partial(telling_and_waiting, tmp_path), [0], never, lambda *_: (tmp_path / "told").touch())
    assert outcome.result is True


def test_after_a_stop_no_job_begins_and_those_under_way_are_reported(executor: Executor, tmp_path: Path) -> None:
    outcomes = list(executor.map(partial(stopping_at_four, tmp_path), range(1000), (tmp_path / "stop").exists))
    begun = sorted(int(path.name) for path in tmp_path.iterdir() if path.name != "stop")
    assert sorted(outcome.job for outcome in outcomes) == begun
    assert len(begun) < 20


def test_a_running_job_is_asked_to_stop(executor: Executor, tmp_path: Path) -> None:
    (outcome,) = executor.map(partial(waiting_to_be_stopped, tmp_path), [0], (tmp_path / "begun").exists)
    assert outcome.result == "stopped"


def test_jobs_are_drawn_only_as_they_are_needed(executor: Executor) -> None:
    drawn, most_waiting = 0, 0
    finished = 0

    def jobs() -> Iterator[int]:
        nonlocal drawn
        for n in range(200):
            drawn += 1
            yield n

    for _ in executor.map(squared, jobs(), never):
        finished += 1
        most_waiting = max(most_waiting, drawn - finished)
    assert finished == 200
    assert most_waiting <= 6


# Workers that are processes can do one thing more than others: die.


@dataclass(frozen=True)
class Dying:
    """Job 3 kills its worker; the first `times` times."""

    folder: Path
    times: int

    def __call__(self, n: int, context: JobContext) -> int:
        tries = len(list(self.folder.iterdir()))
        if n == 3 and tries < self.times:
            (self.folder / str(tries)).touch()
            os.kill(os.getpid(), signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        return n


@mortal
def test_a_worker_that_dies_is_replaced_and_its_job_done_again(executor: Executor, tmp_path: Path) -> None:
    outcomes = list(executor.map(Dying(tmp_path, 2), range(6), never))
    assert sorted(outcome.job for outcome in outcomes) == list(range(6))
    assert all(outcome.error is None for outcome in outcomes)
    assert {outcome.job: outcome.lost for outcome in outcomes if outcome.lost} == {3: 2}


@mortal
def test_a_job_that_kills_three_workers_fails_and_the_others_are_done(executor: Executor, tmp_path: Path) -> None:
    outcomes = list(executor.map(Dying(tmp_path, 99), range(6), never))
    errors = {outcome.job: outcome.error for outcome in outcomes}
    assert sorted(errors) == list(range(6))
    assert isinstance(errors.pop(3), WorkerLost)
    assert set(errors.values()) == {None}
    assert len(list(tmp_path.iterdir())) == 3


def lingering(folder: Path, n: int, context: JobContext) -> int:
    (folder / f"{os.getpid()}").touch()
    while not context.should_stop():
        time.sleep(0.01)
    (folder / f"{os.getpid()}").unlink()
    return n


@pytest.mark.parametrize("name", parameters(MORTAL))
def test_workers_end_with_the_process_that_started_them(name: str, tmp_path: Path) -> None:
    script = (
        "from functools import partial; from pathlib import Path\n"
        "from batchcolor.executors import EXECUTORS; from tests.contracts.test_executors import lingering, never\n"
        "if __name__ == '__main__':\n"
        f"    with EXECUTORS[{name!r}](2) as executor:\n"
        f"        list(executor.map(partial(lingering, Path({str(tmp_path)!r})), range(2), never))\n"
    )
    file = tmp_path.parent / "driver.py"
    file.write_text(script)
    with subprocess.Popen([sys.executable, file], env={**os.environ, "PYTHONPATH": str(Path.cwd())}) as driver:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        driver.kill()
    while any(psutil.pid_exists(int(path.name)) for path in tmp_path.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
