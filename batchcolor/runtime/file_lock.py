"""One run at a time in a folder."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import BusyError
from .write_errors import write_errors


@contextlib.contextmanager
def file_lock(folder: Path, of: Path) -> Iterator[None]:
    """Hold the lock that lies in `folder`, a folder that is there. of: what it is the lock of, for the sentence.

    The system's own file lock: it ends with its process, however that ends, so a lock left behind by a dead run is free. Who holds it is
    written beside it, for the sentence. Raises `BusyError` where another run holds it, `OutputError` where it cannot be made. Errors of
    the body pass through.
    """
    holder = folder / "holder.json"
    lock = FileLock(folder / "lock", timeout=0)
    try:
        with write_errors(folder):
            lock.acquire()
    except Timeout as exc:
        raise BusyError(f"{of}: {_described(holder)} is working on it; wait for its end or stop it") from exc
    try:
        facts = {"pid": os.getpid(), "host": platform.node(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        with write_errors(folder):
            holder.write_text(json.dumps(facts), encoding="utf-8")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # the next holder writes its own
                holder.unlink(missing_ok=True)
    finally:
        lock.release()


def _described(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text(encoding="utf-8"))
        return f"another run (process {facts['pid']} on {facts['host']}, since {facts['since']})"
    except (OSError, ValueError, KeyError):
        return "another run"
