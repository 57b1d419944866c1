"""An output tree between runs: what is left alone, and what is removed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from batchcolor.archive.outcome import Outcome, Status
from batchcolor.archive.output_tree import Redo, open_tree
from batchcolor.archive.plan import Item, Plan
from batchcolor.archive.walk import Kind
from batchcolor.films.chunks.segments import work_folder_path
from batchcolor.runtime.atomic_write import PREFIX


@pytest.fixture
def film(tmp_path: Path) -> Item:
    source, target = tmp_path / "in" / "reel.mkv", tmp_path / "out" / "reel.mkv"
    source.parent.mkdir()
    source.write_bytes(b"frames")
    return Item(source, target, Kind.FILM)


def work_of(film: Item) -> Path:
    """A work folder, as a run leaves it that was stopped."""
    with open_tree(film.target.parent, "lite") as tree:
        tree.select([film], Redo())
    folder = work_folder_path(film.target)
    folder.mkdir()
    (folder / "recipe").touch()
    return folder


def test_the_work_folder_of_a_film_that_left_the_archive_is_removed(film: Item) -> None:
    folder = work_of(film)
    with open_tree(film.target.parent, "lite"):
        assert folder.exists()
    film.source.unlink()
    with open_tree(film.target.parent, "lite"):
        assert not folder.exists()


def test_the_work_folder_stays_while_the_archive_is_not_mounted(film: Item) -> None:
    folder = work_of(film)
    shutil.rmtree(film.source.parent)
    with open_tree(film.target.parent, "lite"):
        assert folder.exists()


def test_a_result_that_somebody_changed_is_named_and_stays_until_it_is_forced(tmp_path: Path) -> None:
    item = Item(tmp_path / "in.jpg", tmp_path / "out" / "in.jpg", Kind.PHOTO)
    item.source.write_bytes(b"source")
    with open_tree(tmp_path / "out", "lite") as tree:
        tree.select([item], Redo())
        item.target.write_bytes(b"result")
        tree.record(Outcome(item.source, item.target, item.kind, Status.DONE))
    item.target.write_bytes(b"result, retouched")
    with open_tree(tmp_path / "out", "lite") as tree:
        selection = tree.select([item], Redo())
        assert (selection.todo, selection.edited) == ((), (item,))
        assert selection.plan(Plan((item,), ())).notes == (
            f"{item.target}: was changed since it was made, and stays as it is; --force makes it anew",
        )
        assert [each for each, _ in tree.select([item], Redo(force=True)).todo] == [item]


def interrupted(output: Path) -> None:
    with open_tree(output, "lite"):
        (output / f"{PREFIX}0-half.jpg").touch()
        raise KeyboardInterrupt


def test_an_interrupted_run_leaves_no_unfinished_files(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".batchcolor"]
