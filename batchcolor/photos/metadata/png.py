"""Metadata chunks of PNG files (ISO/IEC 15948; eXIf: PNG extensions 1.5; XMP part 3, 1.1.5)."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from .base import Metadata, Omissions, size_of
from .exif import without_thumbnail

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP = b"XML:com.adobe.xmp\0"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"tIME")
_RESOLUTION = b"pHYs"
# Chunks that are the pixels, or say what their numbers mean: the result has its own.
_OF_PIXELS = (
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi", b"sBIT", b"tRNS",
    b"acTL", b"fcTL", b"fdAT", b"CgBI", b"iDOT", _RESOLUTION,
)  # fmt: skip
_MOST = 64 << 20  # a text longer than this is an attack, not a text


class _Chunk(NamedTuple):
    kind: bytes
    content: bytes

    def encoded(self) -> bytes:
        checksum = zlib.crc32(self.content, zlib.crc32(self.kind))
        return struct.pack(">I", len(self.content)) + self.kind + self.content + struct.pack(">I", checksum)


def _chunks(file: BinaryIO, *, pixels: bool) -> Iterator[_Chunk]:
    """Chunks up to IEND, pixels (IDAT) passed over; or, without `pixels`, those before the first IDAT, where `file` then stands."""
    file.seek(len(_SIGNATURE))
    while True:
        place = file.tell()
        head = file.read(8)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head)
        if kind == b"IDAT" and not pixels:
            file.seek(place)
            return
        if kind == b"IDAT" or size > _MOST:
            file.seek(size + 4, 1)
            continue
        yield _Chunk(kind, file.read(size))
        file.seek(4, 1)


def read(file: BinaryIO) -> Metadata:
    exif = xmp = None
    texts, others = [], []
    for chunk in _chunks(file, pixels=True):
        if chunk.kind == b"eXIf":
            exif = chunk.content
        elif chunk.kind == b"iTXt" and chunk.content.startswith(_XMP):
            xmp = _itxt_text(chunk.content)
        elif chunk.kind in _TEXTS or (_may_be_copied(chunk) and chunk.kind not in _OF_PIXELS):
            texts.append(chunk.encoded())
        elif chunk.kind not in _OF_PIXELS:
            others.append(chunk.kind.decode("latin-1"))
        if chunk.kind == b"IEND":
            file.seek(4, 1)
            break
    behind = len(file.read().strip(b"\0"))
    ignored = [f"PNG chunks ({', '.join(sorted(set(others)))})"] if others else []
    ignored += [f"{size_of(behind)} behind the picture"] if behind else []
    return Metadata(exif, xmp=xmp, texts=tuple(texts), ignored=tuple(ignored))


def _may_be_copied(chunk: _Chunk) -> bool:
    """Whether the chunk itself says that it stays true whatever happens to the pixels (ISO/IEC 15948, 5.4: safe to copy)."""
    return bool(chunk.kind[3] & 0x20)


def _itxt_text(content: bytes) -> bytes | None:
    """The text of an iTXt chunk: keyword, compression flag and method, language, translated keyword, text."""
    _, _, rest = content.partition(b"\0")
    compressed, (_, _, text) = rest[:1] == b"\1", (*rest[2:].split(b"\0", 2), b"", b"", b"")[:3]
    if not compressed:
        return text
    try:
        return zlib.decompressobj().decompress(text, _MOST)
    except zlib.error:
        return None


def write(pixels: BinaryIO, result: BinaryIO, metadata: Metadata) -> Omissions:
    """Copy the PNG `pixels` to `result`, with `metadata` in place of its own."""
    result.write(_SIGNATURE)
    for chunk in _chunks(pixels, pixels=False):
        unwanted = chunk.kind == b"eXIf" or chunk.kind in _TEXTS or (chunk.kind == _RESOLUTION and metadata.dpi is None)
        if not unwanted:
            result.write(chunk.encoded())
    if metadata.exif is not None:
        result.write(_Chunk(b"eXIf", without_thumbnail(metadata.exif)).encoded())
    if metadata.xmp is not None:
        result.write(_Chunk(b"iTXt", _XMP + b"\0\0\0\0" + metadata.xmp).encoded())
    for comment in metadata.comments:
        result.write(_Chunk(b"tEXt", b"Comment\0" + comment.replace(b"\0", b" ")).encoded())
    for text in metadata.texts:
        result.write(text)
    shutil.copyfileobj(pixels, result)
    return Omissions(metadata.dropped_by(iptc=True, segments=True))
