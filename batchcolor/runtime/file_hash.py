"""SHA-256 of files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Hexadecimal SHA-256 of a file's bytes. Raises `OSError`."""
    with open(path, "rb") as file:  # noqa: PTH123 - any path-like object will do
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_sha256(paths: Iterable[str | os.PathLike[str]]) -> str:
    """Hexadecimal SHA-256 of the bytes of several files, one behind the other. Raises `OSError`."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:  # noqa: PTH123 - any path-like object will do
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
