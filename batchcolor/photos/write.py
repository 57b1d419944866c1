"""Writing photos with libvips: pages of pixels, in a source's format and depth, and their metadata after them."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..color.tone import OriginalColors
from ..color.upsampling import ChromaMap, refined
from ..errors import OutputError
from ..runtime.libvips import pyvips
from ..runtime.write_errors import write_error, write_errors
from . import jpeg
from .merge import ColorRegions, merge
from .metadata import Metadata, assemble_tiff, insert, write_jpeg
from .planes import Planes, colored_planes
from .read import PhotoInfo, PhotoRows
from .stream import RowImage

_FULL_CHROMA_FROM = 95  # of JPEG's qualities; the network's chroma is coarser than half, so what is lost below cannot be seen
_QUALITY = 92  # the default
_NO_ENCODER = re.compile(r"unsupported|no (?:encoder|such operation)|not (?:supported|configured)|not found", re.IGNORECASE)
_BIG_TIFF_BYTES = (
    2**32 - 2**24
)  # of pixels: larger files, which could exceed the 4 GB of a classic TIFF, are written as BigTIFF


def _jpeg(image: pyvips.Image, path: str, quality: int) -> None:
    _save_jpeg(image, path, quality, "off" if quality >= 90 else "on")


def _jpeg_halved(image: pyvips.Image, path: str, quality: int) -> None:
    _save_jpeg(image, path, quality, "on")


def _save_jpeg(image: pyvips.Image, path: str, quality: int, subsample_mode: str) -> None:
    if image.hasalpha():
        image = image.flatten(background=[65535 if image.format == "ushort" else 255])
    # Optimized Huffman tables would take 4 % off the file and cost more time than all else about a photo.
    image.jpegsave(path, Q=quality, subsample_mode=subsample_mode)


def _png(image: pyvips.Image, path: str, _quality: int) -> None:
    image.pngsave(path)


# Level 3 takes two thirds to five sixths of the usual 6's time, and up to one percent more space.
_DEFLATE = {"compression": "deflate", "predictor": "horizontal", "level": 3}


def _tiff(image: pyvips.Image, path: str, _quality: int) -> None:
    image.tiffsave(path, **_DEFLATE)


def _big_tiff(image: pyvips.Image, path: str, _quality: int) -> None:
    image.tiffsave(path, **_DEFLATE, bigtiff=True)


def _webp(image: pyvips.Image, path: str, quality: int) -> None:
    image.webpsave(path, Q=quality, exact=True)  # transparent pixels keep their values


def _webp_lossless(image: pyvips.Image, path: str, _quality: int) -> None:
    image.webpsave(path, lossless=True, exact=True)


def _heif(compression: str) -> Callable[[pyvips.Image, str, int], None]:
    def save(image: pyvips.Image, path: str, quality: int) -> None:
        # 12 bits are the most that the format has.
        bits = 12 if image.format == "ushort" else 8
        image.heifsave(path, Q=quality, compression=compression, bitdepth=bits, effort=3, subsample_mode="off")

    return save


def _jpeg2000(image: pyvips.Image, path: str, quality: int) -> None:
    image.jp2ksave(path, Q=quality)


class Encoder(NamedTuple):
    """save: by libvips, with the quality 1..100. deep: whether 16 bits stay. carries: whether libvips writes the metadata, too. pages:
    whether there may be several. alpha: whether transparency stays."""

    save: Callable[[pyvips.Image, str, int], None]
    deep: bool = False
    carries: bool = False
    pages: bool = False
    alpha: bool = True


_JPEG, _JPEG_HALVED, _WEBP, _WEBP_LOSSLESS, _TIFF, _BIG_TIFF = (
    Encoder(_jpeg, alpha=False),
    Encoder(_jpeg_halved, alpha=False),
    Encoder(_webp),
    Encoder(_webp_lossless),
    Encoder(_tiff, deep=True, pages=True),
    Encoder(_big_tiff, deep=True, pages=True),
)
# To add a format, add its suffixes here and in `suffixes.PHOTO_SUFFIXES`.
ENCODERS: dict[str, Encoder] = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), _JPEG),
    **dict.fromkeys((".tif", ".tiff"), _TIFF),
    ".png": Encoder(_png, deep=True),
    ".webp": _WEBP,
    ".avif": Encoder(_heif("av1"), deep=True, carries=True),
    **dict.fromkeys((".heic", ".heif"), Encoder(_heif("hevc"), deep=True, carries=True)),
    **dict.fromkeys((".jp2", ".j2k", ".jpx"), Encoder(_jpeg2000, deep=True, carries=True)),
}


class StoredColorRegions(NamedTuple):
    """Places that keep their own colours. places: a map in the stored layout, whose offsets they are."""

    colors: OriginalColors
    places: ChromaMap


class Page(NamedTuple):
    """One page to write. rows: the source's; resolution is kept, and a profile becomes sRGB's. chroma: in their layout; None: they
    keep their own colours. own: places that keep them all the same."""

    rows: PhotoRows
    chroma: ChromaMap | None
    metadata: Metadata
    own: StoredColorRegions | None = None


def encoder_of(suffix: str) -> Encoder:
    """Raises `OutputError` for a suffix that no photo is written with."""
    if suffix.lower() not in ENCODERS:
        raise OutputError(f"{suffix}: not a format that photos are written in; use {', '.join(sorted(ENCODERS))}")
    return ENCODERS[suffix.lower()]


def result_depth(info: PhotoInfo, suffix: str) -> int:
    """Bits a sample of the result: the source's, where the format can hold them. Raises `OutputError` for an unknown suffix."""
    return info.depth if encoder_of(suffix).deep else 8


