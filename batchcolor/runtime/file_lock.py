"""A lock that lets one run at a time use a folder."""

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
from .write_errors import write_error, write_errors


@contextlib.contextmanager
def file_lock(folder: Path, of: Path) -> Iterator[None]:
    """Hold the lock in the existing `folder`. of: the path that it protects, for messages.

    This is the operating system's file lock: it ends with its process, however that ends. The file `holder.json` names the process, for
    messages. Raises `BusyError` if another run holds the lock, `OutputError` if it cannot be created. Errors of the body pass through.
    """
    holder = folder / "holder.json"
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as exc:  # an `OSError`, too
        raise BusyError(f"{of}: {_described(holder)} is working on it; wait until it ends or stop it") from exc
    except OSError as exc:
        raise write_error(folder, exc) from exc
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
