"""Handing rows to libvips as they are made.

libvips pulls pixels and has no interface for rows that arrive one strip at a time. Its PNG reader, though, reads from a stream, row by
row:
so rows travel as an uncompressed PNG (stored deflate blocks, ISO/IEC 15948) that is never written anywhere. Memory then stays at a few
strips, whatever the picture's size; the checksums cost a few milliseconds a megapixel, so small pictures go through memory instead.
"""

from __future__ import annotations

import itertools
import struct
import sys
import zlib
from collections.abc import Iterable, Iterator

import numpy as np

from ..runtime.libvips import pyvips

_IN_MEMORY_BYTES = 64 << 20
_FORMATS = {np.dtype(np.uint8): "uchar", np.dtype(np.uint16): "ushort"}
_COLOUR_TYPES = {3: 2, 4: 6}  # bands -> PNG colour type: RGB, RGBA


class RowImage:
    """`image`: the rows (uint8 or uint16 `(n, W, 3 or 4)`, together `size` = (height, width)) as one libvips image, readable once.

    An error of `rows` reaches libvips as the end of data; `reraise` raises it.
    """

    def __init__(self, rows: Iterable[np.ndarray], size: tuple[int, int]) -> None:
        blocks = iter(rows)
        first = next(blocks)
        blocks = itertools.chain([first], blocks)
        self._error: Exception | None = None
        if size[0] * size[1] * first.shape[2] * first.itemsize <= _IN_MEMORY_BYTES:
            self._pixels = np.empty((*size, first.shape[2]), first.dtype)  # referenced: libvips reads it without a copy
            top = 0
            for block in blocks:
                self._pixels[top : top + len(block)] = block
                top += len(block)
            height, width, bands = self._pixels.shape
            self.image = pyvips.Image.new_from_memory(self._pixels.data, width, height, bands, _FORMATS[first.dtype])
            return
        self._chunks = _png(blocks, size, first.shape[2], first.dtype)
        self._waiting = b""
        self._source = pyvips.SourceCustom()
        self._source.on_read(self._read)
        # No limits: the reader's guard against forged sizes would stop honest large ones.
        self.image = pyvips.Image.new_from_source(self._source, "", access="sequential", unlimited=True)

    def reraise(self) -> None:
        """Raise what ended the rows early, if anything did."""
        if self._error is not None:
            raise self._error

    def _read(self, size: int) -> bytes:
        try:
            if not self._waiting:
                self._waiting = next(self._chunks, b"")
        except Exception as exc:  # a callback from C must not raise
            self._error = exc
            return b""
        taken, self._waiting = self._waiting[:size], self._waiting[size:]
        return taken


def _png(
    blocks: Iterable[np.ndarray], size: tuple[int, int], bands: int, dtype: np.dtype[np.unsignedinteger]
) -> Iterator[bytes]:
    """The bytes of an uncompressed PNG of `blocks`, piece by piece."""
    height, width = size
    header = struct.pack(">IIBBBBB", width, height, 8 * dtype.itemsize, _COLOUR_TYPES[bands], 0, 0, 0)
    yield b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
    deflate = zlib.compressobj(level=0)
    for block in blocks:
        if dtype.itemsize == 2 and sys.byteorder == "little":
            block = block.byteswap()  # noqa: PLW2901 - PNG is big-endian
        lines = np.zeros((len(block), 1 + width * bands * dtype.itemsize), np.uint8)  # each begins with filter type 0
        lines[:, 1:] = block.reshape(len(block), -1).view(np.uint8)
        packed = deflate.compress(lines.data)
        if packed:
            yield _chunk(b"IDAT", packed)
    yield _chunk(b"IDAT", deflate.flush()) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
