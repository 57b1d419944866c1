"""The executor contract, over every executor (add one to `EXECUTORS` and it is tested)."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from batchcolor.executors import EXECUTORS, Executor


@pytest.fixture(params=sorted(EXECUTORS))
def executor(request: pytest.FixtureRequest) -> Executor:
    return EXECUTORS[request.param](3)


def never() -> bool:
    return False


def test_every_job_has_exactly_one_outcome(executor: Executor) -> None:
    outcomes = list(executor.map(lambda n: n * n, range(50), never))
    assert sorted(outcome.job for outcome in outcomes) == list(range(50))
    assert all(outcome.result == outcome.job**2 and outcome.error is None for outcome in outcomes)


def test_a_failure_is_an_outcome_and_the_others_still_run(executor: Executor) -> None:
    outcomes = list(executor.map(lambda n: 10 // n, [2, 0, 5], never))
    assert {outcome.job: outcome.result for outcome in outcomes} == {2: 5, 0: None, 5: 2}
    assert [type(outcome.error) for outcome in outcomes if outcome.job == 0] == [ZeroDivisionError]


def test_no_jobs_give_no_outcomes(executor: Executor) -> None:
    assert list(executor.map(str, [], never)) == []


def test_after_a_stop_no_job_begins_and_those_under_way_are_reported(executor: Executor) -> None:
    stop, begun = threading.Event(), []

    def work(n: int) -> int:
        begun.append(n)
        if n == 4:
            stop.set()
        return n

    outcomes = list(executor.map(work, range(1000), stop.is_set))
    assert sorted(outcome.job for outcome in outcomes) == sorted(begun)
    assert len(begun) < 20


def test_jobs_are_drawn_only_as_they_are_needed(executor: Executor) -> None:
    drawn, most_waiting = 0, 0
    finished = 0

    def jobs() -> Iterator[int]:
        nonlocal drawn
        for n in range(200):
            drawn += 1
            yield n

    for _ in executor.map(lambda n: n, jobs(), never):
        finished += 1
        most_waiting = max(most_waiting, drawn - finished)
    assert finished == 200
    assert most_waiting <= 6
