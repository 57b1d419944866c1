"""The markers of a JPEG (ISO/IEC 10918-1, annex B): its segments, where its picture ends, and how well it was encoded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

SOI, EOI, SOS, DQT, APP0, APP1, APP2, APP11, APP13, APP14, COMMENT = (
    0xD8, 0xD9, 0xDA, 0xDB, 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE, 0xFE,
)  # fmt: skip
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # neither stuffed bytes nor restarts
_IS_MARKER = np.array([_MARKER.fullmatch(bytes([0xFF, code])) is not None for code in range(256)])
_NEAR = 64  # bytes within which the next segment begins, but for a scan's data
# Annex K.1's table of luminance, whose scale is the quality setting of the IJG's encoder; in zigzag order.
_LUMINANCE = np.array([
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
    56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101,
    103, 99,
])  # fmt: skip


class Segment(NamedTuple):
    """A marker segment: its marker's second byte, and what follows its length."""

    marker: int
    content: bytes


@dataclass(frozen=True)
class JpegStructure:
    """segments: those before the first scan. has_scan: whether there is one. end: where the picture ends, behind its EOI; ends: whether
    it has one."""

    segments: tuple[Segment, ...]
    has_scan: bool
    end: int
    ends: bool

    @cached_property
    def quality(self) -> int | None:
        """The quality, 1..100, at which the IJG's encoder makes a table of luminance like this one's; None: there is no table."""
        for marker, content in self.segments:
            if marker == DQT and content and content[0] & 15 == 0:
                deep = content[0] >> 4
                table = np.frombuffer(content[1 : 1 + 64 * (1 + deep)], ">u2" if deep else "u1").astype(np.float64)
                if len(table) < 64:
                    return None
                scale = float((table * 100 / _LUMINANCE).mean())
                quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
                return int(np.clip(round(quality), 1, 100))
        return None


def next_marker(content: bytes, at: int) -> tuple[int, int] | None:
    """The first marker from a position on, its second byte, and where it ends: decoders pass over bytes between segments."""
    near = _MARKER.search(content, at, at + _NEAR)
    if near is not None:
        return near[1][0], near.end()
    # In the data of a scan, which numpy searches ten times as fast.
    data = np.frombuffer(content, np.uint8)[at:]
    places = np.flatnonzero(data[:-1] == 0xFF)
    codes = data[places + 1]
    found = np.flatnonzero(_IS_MARKER[codes])
    if not len(found):
        return None
    return int(codes[found[0]]), at + int(places[found[0]]) + 2


def parse(content: bytes) -> JpegStructure:
    """The structure of a file; of a damaged one, as far as it goes."""
    segments: list[Segment] = []
    at, has_scan = 2, False
    while True:
        found = next_marker(content, at)
        if found is None:
            return JpegStructure(tuple(segments), has_scan, len(content), ends=False)
        marker, at = found
        if marker == EOI:
            return JpegStructure(tuple(segments), has_scan, at, ends=True)
        if marker in (0x01, SOI):
            continue
        size = int.from_bytes(content[at : at + 2], "big")
        if not has_scan and marker != SOS:
            if size < 2:  # no segment is that short: damage
                return JpegStructure(tuple(segments), has_scan, len(content), ends=False)
            segments.append(Segment(marker, content[at + 2 : at + size]))
        has_scan |= marker == SOS
        at += max(size, 2)
