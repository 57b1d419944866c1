"""The file, or files, that a film is read from, and whether they are still what they were."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import SourceError

# DVD-Video: the titles of set nn lie in VTS_nn_1.VOB to VTS_nn_9.VOB, which are one stream, split at 1 GiB; VTS_nn_0.VOB is a menu.
_TITLE = re.compile(r"(VTS_\d\d_)([1-9])(\.VOB)", re.IGNORECASE)
_END_BYTES = 1 << 16


def parts(path: Path) -> tuple[Path, ...]:
    """The files that make up the film `path`: itself, or all files of a DVD title of which it is the first."""
    named = _TITLE.fullmatch(path.name)
    if named is None or named[2] != "1":
        return (path,)
    found = [path]
    for number in range(2, 10):
        following = next((p for p in _spellings(path, named, number) if p.is_file()), None)
        if following is None:
            break
        found.append(following)
    return tuple(found)


def _spellings(path: Path, named: re.Match[str], number: int) -> Sequence[Path]:
    name = f"{named[1]}{number}{named[3]}"
    return [path.with_name(spelling) for spelling in (name, name.upper(), name.lower())]


def is_later_part(path: Path) -> bool:
    """Whether a file belongs to a DVD's disc structure and is no film of its own: a menu, or not the first file of a title."""
    if re.fullmatch(r"(VIDEO_TS|VTS_\d\d_0)\.VOB", path.name, re.IGNORECASE):
        return path.parent.name.upper() == "VIDEO_TS" or path.with_suffix(".IFO").exists()
    named = _TITLE.fullmatch(path.name)
    if named is None or named[2] == "1":
        return False
    return any(spelling.is_file() for spelling in _spellings(path, named, 1))


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """What a source was when it was first looked at. files: size in bytes, time of change in ns, inode, and SHA-256 of both ends of
    each of its files."""

    files: tuple[tuple[int, int, int, str], ...]

    @classmethod
    def of(cls, path: Path) -> SourceIdentity:
        """Raises `SourceError` where the source cannot be read."""
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
