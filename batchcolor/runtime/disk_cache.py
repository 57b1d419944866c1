"""Tables that take a second to compute, kept in the user's cache and shared by all processes."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable
from typing import cast

import numpy as np

from ..errors import BatchcolorError
from .atomic_write import atomic_write
from .cache_dir import cache_root

_making = threading.Lock()  # all threads of a process want the same table at once


def cached_array(
    name: str, sample: np.ndarray, place: tuple[int | slice | list[int], ...], make: Callable[[], np.ndarray]
) -> np.ndarray:
    """What `make` gives, read-only, from the cache where it is there.

    sample: some of its values, those at `place`, computed anew each time, so that a formula that changed is a table of its own, and one
    that does not have them, of a disk that was cut off from its power, say, is made again. A cache that cannot be written to only costs
    time.
    """
    key = hashlib.sha256(np.ascontiguousarray(sample).tobytes()).hexdigest()[:16]
    path = cache_root() / "tables" / f"{name}-{key}.npy"
    with _making:
        try:
            table = cast(np.ndarray, np.load(path, mmap_mode="r"))
            if np.array_equal(table[place], sample):
                return table
        except (OSError, ValueError, EOFError, IndexError):
            pass
        table = make()
        with contextlib.suppress(OSError, BatchcolorError), atomic_write(path) as temporary:
            np.save(temporary, table)
    return table
