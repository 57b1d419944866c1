"""Results appear whole or not at all: written beside their final name, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ..errors import OutputError

PREFIX = ".batchcolor-"
_unfinished: set[Path] = set()


@contextlib.contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """A name beside `target`, with its suffix, to write to; renamed to `target` if the body ends well, removed if not.

    The folder is made where it is missing. Raises `OutputError` for whatever the file system refuses; an older file under the final
    name then stays as it is. Other errors of the body pass through.
    """
    # Not the target's whole name: that may already be as long as the file system allows.
    temporary = target.with_name(f"{PREFIX}{secrets.token_hex(8)}{target.suffix}")
    _unfinished.add(temporary)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as exc:
        raise OutputError(
            f"{target}: cannot be written ({exc.strerror or exc}); check the folder, its permissions and free space"
        ) from exc
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)


def remove_unfinished() -> None:
    """Remove everything that is being written, by any thread; for a process that is about to end without waiting for them."""
    for temporary in list(_unfinished):
        with contextlib.suppress(OSError):
            for path in temporary.parent.glob(f"{temporary.name}*"):  # parts of it have names that begin with its own
                path.unlink(missing_ok=True)
