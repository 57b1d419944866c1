"""The heap of this process."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
_LARGE_BYTES = 1 << 20


def return_large_blocks() -> None:
    """From now on, memory of 1 MiB or more goes back to the system as soon as it is freed; no effect but with glibc.

    Left to itself, glibc keeps ever larger blocks for later, between others that are in use: a fifth more memory where pictures have
    tens of megabytes, which take far longer to compute than to be given fresh memory.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (TypeError, OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
