"""Metadata of TIFF files, page by page, and putting pages together (TIFF 6.0; BigTIFF).

libvips writes the pixels of a page and a few tags; here the page gets every tag that its source had and that does not describe the
layout of pixels. A new directory goes to the end of the file, so the pixels stay where they are.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from .base import Metadata, Omissions
from .exif import LONG, LONG8, Directory, Entry, Layout, append_directory, directories, read_header

_XMP, _IPTC, _PHOTOSHOP, _ICC = 700, 33723, 34377, 34675
_STRIP_OFFSETS, _TILE_OFFSETS = 273, 324
_PHOTOSHOP_LAYERS = 37724  # layers of the gray picture, which Photoshop would show instead of the result
# Tags that describe how pixels are laid out or what their numbers mean: those of the result hold, never the source's.
_LAYOUT = frozenset(
    [
        *range(255, 260), *range(262, 267), _STRIP_OFFSETS, *range(277, 282), 284, *range(288, 294), 301, *range(317, 324), _TILE_OFFSETS,
        *range(325, 331), *range(332, 348), 351, *range(512, 522), *range(529, 533), _ICC, _PHOTOSHOP_LAYERS,
    ]
)  # fmt: skip
_BLOBS = (_XMP, _IPTC, _PHOTOSHOP)
_NAMED = {  # of those, what is more than a description of pixels
    330: "further pictures (SubIFDs)",
    _PHOTOSHOP_LAYERS: "Photoshop's layers",
    301: "a transfer function",
    318: "a white point",
    319: "chromaticities of primaries",
}
_CLASSIC = Layout("<", big=False)
_RESOLUTION = {282, 283}
_NO_RESOLUTION = {282: Entry(5, b"\1\0\0\0\1\0\0\0"), 283: Entry(5, b"\1\0\0\0\1\0\0\0"), 296: Entry.of_integers(3, 1)}


def read(file: BinaryIO) -> list[Metadata]:
    """One for each page. Raises `ValueError` where the directories are damaged."""
    return [_metadata_of(directory) for directory in directories(file)]


def _metadata_of(page: Directory) -> Metadata:
    values = {tag: page.entries[tag].value for tag in _BLOBS if tag in page.entries}
    remaining = {tag: entry for tag, entry in page.entries.items() if tag not in _LAYOUT and tag not in _BLOBS}
    stream = io.BytesIO()
    stream.write(b"II*\0" + bytes(4))
    place = append_directory(stream, Directory(remaining, page.children), _CLASSIC)
    stream.seek(4)
    stream.write(_CLASSIC.pack(place))
    return Metadata(
        exif=stream.getvalue(),
        xmp=values.get(_XMP),
        photoshop=values.get(_PHOTOSHOP),
        iptc=values.get(_IPTC),
        ignored=tuple(_ignored(page)),
    )


def _ignored(page: Directory) -> Iterator[str]:
    for tag, what in _NAMED.items():
        if tag in page.entries:
            yield what
    damaged = page.damaged + sum(child.damaged for child in page.children.values())
    if damaged:
        yield f"{damaged} damaged tags" if damaged > 1 else "a damaged tag"


def assemble(pages: Sequence[tuple[Path, Metadata]], result: Path) -> Omissions:
    """Join one-page TIFFs, all in one layout of numbers, into `result` (the first page's file, or a new one), each with its metadata."""
    first, _ = pages[0]
    if first != result:
        shutil.copyfile(first, result)
    with result.open("r+b") as file:
        layout, _ = read_header(file)
        link = 8 if layout.big else 4  # where the place of the next directory is to be written
        for number, (path, metadata) in enumerate(pages):
            with path.open("rb") as page:
                (pixels,) = directories(page)
                base = _append_file(file, page) if number else 0
            place = append_directory(file, _merged(pixels, metadata, base, layout), layout)
            end = file.seek(0, os.SEEK_END)
            file.seek(link)
            file.write(layout.pack(place))
            link = end - len(layout.pack(0))
    lost = (what for _, metadata in pages for what in metadata.dropped_by(comments=True, texts=True, segments=True))
    return Omissions(dict.fromkeys(lost))


def _append_file(file: BinaryIO, page: BinaryIO) -> int:
    """Copy the whole of `page` to the end of `file`; returns where it begins."""
    base = file.seek(0, os.SEEK_END)
    if base % 2:
        base += file.write(b"\0")
    page.seek(0)
    shutil.copyfileobj(page, file, 1 << 20)
    return base


def _merged(pixels: Directory, metadata: Metadata, base: int, layout: Layout) -> Directory:
    """The directory of a page whose pixels lie `base` bytes behind where `pixels` has them."""
    carried = _carried(metadata.exif)
    entries = {**pixels.entries, **{tag: entry for tag, entry in carried.entries.items() if tag not in _LAYOUT}}
    if metadata.dpi is None and not _RESOLUTION & carried.entries.keys():
        entries |= _NO_RESOLUTION
    for tag in _BLOBS:
        entries.pop(tag, None)
    for tag in (_STRIP_OFFSETS, _TILE_OFFSETS):
        if tag in entries and base:
            places = (place + base for place in entries[tag].integers())
            entries[tag] = Entry.of_integers(LONG8 if layout.big else LONG, *places)
    for tag, value in ((_XMP, metadata.xmp), (_IPTC, metadata.iptc), (_PHOTOSHOP, metadata.photoshop)):
        if value is not None:
            entries[tag] = Entry(7 if tag == _PHOTOSHOP else 1, value)
    return Directory(entries, carried.children)


def _carried(exif: bytes | None) -> Directory:
    """The first directory of an EXIF stream; an empty one where there is none or it is damaged."""
    try:
        return next(directories(io.BytesIO(exif)), Directory()) if exif is not None else Directory()
    except ValueError:
        return Directory()
