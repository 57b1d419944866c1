"""Atomic writes: a file is written under a temporary name in the target's folder, flushed to disk, then renamed."""

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
    """The part that the temporary names of this process and of its workers share."""
    return _run_token


def use_run_token(token: str) -> None:
    """Use the token of another process: workers use their driver's, so that it can remove the files of a killed worker."""
    global _run_token  # noqa: PLW0603 - temporary names belong to the process, and so does this
    _run_token = token


@contextlib.contextmanager
def atomic_write(target: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yields a temporary path with the suffix of `target`; renames it to `target` if the body succeeds, else removes it.

    folder: where the temporary lies, on the target's file system; None: in the target's folder. Creates a missing folder. Raises
    `OutputError` if that cannot be created, or the file not be flushed or renamed; an existing target then stays unchanged. Errors of
    the body pass through: it wraps what it writes in `write_errors`.
    """
    # Without the target's name, which may already be as long as the file system allows.
    temporary = (folder or target.parent) / f"{PREFIX}{_run_token}-{secrets.token_hex(6)}{target.suffix}"
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
    """Write `content` to `target` atomically. Raises `OutputError`."""
    with atomic_write(target) as temporary, write_errors(target):
        temporary.write_bytes(content)


def remove_unfinished() -> None:
    """Remove the temporary files of all threads; for a process that ends without waiting for its threads."""
    for temporary in list(_unfinished):
        _remove_all(temporary.parent, f"{temporary.name}*")  # names of its parts begin with its name


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files of this run's killed workers from `folder`, while no worker writes there."""
    _remove_all(folder, f"{PREFIX}{_run_token}-*")


def _remove_all(folder: Path, pattern: str) -> None:
    with contextlib.suppress(OSError):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
