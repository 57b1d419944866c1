"""Colours that wait on disk until a chunk's pictures are decoded once more."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from ...runtime.write_errors import write_errors


class StoredColours:
    """L and ab of one frame after the other, in a file that ends with this object.

    folder: where it lies; a frame takes a few hundred KiB.
    Raises `OutputError` for `target`, the segment that they are for, where they cannot be written.
    """

    def __init__(self, folder: Path, target: Path) -> None:
        self._target, self._count = target, 0
        with write_errors(target):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def add(self, L: np.ndarray, ab: np.ndarray) -> None:
        with write_errors(self._target):
            np.save(self._file, L, allow_pickle=False)
            np.save(self._file, ab, allow_pickle=False)
        self._count += 1

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(L, ab) of every frame, in the order in which they were added."""
        self._file.seek(0)
        for _ in range(self._count):
            yield np.load(self._file, allow_pickle=False), np.load(self._file, allow_pickle=False)
