"""SHA-256 of files."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable
from io import BufferedReader

_Path = str | os.PathLike[str]


def file_sha256(path: _Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes. Raises `OSError`, also for what is no regular file: a pipe would be waited for."""
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_sha256(paths: Iterable[_Path]) -> str:
    """As `file_sha256`, of the bytes of several files, one behind the other."""
    digest = hashlib.sha256()
    for path in paths:
        with _opened(path) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _opened(path: _Path) -> BufferedReader:
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - any path-like object will do
        raise OSError(errno.EINVAL, "is no regular file", os.fspath(path))
    return open(path, "rb")  # noqa: PTH123 - as above; the caller closes it
