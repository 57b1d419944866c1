"""Metadata, carried from a source to its result byte for byte.

libvips would rewrite EXIF through a library that drops what it does not know, reads no EXIF from TIFF and keeps one page's tags at the
most; so the containers are read and written here, and libvips sees to pixels, profiles and resolution.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ...provenance import Provenance, xmp
from ...provenance.xmp import with_provenance
from . import exif, jpeg, png, tiff, webp
from .base import Metadata, Omissions

__all__ = ["Metadata", "Provenance", "assemble_tiff", "insert", "provenanced", "read_pages", "upright", "write_jpeg"]


class _Container(NamedTuple):
    read: Callable[[BinaryIO], Metadata]
    write: Callable[[BinaryIO, BinaryIO, Metadata], Omissions]


_CONTAINERS = {
    "jpeg": _Container(jpeg.read, jpeg.write),
    "png": _Container(png.read, png.write),
    "webp": _Container(webp.read, webp.write),
}
_MAGIC = {b"\xff\xd8\xff": "jpeg", b"\x89PNG": "png", b"RIFF": "webp"}

assemble_tiff = tiff.assemble


def _container_of(path: Path) -> str | None:
    """jpeg, png, webp or tiff, by the file's first bytes; None: another."""
    with path.open("rb") as file:
        head = file.read(4)
    if head in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def read_pages(path: Path) -> list[Metadata]:
    """The metadata of every page; [] for a container whose metadata libvips carries (AVIF, HEIC, JPEG 2000).

    Raises `ValueError` where it is damaged, `OSError` where the file cannot be read.
    """
    container = _container_of(path)
    if container is None:
        return []
    with path.open("rb") as file:
        return tiff.read(file) if container == "tiff" else [_CONTAINERS[container].read(file)]


def insert(path: Path, metadata: Metadata) -> Omissions:
    """Give the JPEG, PNG or WebP file at `path` this metadata in place of its own. Raises `OSError`."""
    container = _CONTAINERS[_container_of(path) or ""]
    temporary = path.with_name(path.name + "~")
    try:
        with path.open("rb") as pixels, temporary.open("wb") as result:
            left_out = container.write(pixels, result, metadata)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return left_out


def write_jpeg(path: Path, pixels: bytes, metadata: Metadata) -> Omissions:
    """Write the JPEG file `pixels` to `path`, with this metadata in place of its own. Raises `OSError`."""
    with path.open("wb") as result:
        return jpeg.write(io.BytesIO(pixels), result, metadata)


def provenanced(metadata: Metadata, provenance: Provenance | None) -> Metadata:
    """With the provenance in its XMP packet. Raises `ValueError` where the packet is damaged."""
    return metadata if provenance is None else dataclasses.replace(metadata, xmp=with_provenance(metadata.xmp, provenance))


def upright(metadata: Metadata) -> Metadata:
    """Of pixels that their decoder has turned: no orientation is left to be applied."""
    return dataclasses.replace(
        metadata,
        exif=None if metadata.exif is None else exif.without_orientation(metadata.exif),
        xmp=None if metadata.xmp is None else xmp.without_orientation(metadata.xmp),
    )