def write(pages: Iterable[Page], samples: int, temporary: Path, target: Path, *, quality: int | None) -> Sequence[str]:
    """Encode pages to `temporary`, in the format of `target`'s suffix; returns what the format could not hold, in words.

    Pages are drawn one by one; several only for a format that has them. samples: bytes of all their pixels. quality: 1..100; None: as
    good as the source, and 92 at least. Raises `OutputError` that names `target`; errors of the rows pass through.
    """
    encoder = encoder_of(target.suffix)
    if encoder.pages:
        return _write_pages(pages, samples, temporary, target)
    (page,) = pages
    info = page.rows.info
    lost = ["transparency"] if info.alpha and not encoder.alpha else []
    lost += [] if encoder.deep or info.depth == 8 else ["more than 8 bits a sample"]
    if encoder is _WEBP and quality is None and info.lossless:
        encoder = _WEBP_LOSSLESS
    quality = max(_QUALITY, info.quality or 0) if quality is None else quality
    if encoder is _JPEG:
        halved = page.chroma is not None and page.own is None and quality < _FULL_CHROMA_FROM
        gray = None if page.chroma is None or page.own is not None else page.rows.gray()
        if gray is not None and page.chroma is not None:
            return lost + _write_planes(colored_planes(gray, page.chroma, halved=halved), page, temporary, target, quality)
        encoder = _JPEG_HALVED if halved else _JPEG
    _write_pixels(page, encoder, temporary, target, quality)
    if encoder.carries:
        return lost + page.metadata.dropped_by(iptc=True, comments=True, texts=True, segments=True)
    with write_errors(target):
        return lost + insert(temporary, page.metadata)


def _write_pages(pages: Iterable[Page], samples: int, temporary: Path, target: Path) -> Sequence[str]:
    """A TIFF of pages, each encoded to a file of its own first."""
    encoder = _BIG_TIFF if samples > _BIG_TIFF_BYTES else _TIFF
    parts: list[tuple[Path, Metadata]] = []
    try:
        for number, page in enumerate(pages):
            part = temporary if number == 0 else temporary.with_name(f"{temporary.name}~{number}")
            parts.append((part, page.metadata))
            _write_pixels(page, encoder, part, target, _QUALITY)
        with write_errors(target):
            return assemble_tiff(parts, temporary)
    finally:
        for part, _ in parts[1:]:
            part.unlink(missing_ok=True)


def _write_planes(planes: Planes, page: Page, path: Path, target: Path, quality: int) -> list[str]:
    try:
        made = jpeg.encode(planes, quality, page.rows.profile)
    except ValueError as exc:
        raise OutputError(
            f"{target}: is too large for JPEG, which holds 65,500 pixels a side; choose another --format"
        ) from exc
    with write_errors(target):
        return write_jpeg(path, made, page.metadata)


def _write_pixels(page: Page, encoder: Encoder, path: Path, target: Path, quality: int) -> None:
    info = page.rows.info
    chroma = None if page.chroma is None else refined(page.chroma, info.height, info.width)
    own = None if page.own is None else ColorRegions(page.own.colors, refined(page.own.places, info.height, info.width))
    whole = RowImage(merge(page.rows, chroma, own), (info.height, info.width))
    try:
        encoder.save(_described(whole.image, page, encoder), str(path), quality)
    except (pyvips.Error, AttributeError) as exc:
        whole.reraise()
        if isinstance(exc, AttributeError) or _NO_ENCODER.search(str(exc)):  # AttributeError: this libvips was built without it
            raise OutputError(f"{target}: this libvips writes no {target.suffix}; choose another --format") from exc
        reason = (str(exc).strip().splitlines() or ["unknown"])[-1].strip()
        raise _save_error(target, reason) from exc
    whole.reraise()


def _save_error(target: Path, reason: str) -> OutputError:
    """libvips has words alone for what the system refuses."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EIO, errno.ENOENT):
        if os.strerror(number).lower() in reason.lower():
            return write_error(target, OSError(number, os.strerror(number)))
    return OutputError(f"{target}: cannot be written ({reason}); choose another --format")


def _described(image: pyvips.Image, page: Page, encoder: Encoder) -> pyvips.Image:
    image = image.copy(interpretation="rgb16" if image.format == "ushort" else "srgb")
    if page.rows.resolution is not None:
        image = image.copy(xres=page.rows.resolution[0], yres=page.rows.resolution[1])
        like = page.rows.image
        unit = like.get("resolution-unit") if like.get_typeof("resolution-unit") else "in"
        image.set_type(pyvips.GValue.gstr_type, "resolution-unit", unit)
    if page.rows.profile is not None:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", page.rows.profile)
    if encoder.carries:
        _carried_by_libvips(image, page.metadata)
    return image


def _carried_by_libvips(image: pyvips.Image, metadata: Metadata) -> None:
    if metadata.exif is not None:
        image.set_type(pyvips.GValue.blob_type, "exif-data", b"Exif\0\0" + metadata.exif)
    if metadata.xmp is not None:
        image.set_type(pyvips.GValue.blob_type, "xmp-data", metadata.xmp)
