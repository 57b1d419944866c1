"""Workers fit into the memory that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchcolor import app, executors
from batchcolor.films.input.probe import probe
from batchcolor.films.memory import film_bytes
from batchcolor.runtime import memory_budget, thread_budget
from batchcolor.runtime.memory_budget import available_bytes, workers_that_fit
from batchcolor.settings import FilmSettings
from tests.films.made import Made, make_film


def test_the_container_s_limit_counts_where_it_is_less(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable:    8000000 kB\n")
    assert available_bytes(tmp_path / "meminfo", tmp_path) == 8_000_000 << 10
    (tmp_path / "memory.max").write_text("max\n")
    assert available_bytes(tmp_path / "meminfo", tmp_path) == 8_000_000 << 10
    (tmp_path / "memory.max").write_text(f"{3 << 30}\n")
    (tmp_path / "memory.current").write_text(f"{1 << 30}\n")
    assert available_bytes(tmp_path / "meminfo", tmp_path) == 2 << 30
    assert available_bytes(tmp_path / "none", tmp_path / "none") is None


@pytest.mark.parametrize(("most", "available", "workers"), [(8, None, 8), (8, 64 << 30, 8), (8, 2 << 30, 4), (8, 1 << 20, 1)])
def test_as_many_workers_as_fit(most: int, available: int | None, workers: int) -> None:
    assert workers_that_fit(most, available, 500 << 20) == workers


class Opened(Exception):
    """Raised instead of starting workers; has their number."""


@pytest.mark.parametrize("jobs", [None, 7])
def test_runs_and_single_films_have_as_many_workers_as_fit_unless_jobs_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int | None
) -> None:
    def opened(workers: int) -> None:
        raise Opened(workers)

    monkeypatch.setattr(executors, "local_executors", opened)
    monkeypatch.setattr(thread_budget, "cores", lambda: 8)
    film = make_film(tmp_path / "in" / "reel.mkv", Made(pts=(0, 40)))
    make_film(tmp_path / "in" / "small.mkv", Made(width=64, height=32, pts=(0, 40)))
    monkeypatch.setattr(memory_budget, "available_bytes", lambda: 4 * film_bytes(probe(film), FilmSettings()))
    with pytest.raises(Opened) as caught:
        app.colorize_film(film, tmp_path / "out.mkv", jobs=jobs)
    assert caught.value.args == (jobs or 4,)
    with pytest.raises(Opened) as caught:
        app.run_archive([film.parent], tmp_path / "out", options=app.RunOptions(jobs=jobs))
    assert caught.value.args == (jobs or 4,)
