"""Metadata segments of JPEG files (ISO/IEC 10918-1, annex B; JFIF 1.02; Exif 2.32, 4.7; XMP part 3, 1.1.3)."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from .base import LeftOut, Metadata
from .exif import without_thumbnail

_JFIF = b"JFIF\0\x01\x02"
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_SOI, _SOS, _APP0, _APP1, _APP13, _COMMENT = 0xD8, 0xDA, 0xE0, 0xE1, 0xED, 0xFE
_MOST = 65533  # bytes in a segment


class _Segment(NamedTuple):
    marker: int
    content: bytes


def _segments(file: BinaryIO) -> Iterator[_Segment]:
    """The segments before the scan; afterwards `file` stands at the marker of the first one that was not given."""
    file.seek(2)
    while True:
        place = file.tell()
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            file.seek(place)
            return
        if head[1] == 0xFF:  # fill bytes
            file.seek(place + 1)
            continue
        if head[1] == _SOS:
            file.seek(place)
            return
        size = int.from_bytes(head[2:], "big")
        if size < 2:  # no segment is that short: damage
            return
        yield _Segment(head[1], file.read(size - 2))


def read(file: BinaryIO) -> Metadata:
    exif = xmp = None
    photoshop, extension, comments = b"", [], []
    for marker, content in _segments(file):
        if marker == _APP1 and content.startswith(_EXIF) and exif is None:
            exif = content[len(_EXIF) :]
        elif marker == _APP1 and content.startswith(_XMP) and xmp is None:
            xmp = content[len(_XMP) :]
        elif marker == _APP1 and content.startswith(_XMP_EXTENSION):
            extension.append(content)
        elif marker == _APP13 and content.startswith(_PHOTOSHOP):
            photoshop += content[len(_PHOTOSHOP) :]
        elif marker == _COMMENT:
            comments.append(content)
    return Metadata(exif, xmp, photoshop or None, None, tuple(extension), tuple(comments))


def write(pixels: BinaryIO, result: BinaryIO, metadata: Metadata) -> LeftOut:
    """Copy the JPEG `pixels` to `result`, with `metadata` in place of its own."""
    left_out = LeftOut()
    result.write(bytes([0xFF, _SOI]))
    density = struct.pack(">BHH", *(0, 1, 1) if metadata.dpi is None else (1, *metadata.dpi))
    _write_segment(result, _Segment(_APP0, _JFIF + density + b"\0\0"))
    kept = [each for each in _segments(pixels) if each.marker not in (_APP0, _APP1, _APP13, _COMMENT)]
    if metadata.exif is not None and len(metadata.exif) > _MOST - len(_EXIF):
        left_out.append("EXIF of more than 64 KB")
    elif metadata.exif is not None:
        _write_segment(result, _Segment(_APP1, _EXIF + without_thumbnail(metadata.exif)))
    if metadata.xmp is not None and len(metadata.xmp) > _MOST - len(_XMP):
        left_out.append("an XMP packet of more than 64 KB")
    elif metadata.xmp is not None:
        _write_segment(result, _Segment(_APP1, _XMP + metadata.xmp))
        for content in metadata.xmp_extension:
            _write_segment(result, _Segment(_APP1, content))
    resources = metadata.image_resources or b""
    for at in range(0, len(resources), _MOST - len(_PHOTOSHOP)):
        _write_segment(result, _Segment(_APP13, _PHOTOSHOP + resources[at : at + _MOST - len(_PHOTOSHOP)]))
    for comment in metadata.comments:
        _write_segment(result, _Segment(_COMMENT, comment))
    if metadata.texts:
        left_out.append("PNG text")
    for segment in kept:
        _write_segment(result, segment)
    shutil.copyfileobj(pixels, result)
    return left_out


def _write_segment(file: BinaryIO, segment: _Segment) -> None:
    file.write(bytes([0xFF, segment.marker]) + (len(segment.content) + 2).to_bytes(2, "big") + segment.content)
