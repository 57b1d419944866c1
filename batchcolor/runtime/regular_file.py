"""Sources are files: a pipe would keep the run waiting for ever, and a device may do anything when it is opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import SourceError

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def require_regular_file(path: Path) -> None:
    """Raises `SourceError` where `path` is there and is no file. Call it before opening what a user has named."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - called for every source
    except (OSError, ValueError):
        return  # opening it says why
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no file")
        raise SourceError(f"{path}: is {kind}; copy what it gives into a file first")
