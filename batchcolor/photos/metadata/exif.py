"""TIFF directories: the tags of TIFF files, and EXIF, which is a small TIFF file without pixels.

TIFF 6.0 (Adobe, 1992), BigTIFF (AWare Systems, 2007), Exif 2.32 (CIPA DC-008). Values are kept as bytes, little-endian, whatever the
file's own order; so directories of any two files can be mixed.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

EXIF, GPS, INTEROPERABILITY = 34665, 34853, 40965  # tags whose value is the place of another directory
CHILDREN = (EXIF, GPS, INTEROPERABILITY)

LONG, LONG8 = 4, 16
# type -> (bytes of a value, bytes of its words, which the byte order turns)
_TYPES = {
    1: (1, 1), 2: (1, 1), 3: (2, 2), 4: (4, 4), 5: (8, 4), 6: (1, 1), 7: (1, 1), 8: (2, 2), 9: (4, 4), 10: (8, 4), 11: (4, 4),
    12: (8, 8), 13: (4, 4), 16: (8, 8), 17: (8, 8), 18: (8, 8),
}  # fmt: skip
_INTEGERS = {3: "H", LONG: "I", 13: "I", LONG8: "Q"}
_MOST_ENTRIES = 4096
# XMP, IPTC, Photoshop, ICC: streams of bytes, whatever type a writer has given them (IPTC is LONG in many files), so never turned.
_BYTES = frozenset([700, 33723, 34377, 34675])
_ORIENTATION = 274


class Entry(NamedTuple):
    """A tag's value. type: of TIFF; value: little-endian bytes."""

    type: int
    value: bytes

    def values(self) -> int:
        """How many values there are."""
        return len(self.value) // _TYPES[self.type][0]

    def integers(self) -> tuple[int, ...]:
        """The values of a SHORT, LONG or LONG8."""
        return struct.unpack(f"<{self.values()}{_INTEGERS[self.type]}", self.value)

    @classmethod
    def of_integers(cls, kind: int, *values: int) -> Entry:
        return cls(kind, struct.pack(f"<{len(values)}{_INTEGERS[kind]}", *values))


@dataclass
class Directory:
    """Tags and the directories below (EXIF, GPS, interoperability). damaged: how many tags lead nowhere."""

    entries: dict[int, Entry] = field(default_factory=dict)
    children: dict[int, Directory] = field(default_factory=dict)
    damaged: int = 0


class Layout(NamedTuple):
    """How a file writes numbers. order: `<` or `>`; big: BigTIFF."""

    order: str
    big: bool

    def pack(self, *offsets: int) -> bytes:
        return struct.pack(f"{self.order}{len(offsets)}{'Q' if self.big else 'I'}", *offsets)


def read_header(file: BinaryIO) -> tuple[Layout, int]:
    """The layout and the place of the first directory. Raises `ValueError` for anything but TIFF."""
    file.seek(0)
    head = file.read(16)
    orders = {b"II": "<", b"MM": ">"}
    if len(head) < 8 or head[:2] not in orders:
        raise ValueError("no TIFF header")
    order = orders[head[:2]]
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    if version == 43 and len(head) == 16:
        return Layout(order, True), struct.unpack_from(f"{order}Q", head, 8)[0]
    if version == 42:
        return Layout(order, False), struct.unpack_from(f"{order}I", head, 4)[0]
    raise ValueError("no TIFF header")


def directories(file: BinaryIO) -> Iterator[Directory]:
    """Every page's directory, in the order of the chain. Raises `ValueError` where the file is no TIFF or its chain is broken."""
    layout, place = read_header(file)
    visited: set[int] = set()
    while place and place not in visited:
        visited.add(place)
        directory, place = _read(file, layout, place)
        yield directory


