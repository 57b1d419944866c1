"""What a worker process is at, in memory that it shares with the driver: told often, read only when it matters."""

from __future__ import annotations

import ctypes
import pickle
import struct
import time
import zlib
from multiprocessing.context import BaseContext
from typing import Any, NamedTuple

_SLOT_BYTES = 256
_HEADER = struct.Struct("<IH")  # CRC-32 and length of what follows
_READS = 1000  # of a board that is written meanwhile


class Part(NamedTuple):
    """A part of a job (`JobContext.begin_part`). limit_s: how long it may take; begun: when it began, by `time.monotonic`, which is one
    clock for all processes of a machine."""

    what: Any = None
    limit_s: float | None = None
    begun: float = 0.0


class PartBoard:
    """Written by one process, read by another; may be sent to a process when that is started.

    Two slots take turns, and a counter says which of them holds: a process that is killed while it writes leaves the part before.
    """

    def __init__(self, context: BaseContext) -> None:
        self._count = context.RawValue(ctypes.c_uint64, 0)
        self._slots = context.RawArray(ctypes.c_ubyte, 2 * _SLOT_BYTES)

    def write(self, what: Any, limit_s: float | None) -> None:
        """Raises `ValueError` for a part that takes more than 250 bytes."""
        content = pickle.dumps((what, limit_s, time.monotonic()))
        if _HEADER.size + len(content) > _SLOT_BYTES:
            raise ValueError(f"a part of {len(content)} bytes; name it in fewer words")
        entry = _HEADER.pack(zlib.crc32(content), len(content)) + content
        at = (self._count.value + 1) % 2 * _SLOT_BYTES
        memoryview(self._slots).cast("B")[at : at + len(entry)] = entry
        self._count.value += 1

    def read(self) -> Part:
        """The last part that was written; none where the board changes faster than it can be read."""
        for _ in range(_READS):
            count = self._count.value
            if not count:
                return Part()
            at = count % 2 * _SLOT_BYTES
            entry = bytes(memoryview(self._slots).cast("B")[at : at + _SLOT_BYTES])
            crc, length = _HEADER.unpack_from(entry)
            content = entry[_HEADER.size : _HEADER.size + length]
            # It may be overwritten meanwhile, and some processors show the count before the entry that it counts.
            if zlib.crc32(content) == crc:
                return Part(*pickle.loads(content))
        return Part()
