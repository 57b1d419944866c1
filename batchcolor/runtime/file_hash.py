"""SHA-256 of files."""

from __future__ import annotations

import hashlib
import os


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Hexadecimal SHA-256 of a file's bytes. Raises `OSError`."""
    with open(path, "rb") as file:  # noqa: PTH123 - any path-like object will do
        return hashlib.file_digest(file, "sha256").hexdigest()
