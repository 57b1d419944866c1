"""Tables that take a second to compute, kept in the user's cache and shared by all processes."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from typing import cast

import numpy as np

from .aside import written_aside
from .errors import BatchcolorError
from .weights.store import cache_root


def kept(name: str, sample: np.ndarray, make: Callable[[], np.ndarray]) -> np.ndarray:
    """What `make` gives, read-only, from the cache where it is there.

    sample: some of its values, computed anew each time, so that a formula that changed is a table of its own. Damaged files are made
    again; a cache that cannot be written to only costs time.
    """
    key = hashlib.sha256(np.ascontiguousarray(sample).tobytes()).hexdigest()[:16]
    path = cache_root() / "tables" / f"{name}-{key}.npy"
    try:
        return cast(np.ndarray, np.load(path, mmap_mode="r"))
    except (OSError, ValueError, EOFError):
        table = make()
    with contextlib.suppress(OSError, BatchcolorError), written_aside(path) as aside:
        np.save(aside, table)
    return table
