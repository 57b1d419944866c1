"""Writing: whole or not at all, and errors that say what is known of them, no more."""

from __future__ import annotations

import errno
import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from batchcolor.errors import BusyError, OutputError
from batchcolor.runtime import atomic_write as module
from batchcolor.runtime.atomic_write import PREFIX, atomic_write, atomic_write_bytes, remove_leftovers
from batchcolor.runtime.file_lock import file_lock
from batchcolor.runtime.file_stamp import FileStamp, follow
from batchcolor.runtime.write_errors import write_errors


def fail(context: AbstractContextManager[Path | None], error: BaseException) -> None:
    """A body that writes half of what it should, then raises."""
    with context as temporary:
        if temporary is not None:
            temporary.write_bytes(b"half")
        raise error


BODY_ERRORS = [FileNotFoundError(errno.ENOENT, "gone", "source.jpg"), PermissionError(errno.EACCES, "no"), ValueError("odd")]


@pytest.mark.parametrize("error", BODY_ERRORS, ids=lambda error: type(error).__name__)
def test_what_a_body_raises_passes_through_and_leaves_nothing(tmp_path: Path, error: Exception) -> None:
    contexts: list[AbstractContextManager[Path | None]] = [atomic_write(tmp_path / "a.jpg"), file_lock(tmp_path, of=tmp_path)]
    for context in contexts:
        with pytest.raises(type(error)) as caught:
            fail(context, error)
        assert caught.value is error
    assert [path.name for path in tmp_path.iterdir() if path.name != "lock"] == []


def test_an_older_file_stays_where_a_body_fails(tmp_path: Path) -> None:
    atomic_write_bytes(tmp_path / "a", b"old")
    with pytest.raises(ZeroDivisionError):
        fail(atomic_write(tmp_path / "a"), ZeroDivisionError())
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "check the permissions"), (errno.ENOSPC, "free some space"), (errno.EROFS, "read-only"),
        (errno.EIO, "the disk or network share fails"), (errno.ENAMETOOLONG, "choose a shorter one"),
    ],
)  # fmt: skip
def test_sentences_name_permissions_and_space_only_where_it_is_those(tmp_path: Path, number: int, remedy: str) -> None:
    with pytest.raises(OutputError) as caught, write_errors(tmp_path / "a.jpg"):
        raise OSError(number, os.strerror(number))
    assert remedy in str(caught.value)
    assert os.strerror(number) in str(caught.value)
    assert ("permissions" in str(caught.value)) == (number == errno.EACCES)
    assert ("free" in str(caught.value)) == (number == errno.ENOSPC)


def test_a_folder_in_the_place_of_a_file_and_a_file_in_that_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="folder: cannot be written"):
        atomic_write_bytes(tmp_path / "folder", b"x")
    with pytest.raises(OutputError, match="a file has the name of a folder"):
        atomic_write_bytes(tmp_path / "file" / "a", b"x")


def test_a_lock_that_is_held_is_named(tmp_path: Path) -> None:
    with file_lock(tmp_path, of=tmp_path), pytest.raises(BusyError), file_lock(tmp_path, of=tmp_path):
        pass


def test_leftovers_of_this_run_alone_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_run_token", "0123abcd")
    for name in (f"{PREFIX}0123abcd-left.jpg", f"{PREFIX}99999999-other.jpg", "a.jpg"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{PREFIX}99999999-other.jpg", "a.jpg"]


@pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")
def test_results_follow_their_sources_in_time_and_mode(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"x")
    target.write_bytes(b"y")
    source.chmod(0o640)
    os.utime(source, ns=(10**18, 10**18 + 7_000_000_000))
    follow(source, target)
    found = target.stat()
    assert (found.st_mode & 0o777, found.st_mtime_ns) == (0o640, 10**18 + 7_000_000_000)
    assert FileStamp.of(target) == FileStamp(1, 10**18 + 7_000_000_000)
    assert FileStamp.of(tmp_path / "none") is None
