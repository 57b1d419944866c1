"""Metadata chunks of WebP files (RFC 9649)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from .base import Metadata, Omissions
from .exif import without_thumbnail

_FLAGS = {b"ICCP": 0x20, b"ALPH": 0x10, b"EXIF": 0x08, b"XMP ": 0x04}  # of VP8X
_ALPHA = 0x10
_KNOWN = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"EXIF", b"XMP "}


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of every chunk behind the header."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, size = struct.unpack("<4sI", head)
        content = file.read(size)
        if len(content) < size:
            return
        yield kind, content
        file.seek(size % 2, os.SEEK_CUR)


def read(file: BinaryIO) -> Metadata:
    found = dict(_chunks(file))
    exif = found.get(b"EXIF")
    others = sorted(kind.decode("latin-1").strip() for kind in found.keys() - _KNOWN)
    ignored = (f"WebP chunks ({', '.join(others)})",) if others else ()
    plain = exif.removeprefix(b"Exif\0\0") if exif is not None else None
    return Metadata(plain, xmp=found.get(b"XMP "), ignored=ignored)


def write(pixels: BinaryIO, result: BinaryIO, metadata: Metadata) -> Omissions:
    """Copy the WebP `pixels` to `result`, with `metadata` in place of its own."""
    chunks = [(kind, content) for kind, content in _chunks(pixels) if kind not in (b"EXIF", b"XMP ")]
    if metadata.exif is not None:
        chunks.append((b"EXIF", without_thumbnail(metadata.exif)))
    if metadata.xmp is not None:
        chunks.append((b"XMP ", metadata.xmp))
    body = b"".join(
        kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2) for kind, content in _extended(chunks)
    )
    result.write(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body)
    return Omissions(metadata.dropped_by(iptc=True, comments=True, texts=True, segments=True))


def _extended(chunks: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The chunks of a file, with the VP8X header that metadata requires at their head."""
    flags = 0
    for kind, _ in chunks:
        flags |= _FLAGS.get(kind, 0)
    if chunks[0][0] == b"VP8X":
        header = bytearray(chunks[0][1])
        header[0] = (header[0] & ~(_FLAGS[b"EXIF"] | _FLAGS[b"XMP "])) | flags
        return [(b"VP8X", bytes(header)), *chunks[1:]]
    if not flags:
        return chunks
    width, height, alpha = _canvas(*chunks[0])
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return [(b"VP8X", struct.pack("<I", flags | (_ALPHA if alpha else 0)) + size), *chunks]


def _canvas(kind: bytes, content: bytes) -> tuple[int, int, bool]:
    """(width, height, alpha) of the picture in a VP8L (RFC 9649, 3.4) or VP8 (RFC 6386, 9.1) chunk."""
    if kind == b"VP8L":
        bits = int.from_bytes(content[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = struct.unpack_from("<HH", content, 6)
    return width & 0x3FFF, height & 0x3FFF, False
