"""Sizes, times and modes of files: how it is seen that one has been changed or replaced, and results that follow their sources."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileStamp:
    """size: bytes; mtime_ns: time of the last change, in ns since 1970."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileStamp | None:
        """None where there is no such file."""
        try:
            found = os.stat(path)  # noqa: PTH116 - called for every file of an archive, and Path takes twice as long
        except OSError:
            return None
        return cls(found.st_size, found.st_mtime_ns)

    @classmethod
    def of_all(cls, paths: Iterable[Path]) -> FileStamp | None:
        """Of files that are one source together: their size in all, and the last change of any. None where one is missing."""
        stamps = [cls.of(path) for path in paths]
        there = [stamp for stamp in stamps if stamp is not None]
        if not there or len(there) < len(stamps):
            return None
        return cls(sum(stamp.size for stamp in there), max(stamp.mtime_ns for stamp in there))


def follow(source: Path, target: Path) -> None:
    """Give `target` the time of the last change and the mode of `source`, as far as its file system has them."""
    with contextlib.suppress(OSError):
        found = source.stat()
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
        if os.name == "posix":  # elsewhere a file that is read-only could not be replaced
            target.chmod(stat.S_IMODE(found.st_mode) & 0o777)
