"""Films of a run: some at once, each with one outcome, and all of them stopped when the run is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from batchcolor.archive.film_jobs import FilmWork, film_outcomes
from batchcolor.archive.outcome import Outcome, Status
from batchcolor.archive.plan import Item
from batchcolor.archive.walk import Kind
from batchcolor.errors import ClusterError
from batchcolor.executors import SerialExecutor, local_executors
from batchcolor.films import FilmProgress
from batchcolor.settings import ModelSettings

ITEMS = [Item(Path(f"{n}.mp4"), Path(f"out/{n}.mp4"), Kind.FILM) for n in range(6)]


@dataclass(frozen=True)
class Meeting(FilmWork):
    """Films that are finished only together with as many others as `parties` says; `endless` ones when they are stopped."""

    meeting: threading.Barrier = field(default_factory=lambda: threading.Barrier(1))
    endless: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    def __call__(
        self, item: Item, should_stop: Callable[[], bool], on_progress: Callable[[FilmProgress], None] | None
    ) -> Outcome | None:
        self.meeting.wait(20)
        if on_progress is not None:
            on_progress(FilmProgress(1, 2))
        if item.source.name in self.lost:
            raise ClusterError("the cluster is gone")
        while item.source.name in self.endless:
            if should_stop():
                return None
        return Outcome(item.source, item.target, item.kind, Status.DONE)


def work(parties: int, **more: tuple[str, ...]) -> Meeting:
    return Meeting(ModelSettings(), "", SerialExecutor(), meeting=threading.Barrier(parties), **more)


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_so_many_films_are_in_progress_at_once(at_once: int) -> None:
    told: list[tuple[str, int]] = []

    def on_progress(item: Item, _: FilmProgress) -> None:
        told.append((item.source.name, threading.get_ident()))

    outcomes = list(film_outcomes(ITEMS, work(at_once), at_once, lambda: False, on_progress))
    assert sorted(outcome.source for outcome in outcomes) == [item.source for item in ITEMS]
    assert sorted(told) == [(item.source.name, threading.get_ident()) for item in ITEMS]


def test_a_caller_that_ends_early_stops_films_in_progress() -> None:
    outcomes = film_outcomes(ITEMS, work(2, endless=("1.mp4", "2.mp4")), 2, lambda: False, None)
    assert next(outcomes).source == ITEMS[0].source
    outcomes.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("film")]


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_film_begins_after_a_stop(at_once: int) -> None:
    outcomes = []
    for outcome in film_outcomes(ITEMS, work(1), at_once, lambda: len(outcomes) >= 2, None):
        outcomes.append(outcome)
    assert 2 <= len(outcomes) <= 2 + at_once


def test_a_lost_cluster_ends_the_run() -> None:
    with pytest.raises(ClusterError):
        list(film_outcomes(ITEMS, work(2, lost=("0.mp4",), endless=("1.mp4",)), 2, lambda: False, None))


def test_films_share_the_workers_of_a_machine() -> None:
    assert local_executors(1).films_at_once == 1
    assert local_executors(2).films_at_once == 2
