"""One run at a time in a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from batchcolor.errors import BusyError


@contextlib.contextmanager
def only_run_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with its process. Raises `BusyError` where another run trains into it."""
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        with lock:
            yield
    except Timeout as exc:
        raise BusyError(f"{folder}: another run is training into it; wait for its end or choose another --output") from exc
