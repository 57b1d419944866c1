"""XMP in MP4 and QuickTime files: a box at the top level, of a UUID of its own (Adobe XMP specification, part 3, 2.3.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_MOST = 1 << 24  # bytes of a packet; no camera writes as much


def read_xmp(path: Path) -> bytes | None:
    """The file's XMP packet; None where it has none, or is no MP4. Raises `OSError`."""
    with path.open("rb") as file:
        for kind, start, size in _boxes(file):
            if kind == b"uuid" and 16 < size < _MOST:
                file.seek(start)
                content = file.read(size)
                if content[:16] == _XMP:
                    return content[16:]
    return None


def append_xmp(path: Path, packet: bytes) -> None:
    """Append the packet to a finished MP4 or QuickTime file. Raises `OSError`."""
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 24 + len(packet), b"uuid") + _XMP + packet)


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """(type, place of the content, its size) of each box at the top level, as long as sizes make sense (ISO/IEC 14496-12, 4.2)."""
    end = file.seek(0, 2)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            large = file.read(8)
            if len(large) < 8:
                return
            size, head = int.from_bytes(large, "big"), 16
        size = size or end - at
        if size < head or at + size > end:
            return
        yield kind, at + head, size - head
        at += size