def _read(file: BinaryIO, layout: Layout, place: int, depth: int = 0) -> tuple[Directory, int]:
    """The directory at `place` and where the next one lies (0: nowhere). Values that lie outside the file are left out."""
    file.seek(place)
    count_size, entry_size, inline = (8, 20, 8) if layout.big else (2, 12, 4)
    (count,) = _unpack(layout.order + ("Q" if layout.big else "H"), file.read(count_size))
    if not 0 < count <= _MOST_ENTRIES:
        raise ValueError("a directory of tags is damaged")
    table = file.read(count * entry_size)
    (following,) = _unpack(layout.order + ("Q" if layout.big else "I"), file.read(inline).ljust(inline, b"\0"))
    directory = Directory()
    for at in range(0, len(table) - entry_size + 1, entry_size):
        tag, kind = struct.unpack_from(f"{layout.order}HH", table, at)
        (number,) = struct.unpack_from(layout.order + ("Q" if layout.big else "I"), table, at + 4)
        if kind not in _TYPES:
            directory.damaged += 1
            continue
        size, word = _TYPES[kind]
        value_at = at + entry_size - inline
        if number * size <= inline:
            raw = table[value_at : value_at + number * size]
        else:
            file.seek(struct.unpack_from(layout.order + ("Q" if layout.big else "I"), table, value_at)[0])
            raw = file.read(number * size)
            if len(raw) < number * size:
                directory.damaged += 1
                continue
        entry = Entry(kind, raw if layout.order == "<" or tag in _BYTES else _turned(raw, word))
        if tag in CHILDREN and depth < 2:
            try:
                directory.children[tag], _ = _read(file, layout, entry.integers()[0], depth + 1)
            except (ValueError, KeyError, IndexError, OverflowError):
                directory.damaged += 1  # a pointer into nowhere: there is nothing to keep
        else:
            directory.entries[tag] = entry
    return directory, following


def _unpack(form: str, data: bytes) -> tuple[int, ...]:
    try:
        return struct.unpack(form, data)
    except struct.error as exc:
        raise ValueError("a directory of tags is cut off") from exc


def _turned(raw: bytes, word: int) -> bytes:
    """Every word of `raw` in the other byte order."""
    return raw if word == 1 else b"".join(raw[at : at + word][::-1] for at in range(0, len(raw), word))


def append_directory(file: BinaryIO, directory: Directory, layout: Layout) -> int:
    """Write `directory` and those below it at the end of `file`; returns its offset. The caller writes the pointer to it."""
    pointers = {tag: append_directory(file, child, layout) for tag, child in directory.children.items()}
    kind = LONG8 if layout.big else LONG
    entries = directory.entries | {tag: Entry.of_integers(kind, place) for tag, place in pointers.items()}
    inline = 8 if layout.big else 4
    table = struct.pack(layout.order + ("Q" if layout.big else "H"), len(entries))
    for tag, entry in sorted(entries.items()):
        as_is = layout.order == "<" or tag in _BYTES
        raw = entry.value if as_is else _turned(entry.value, _TYPES[entry.type][1])
        if len(raw) > inline:
            raw = layout.pack(_append(file, raw))
        table += struct.pack(f"{layout.order}HH", tag, entry.type) + layout.pack(entry.values()) + raw.ljust(inline, b"\0")
    return _append(file, table + layout.pack(0))


def _append(file: BinaryIO, data: bytes) -> int:
    """Write `data` at the end, on an even place (TIFF 6.0, section 2); returns the place."""
    place = file.seek(0, 2)
    if place % 2:
        file.write(b"\0")
        place += 1
    file.write(data)
    return place


def without_thumbnail(exif: bytes) -> bytes:
    """The stream with its second directory, the thumbnail, unlinked: it shows the gray picture. Anything but EXIF is returned
    unchanged."""
    try:
        layout, place = read_header(io.BytesIO(exif))
        if layout.big:
            return exif
        (count,) = struct.unpack_from(f"{layout.order}H", exif, place)
        link = place + 2 + 12 * count
        return exif if link + 4 > len(exif) else exif[:link] + bytes(4) + exif[link + 4 :]
    except (ValueError, struct.error):
        return exif


def without_orientation(exif: bytes) -> bytes:
    """The stream with its orientation, where it has one, set to upright: for pixels that have been turned already."""
    try:
        layout, place = read_header(io.BytesIO(exif))
        (count,) = struct.unpack_from(f"{layout.order}H", exif, place)
        for at in range(place + 2, place + 2 + 12 * count, 12):
            if struct.unpack_from(f"{layout.order}H", exif, at)[0] == _ORIENTATION:
                return exif[: at + 8] + struct.pack(f"{layout.order}HH", 1, 0) + exif[at + 12 :]
    except (ValueError, struct.error):
        pass
    return exif
