"""The file, or files, that a film is read from, and whether they are still what they were."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import SourceError
from ...film_files import parts
from ...runtime.regular_file import require_regular_file

_END_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """The identity of a source at its first access. files: size in bytes, time of change in ns, inode, and SHA-256 of both ends of
    each of its files."""

    files: tuple[tuple[int, int, int, str], ...]

    @classmethod
    def of(cls, path: Path) -> SourceIdentity:
        """Raises `SourceError` where the source cannot be read."""
        require_regular_file(path)
        try:
            return cls(tuple(_identity(part) for part in parts(path)))
        except OSError as exc:
            raise SourceError(
                f"{path}: cannot be read ({exc.strerror or exc}); check that it exists and its permissions"
            ) from exc

    def check(self, path: Path) -> None:
        """Raises `SourceError` where the source is another one by now."""
        if SourceIdentity.of(path) != self:
            raise SourceError(f"{path}: has changed while it was being colorized; run again once nothing writes to it")


def _identity(path: Path) -> tuple[int, int, int, str]:
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        ends = file.read(_END_BYTES)
        if found.st_size > _END_BYTES:
            file.seek(max(_END_BYTES, found.st_size - _END_BYTES))
            ends += file.read(_END_BYTES)
    return found.st_size, found.st_mtime_ns, found.st_ino, hashlib.sha256(ends).hexdigest()


class JoinedFiles(io.RawIOBase):
    """Several files, read as one; opened for reading only."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [path.open("rb") for path in paths]
        sizes = [path.stat().st_size for path in paths]
        self._starts = [sum(sizes[:n]) for n in range(len(sizes) + 1)]
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            size = self._starts[-1] - self._position
        read = b""
        for file, start, end in zip(self._files, self._starts, self._starts[1:], strict=False):
            if size > len(read) and start <= self._position < end:
                file.seek(self._position - start)
                got = file.read(min(size - len(read), end - self._position))
                read += got
                self._position += len(got)
        return read

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1]}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()
