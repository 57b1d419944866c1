"""A photo's metadata, independent of its container."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metadata:
    """One page's metadata, byte for byte as found. None and (): it has none.

    exif: a TIFF stream (Exif 2.32, 4.5.2); of a TIFF page, all its tags that do not describe the layout of its pixels; split_exif: a JPEG
    has it in several segments, as it is too long for one. xmp: a packet. photoshop: image resource blocks (IPTC among them). iptc: IIM
    records of their own, as TIFF may have them. xmp_extension: further APP1 segments of a JPEG whose packet is longer than one. segments:
    others of a JPEG that do not describe its pixels, (marker, content). comments: of a JPEG, their bytes. texts: a PNG's chunks of text
    and time, and others that may be copied, whole. dpi: pixels an inch, across and down, as it is to be written; None: not at all.
    ignored: what the reader found and does not carry, nouns for a warning. Thumbnails, which show the picture as it was, and what
    describes the pixels of the source are neither carried nor named.
    """

    exif: bytes | None = None
    split_exif: bool = False
    xmp: bytes | None = None
    photoshop: bytes | None = None
    iptc: bytes | None = None
    xmp_extension: tuple[bytes, ...] = ()
    segments: tuple[tuple[int, bytes], ...] = ()
    comments: tuple[bytes, ...] = ()
    texts: tuple[bytes, ...] = ()
    dpi: tuple[float, float] | None = None
    ignored: tuple[str, ...] = ()

    @property
    def image_resources(self) -> bytes | None:
        """The Photoshop blocks; IIM records that stand alone are wrapped in one (resource 0x0404)."""
        if self.photoshop is not None or self.iptc is None:
            return self.photoshop
        padding = b"\0" * (len(self.iptc) % 2)
        return b"8BIM\x04\x04\0\0" + len(self.iptc).to_bytes(4, "big") + self.iptc + padding

    def dropped_by(
        self, *, iptc: bool = False, comments: bool = False, texts: bool = False, segments: bool = False
    ) -> list[str]:
        """Of the kinds that a container cannot hold, those that are there."""
        found = {
            "IPTC": iptc and self.image_resources is not None,
            "a comment": comments and bool(self.comments),
            "PNG text": texts and bool(self.texts),
            "XMP of more than 64 KB": segments and bool(self.xmp_extension),
            "JPEG segments of other programs": segments and bool(self.segments),
        }
        return [what for what, is_lost in found.items() if is_lost]


class Omissions(list[str]):
    """Metadata that a container could not hold, as nouns for a warning."""


def size_of(count: int) -> str:
    """A number of bytes, for people."""
    for unit, size in (("MB", 1_000_000), ("KB", 1000)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
