"""Results appear whole or not at all: written beside their final name, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from .write_errors import write_errors

PREFIX = ".batchcolor-"
_unfinished: set[Path] = set()
_run_token = secrets.token_hex(4)


def run_token() -> str:
    """What the temporary names of this process, and of its workers, have in common."""
    return _run_token


def use_run_token(token: str) -> None:
    """Take the token of another process: a worker that of its driver, which can then remove what a killed worker leaves behind."""
    global _run_token  # noqa: PLW0603 - temporary names belong to the process, and so does this
    _run_token = token


@contextlib.contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """A name beside `target`, with its suffix, to write to; renamed to `target` if the body ends well, removed if not.

    The folder is made where it is missing. Raises `OutputError` where the folder cannot be made, or the file not flushed or renamed; an
    older file under the final name then stays as it is. Errors of the body pass through: it wraps what it writes in `write_errors`.
    """
    # Not the target's whole name: that may already be as long as the file system allows.
    temporary = target.with_name(f"{PREFIX}{_run_token}-{secrets.token_hex(6)}{target.suffix}")
    with write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    _unfinished.add(temporary)
    try:
        yield temporary
        with write_errors(target):
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)


def atomic_write_bytes(target: Path, content: bytes) -> None:
    """Write a whole file, as `atomic_write` does. Raises `OutputError`."""
    with atomic_write(target) as temporary, write_errors(target):
        temporary.write_bytes(content)


def remove_unfinished() -> None:
    """Remove everything that is being written, by any thread; for a process that is about to end without waiting for them."""
    for temporary in list(_unfinished):
        _remove_all(temporary.parent, f"{temporary.name}*")  # parts of it have names that begin with its own


def remove_leftovers(folder: Path) -> None:
    """Remove what killed workers of this run left in `folder`, when none is at work there."""
    _remove_all(folder, f"{PREFIX}{_run_token}-*")


def _remove_all(folder: Path, pattern: str) -> None:
    with contextlib.suppress(OSError):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
