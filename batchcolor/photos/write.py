"""Writing photos with libvips: pages of pixels, in a source's format and depth, and their metadata after them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..color.upsampling import ChromaMap, refined
from ..errors import OutputError
from ..runtime.libvips import pyvips
from . import jpeg
from .merge import merge
from .metadata import Metadata, assemble_tiff, insert, write_jpeg
from .planes import Planes, colored_planes
from .read import PhotoInfo, PhotoRows
from .stream import RowImage

_FULL_CHROMA_FROM = 95  # of JPEG's qualities; the network's chroma is coarser than half, so what is lost below cannot be seen
_BIG_TIFF_BYTES = 2**32 - 2**24  # of pixels: what could pass the 4 GB of a classic TIFF is written as BigTIFF


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
    image.webpsave(path, Q=quality)


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


_JPEG, _JPEG_HALVED, _TIFF, _BIG_TIFF = (
    Encoder(_jpeg, alpha=False),
    Encoder(_jpeg_halved, alpha=False),
    Encoder(_tiff, deep=True, pages=True),
    Encoder(_big_tiff, deep=True, pages=True),
)
# To add a format, add its suffixes here and in `suffixes.PHOTO_SUFFIXES`.
ENCODERS: dict[str, Encoder] = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), _JPEG),
    **dict.fromkeys((".tif", ".tiff"), _TIFF),
    ".png": Encoder(_png, deep=True),
    ".webp": Encoder(_webp),
    ".avif": Encoder(_heif("av1"), deep=True, carries=True),
    **dict.fromkeys((".heic", ".heif"), Encoder(_heif("hevc"), deep=True, carries=True)),
    **dict.fromkeys((".jp2", ".j2k", ".jpx"), Encoder(_jpeg2000, deep=True, carries=True)),
}


class Page(NamedTuple):
    """One page to write. rows: the source's; resolution is kept, and a profile becomes sRGB's. chroma: in their layout; None: they
    keep their own colours."""

    rows: PhotoRows
    chroma: ChromaMap | None
    metadata: Metadata


def encoder_of(suffix: str) -> Encoder:
    """Raises `OutputError` for a suffix that no photo is written with."""
    if suffix.lower() not in ENCODERS:
        raise OutputError(f"{suffix}: not a format that photos are written in; use {', '.join(sorted(ENCODERS))}")
    return ENCODERS[suffix.lower()]


def result_depth(info: PhotoInfo, suffix: str) -> int:
    """Bits a sample of the result: the source's, where the format can hold them. Raises `OutputError` for an unknown suffix."""
    return info.depth if encoder_of(suffix).deep else 8


def write(pages: Iterable[Page], samples: int, temporary: Path, target: Path, *, quality: int) -> Sequence[str]:
    """Encode pages to `temporary`, in the format of `target`'s suffix; returns what the format could not hold, in words.

    Pages are drawn one by one; several only for a format that has them. samples: bytes of all their pixels. Raises `OutputError` that
    names `target`; errors of the rows pass through.
    """
    encoder = encoder_of(target.suffix)
    if not encoder.pages:
        (page,) = pages
        if encoder is _JPEG:
            page = page._replace(metadata=dataclasses.replace(page.metadata, dpi=_dpi(page.rows.image)))
            halved = page.chroma is not None and quality < _FULL_CHROMA_FROM
            gray = None if page.chroma is None else page.rows.gray()
            if gray is not None and page.chroma is not None:
                return _write_planes(colored_planes(gray, page.chroma, halved=halved), page, temporary, target, quality)
            encoder = _JPEG_HALVED if halved else _JPEG
        _write_pixels(page, encoder, temporary, target, quality)
        lost = ["transparency"] if page.rows.info.alpha and not encoder.alpha else []
        return lost if encoder.carries else [*lost, *insert(temporary, page.metadata)]
    encoder = _BIG_TIFF if samples > _BIG_TIFF_BYTES else encoder
    parts: list[tuple[Path, Metadata]] = []
    try:
        for number, page in enumerate(pages):
            part = temporary if number == 0 else temporary.with_name(f"{temporary.name}~{number}")
            parts.append((part, page.metadata))
            _write_pixels(page, encoder, part, target, quality)
        return assemble_tiff(parts, temporary)
    finally:
        for part, _ in parts[1:]:
            part.unlink(missing_ok=True)


def _write_planes(planes: Planes, page: Page, path: Path, target: Path, quality: int) -> Sequence[str]:
    try:
        made = jpeg.encode(planes, quality, page.rows.profile)
    except ValueError as exc:
        raise OutputError(
            f"{target}: is too large for JPEG, which holds 65,500 pixels a side; choose another --format"
        ) from exc
    return write_jpeg(path, made, page.metadata)


def _write_pixels(page: Page, encoder: Encoder, path: Path, target: Path, quality: int) -> None:
    info = page.rows.info
    chroma = None if page.chroma is None else refined(page.chroma, info.height, info.width)
    whole = RowImage(merge(page.rows, chroma), (info.height, info.width))
    try:
        encoder.save(_described(whole.image, page, encoder), str(path), quality)
    except (pyvips.Error, AttributeError) as exc:  # AttributeError: this libvips was built without the format
        whole.reraise()
        reason = (str(exc).strip().splitlines() or ["unknown"])[-1]
        raise OutputError(f"{target}: cannot be written ({reason}); check the folder, its permissions and free space") from exc
    whole.reraise()


def _described(image: pyvips.Image, page: Page, encoder: Encoder) -> pyvips.Image:
    like = page.rows.image
    image = image.copy(interpretation="rgb16" if image.format == "ushort" else "srgb", xres=like.xres, yres=like.yres)
    if like.get_typeof("resolution-unit"):
        image.set_type(pyvips.GValue.gstr_type, "resolution-unit", like.get("resolution-unit"))
    if page.rows.profile is not None:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", page.rows.profile)
    if encoder.carries:
        _carried_by_libvips(image, page.metadata)
    return image


def _dpi(image: pyvips.Image) -> tuple[int, int] | None:
    """Pixels an inch, across and down; None where the source does not say, or says what JPEG cannot."""
    if not image.get_typeof("resolution-unit"):
        return None
    x, y = (round(25.4 * each) for each in (image.xres, image.yres))  # libvips has pixels a millimetre
    return (x, y) if 0 < x < 65536 and 0 < y < 65536 else None


def _carried_by_libvips(image: pyvips.Image, metadata: Metadata) -> None:
    if metadata.exif is not None:
        image.set_type(pyvips.GValue.blob_type, "exif-data", b"Exif\0\0" + metadata.exif)
    if metadata.xmp is not None:
        image.set_type(pyvips.GValue.blob_type, "xmp-data", metadata.xmp)
