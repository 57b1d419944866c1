"""What a photo says besides its pixels, as every container holds it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metadata:
    """One page's metadata, byte for byte as found. None and (): it has none.

    exif: a TIFF stream (Exif 2.32, 4.5.2); of a TIFF page, all its tags that do not describe the layout of its pixels. xmp: a packet.
    photoshop: image resource blocks (IPTC among them). iptc: IIM records of their own, as TIFF may have them. xmp_extension: further APP1
    segments of a JPEG whose packet is longer than one. comments: of a JPEG, their bytes. texts: a PNG's text and time chunks, whole.
    dpi: pixels an inch, across and down, for JPEG's header; libvips writes those of the others.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    photoshop: bytes | None = None
    iptc: bytes | None = None
    xmp_extension: tuple[bytes, ...] = ()
    comments: tuple[bytes, ...] = ()
    texts: tuple[bytes, ...] = ()
    dpi: tuple[int, int] | None = None

    @property
    def image_resources(self) -> bytes | None:
        """The Photoshop blocks; IIM records that stand alone are wrapped in one (resource 0x0404)."""
        if self.photoshop is not None or self.iptc is None:
            return self.photoshop
        padding = b"\0" * (len(self.iptc) % 2)
        return b"8BIM\x04\x04\0\0" + len(self.iptc).to_bytes(4, "big") + self.iptc + padding


class LeftOut(list[str]):
    """What a container could not hold, each a noun for a warning."""
