"""With --wait-stable, files that are still being written are left to the next run, photos and films alike."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pyvips

from batchcolor.app import Events, run_archive
from batchcolor.archive.item_settings import ItemSettings
from batchcolor.archive.plan import Item
from batchcolor.archive.stability import still_changing
from batchcolor.archive.walk import Kind
from batchcolor.settings import ModelSettings, RunOptions, Settings
from tests.films.made import Made, make_film
from tests.support import gradient, results


@contextmanager
def growing(*paths: Path) -> Iterator[None]:
    """Files to which another thread adds bytes for as long as the context is open."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for path in paths:
                with path.open("ab") as file:
                    file.write(b"\0")
            stop.wait(0.05)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def item(path: Path, kind: Kind = Kind.PHOTO) -> Item:
    return Item(path, path.with_name("out") / path.name, kind)


def test_only_what_changes_meanwhile_is_left_out(tmp_path: Path) -> None:
    photo, film, still = (tmp_path / name for name in ("a.png", "reel.mkv", "b.png"))
    for path in (photo, film, still):
        path.write_bytes(b"x")
    items = [item(photo), item(film, Kind.FILM), item(still), item(tmp_path / "gone.png")]
    with growing(photo, film):
        assert still_changing(items, 0.5, lambda: False) == {items[0], items[1]}


def test_files_that_have_been_there_for_long_cost_no_time(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    started = time.monotonic()
    assert still_changing([item(tmp_path / "a.png")], 30, lambda: False, now=lambda: time.time() + 60) == set()
    assert time.monotonic() - started < 5


@pytest.mark.skipif(os.name != "posix", reason="Windows has no time of the last change of an entry")
def test_a_copy_with_an_old_time_is_young_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    os.utime(path, (1, 1))

    def grown() -> bool:
        path.write_bytes(b"xx")
        os.utime(path, (1, 1))
        return False

    assert still_changing([item(path)], 0.3, grown) == {item(path)}


def test_a_stop_ends_the_wait(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    started = time.monotonic()
    still_changing([item(tmp_path / "a.png")], 60, lambda: True)
    assert time.monotonic() - started < 5


def test_the_next_run_does_what_was_left(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "in").mkdir()
    pyvips.Image.new_from_array(gradient(40, 50)).copy(interpretation="b-w").pngsave(str(tmp_path / "in" / "a.png"))
    film = make_film(tmp_path / "in" / "reel.mkv", Made(pts=range(0, 200, 40)))
    settings = ItemSettings(Settings(model=ModelSettings(weights=str(weights), device="cpu")))
    said: list[str] = []

    class Told(Events):
        def noticed(self, sentence: str) -> None:
            said.append(sentence)

    def run() -> tuple[int, int, int]:
        summary = run_archive([tmp_path / "in"], tmp_path / "out", settings, RunOptions(jobs=1, wait_stable=0.5), events=Told())
        return summary.counts["done"], summary.left, int(summary.exit_code)

    with growing(film):
        assert run() == (1, 1, 0)
    assert said == [f"{film}: is still being written and is left to the next run"]
    assert results(tmp_path / "out") == ["a.png"]
    assert run() == (1, 0, 0)
    assert results(tmp_path / "out") == ["a.png", "reel.mkv"]
