"""Lookup tables on disk: computed once, cached in the user's cache folder, shared by all processes."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import zipfile
from collections.abc import Callable
from typing import cast

import numpy as np

from ..errors import BatchcolorError
from .atomic_write import atomic_write
from .cache_dir import cache_root

_making = threading.Lock()  # all threads of a process need the same table at the same time


def cached_array(
    name: str, sample: np.ndarray, place: tuple[int | slice | list[int], ...], make: Callable[[], np.ndarray]
) -> np.ndarray:
    """The array that `make` computes, memory-mapped from the cache if it is there; read-only.

    sample: the values at `place`, computed by the caller. They identify the formula, so that a changed one gets a table of its own, and
    they verify the cached file, which is rebuilt if it is damaged. A cache that cannot be written costs time only.
    """
    key = hashlib.sha256(np.ascontiguousarray(sample).tobytes()).hexdigest()[:16]
    path = cache_root() / "tables" / f"{name}-{key}.npy"
    with _making:
        try:
            table = cast(np.ndarray, np.load(path, mmap_mode="r"))
            if isinstance(table, np.ndarray) and np.array_equal(table[place], sample):  # np.load also opens archives of arrays
                return table
        except (OSError, ValueError, EOFError, IndexError, zipfile.BadZipFile):
            pass
        table = make()
        with contextlib.suppress(OSError, BatchcolorError), atomic_write(path) as temporary:
            np.save(temporary, table)
    return table
