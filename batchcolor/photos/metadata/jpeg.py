"""Metadata segments of JPEG files (ISO/IEC 10918-1, annex B; JFIF 1.02; Exif 2.32, 4.7; XMP part 3, 1.1.3; CIPA DC-007 for MPF)."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from ...provenance.xmp import without_attachments
from .base import Metadata, Omissions, size_of
from .exif import without_thumbnail
from .jpeg_structure import APP0, APP1, APP2, APP11, APP13, APP14, COMMENT, SOI, SOS, Segment, parse

_JFIF = b"JFIF\0\x01\x02"
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_MPF, _ICC = b"MPF\0", b"ICC_PROFILE\0"
_MOST = 65533  # bytes in a segment
_APPLICATION = range(0xE0, 0xF0)


@dataclass
class _Found:
    """Collects metadata from a file's segments, in order."""

    exif: list[bytes] = field(default_factory=list)
    xmp: bytes | None = None
    photoshop: bytes = b""
    extension: list[bytes] = field(default_factory=list)
    comments: list[bytes] = field(default_factory=list)
    others: list[tuple[int, bytes]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def add(self, marker: int, body: bytes) -> None:
        if marker == APP1 and body.startswith(_EXIF):
            self._add_exif(body[len(_EXIF) :])
        elif marker == APP1 and body.startswith(_XMP) and self.xmp is None:
            self.xmp = body[len(_XMP) :]
        elif marker == APP1 and body.startswith(_XMP_EXTENSION):
            self.extension.append(body)
        elif marker == APP13 and body.startswith(_PHOTOSHOP):
            self.photoshop += body[len(_PHOTOSHOP) :]
        elif marker == COMMENT:
            self.comments.append(body)
        else:
            self._add_other(marker, body)

    def _add_exif(self, stream: bytes) -> None:
        """A segment without the header of a stream continues the previous one, which was too long for one segment."""
        if self.exif and stream[:4] in (b"II*\0", b"MM\0*"):
            self.ignored.append("a second block of EXIF")
        else:
            self.exif.append(stream)

    def _add_other(self, marker: int, body: bytes) -> None:
        if marker == APP2 and body.startswith(_MPF):
            self.ignored.append("an index of further pictures (MPF)")
        elif marker == APP11:
            self.ignored.append("content credentials or other data about the file's bytes (APP11)")
        elif marker in _APPLICATION and not _describes_pixels(marker, body):
            self.others.append((marker, body))


def read(file: BinaryIO) -> Metadata:
    content = file.read()
    structure = parse(content)
    found = _Found()
    for segment in structure.segments:
        found.add(*segment)
    behind = content[structure.end :].strip(b"\0")
    if behind:
        found.ignored.append(f"{size_of(len(behind))} behind the picture ({_kind_behind(behind)})")
    xmp = found.xmp
    if found.ignored and xmp is not None:
        xmp = without_attachments(xmp)
    return Metadata(
        exif=b"".join(found.exif) if found.exif else None,
        split_exif=len(found.exif) > 1,
        xmp=xmp,
        photoshop=found.photoshop or None,
        xmp_extension=tuple(found.extension),
        segments=tuple(found.others),
        comments=tuple(found.comments),
        ignored=tuple(dict.fromkeys(found.ignored)),
    )


def _describes_pixels(marker: int, body: bytes) -> bool:
    """JFIF and its thumbnail, Adobe's note on the colour transform, profiles: of the source's pixels, not of the result's."""
    is_jfif = marker == APP0 and body.startswith(
        (b"JFIF\0", b"JFXX\0")
    )  # other programs use the marker as well, Canon's CIFF for one
    return is_jfif or marker == APP14 or (marker == APP2 and body.startswith(_ICC))


def _kind_behind(data: bytes) -> str:
    if data[4:8] == b"ftyp" or b"ftypmp4" in data[:4096] or b"MotionPhoto_Data" in data or b"ftypisom" in data[:4096]:
        return "a video"
    return "a further picture" if data.startswith(b"\xff\xd8\xff") else "other data"


def write(pixels: BinaryIO, result: BinaryIO, metadata: Metadata) -> Omissions:
    """Copy the JPEG `pixels` to `result`, with `metadata` in place of its own."""
    left_out = Omissions()
    result.write(bytes([0xFF, SOI]))
    dots = None if metadata.dpi is None else tuple(round(each) for each in metadata.dpi)
    fits = dots is not None and all(0 < each < 65536 for each in dots)
    density = struct.pack(">BHH", *(1, *dots) if dots is not None and fits else (0, 1, 1))
    _write_segment(result, Segment(APP0, _JFIF + density + b"\0\0"))
    remaining = [each for each in _segments(pixels) if each.marker not in (APP0, APP1, APP13, COMMENT)]
    if metadata.exif is not None:
        exif = without_thumbnail(metadata.exif)
        step = _MOST - len(_EXIF)
        if len(exif) > step and not metadata.split_exif:
            left_out.append("EXIF of more than 64 KB")
        else:
            for at in range(0, len(exif), step):
                _write_segment(result, Segment(APP1, _EXIF + exif[at : at + step]))
    if metadata.xmp is not None and len(metadata.xmp) > _MOST - len(_XMP):
        left_out.append("an XMP packet of more than 64 KB")
    elif metadata.xmp is not None:
        _write_segment(result, Segment(APP1, _XMP + metadata.xmp))
        for content in metadata.xmp_extension:
            _write_segment(result, Segment(APP1, content))
    resources = metadata.image_resources or b""
    for at in range(0, len(resources), _MOST - len(_PHOTOSHOP)):
        _write_segment(result, Segment(APP13, _PHOTOSHOP + resources[at : at + _MOST - len(_PHOTOSHOP)]))
    for segment in metadata.segments:
        _write_segment(result, Segment(*segment))
    for comment in metadata.comments:
        _write_segment(result, Segment(COMMENT, comment))
    left_out += metadata.dropped_by(texts=True)
    for segment in remaining:
        _write_segment(result, segment)
    shutil.copyfileobj(pixels, result)
    return left_out


def _segments(file: BinaryIO) -> Iterator[Segment]:
    """The segments of a whole JPEG before its scan; afterwards `file` stands at the marker of the scan."""
    file.seek(2)
    while True:
        place = file.tell()
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] == SOS:
            file.seek(place)
            return
        yield Segment(head[1], file.read(int.from_bytes(head[2:], "big") - 2))


def _write_segment(file: BinaryIO, segment: Segment) -> None:
    file.write(bytes([0xFF, segment.marker]) + (len(segment.content) + 2).to_bytes(2, "big") + segment.content)
