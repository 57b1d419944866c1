"""Results appear whole or not at all: written beside their final name, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from .errors import OutputError

PREFIX = ".batchcolor-"
_under_way: set[Path] = set()


@contextlib.contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """A name beside `target`, with its suffix, to write to; renamed to `target` if the body ends well, removed if not.

    The folder is made where it is missing. Raises `OutputError` for whatever the file system refuses; an older file under the final
    name then stays as it is. Other errors of the body pass through.
    """
    # Not the target's whole name: that may already be as long as the file system allows.
    aside = target.with_name(f"{PREFIX}{secrets.token_hex(8)}{target.suffix}")
    _under_way.add(aside)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(target)
    except OSError as exc:
        raise OutputError(
            f"{target}: cannot be written ({exc.strerror or exc}); check the folder, its permissions and free space"
        ) from exc
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        _under_way.discard(aside)


def abandon_all() -> None:
    """Remove everything that is being written, by any thread; for a process that is about to end without waiting for them."""
    for aside in list(_under_way):
        with contextlib.suppress(OSError):
            for path in aside.parent.glob(f"{aside.name}*"):  # parts of it have names that begin with its own
                path.unlink(missing_ok=True)
