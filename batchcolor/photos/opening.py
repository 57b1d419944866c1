"""Opening a page of a photo: its pixels as libvips has them, and what is known of them besides.

libvips decodes nearly everything. What it has no decoder for, or reads otherwise than it is meant, is seen to here; and what cannot be
read is told apart: damage, and kinds that are not supported.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import SourceError
from ..runtime.libvips import open_image, pyvips
from ..runtime.regular_file import require_regular_file
from ..suffixes import HEAD_BYTES, container_of, unsupported_kind
from . import jpeg, tiff_layout
from .metadata import jpeg_structure
from .not_supported import not_supported
from .png_color import PngColor, png_color

_PAGED_LOADER = "tiff"
# More pixels than this, and more for each byte of the file: empty paper is packed at 500 pixels a byte at the most by what scanners use.
_BOMB_PIXELS, _BOMB_PIXELS_A_BYTE = 200_000_000, 2_000
_WITHOUT_DECODER = re.compile(
    r"not (?:configured|supported|implemented|a known file format|been built in)|[Uu]nsupported|no decod|unimplemented|"
    r"whole number of bytes"
)
_HELD_CONTENT = 1 << 25  # bytes of a JPEG that is too large to be held when decoded
_HEIF_LOOK = 1 << 18  # bytes at the front of a HEIF file in which its properties are
_TRANSFERS = {16: "PQ", 18: "HLG"}  # ITU-T H.273, table 3
_AUXILIARY = re.compile(rb"urn:[\w.:-]*(?:aux|auxid)[\w.:-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class OpenedPage:
    """A page, lazily decoded.

    image: one or three channels, or CMYK, and alpha. orientation: EXIF, of the pixels as they come. pages: of the file. from_file:
    whether the image is what libvips makes of the file by itself. content: the bytes of a JPEG. quality: of a JPEG, as estimated.
    lossless: a WebP that is. ignored: what of the page is not read, nouns for a warning. warnings: what else there is to say, without
    the path.
    """

    image: pyvips.Image
    alpha: bool
    orientation: int = 1
    pages: int = 1
    loader: str = ""
    from_file: bool = True
    has_resolution: bool = False
    content: bytes | None = None
    png: PngColor | None = None
    quality: int | None = None
    lossless: bool = False
    ignored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def failed(path: Path, exc: pyvips.Error, page: int = 0) -> SourceError:
    """The error for what libvips says of a page, from 0."""
    reason = str(exc).strip().splitlines()
    detail = reason[-1].strip() if reason else "unknown"
    where = f"{path}: page {page + 1}" if page else str(path)
    if _WITHOUT_DECODER.search(detail):
        return SourceError(
            f"{where}: is of a kind that is not supported here ({detail}); convert it to a plain TIFF or PNG first"
        )
    return SourceError(f"{where}: cannot be decoded ({detail}); the file is damaged, cut off or not a picture")


def unreadable(path: Path, exc: OSError) -> SourceError:
    """The error for a file that the system does not give."""
    return SourceError(f"{path}: cannot be read ({exc.strerror or exc}); check that it exists and its permissions")


def open_page(path: Path, page: int = 0) -> OpenedPage:
    """Open a page of the file. Raises `SourceError` in one sentence."""
    require_regular_file(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            size = file.seek(0, os.SEEK_END)
    except OSError as exc:
        raise unreadable(path, exc) from exc
    if not size:
        raise SourceError(f"{path}: is empty (0 bytes); copy it again from its source")
    container = container_of(head)
    if container is None and (kind := unsupported_kind(head)):
        raise not_supported(path, kind)
    try:
        opened = _OPENERS.get(container or "", _open_other)(path, page)
    except OSError as exc:
        raise unreadable(path, exc) from exc
    except pyvips.Error as exc:
        raise failed(path, exc, page) from exc
    except UnicodeEncodeError as exc:  # libvips takes names in UTF-8 alone
        raise SourceError(f"{path}: has a name that is not UTF-8; rename the file or its folder") from exc
    _check(path, page, opened, size)
    # `read` converts inks otherwise than libvips' thumbnails do.
    return replace(opened, from_file=False) if opened.image.interpretation == "cmyk" else opened


def _check(path: Path, page: int, opened: OpenedPage, size: int) -> None:
    image = opened.image
    where = f"{path}: page {page + 1}" if page else str(path)
    if image.width * image.height > max(_BOMB_PIXELS, _BOMB_PIXELS_A_BYTE * size):
        raise SourceError(
            f"{where}: claims to be {image.width} x {image.height} pixels in {size} bytes, as files made to fill the memory do; "
            "crop or convert it first if it is real"
        )
    if image.format not in ("uchar", "ushort"):
        raise SourceError(
            f"{where}: has samples of the type {image.format}; only 8 and 16 bits can be colorized, so convert it first"
        )
    if image.interpretation == "multiband" or image.bands - opened.alpha > 4:
        raise not_supported(where, f"a picture of {image.bands} channels that are neither gray, RGB nor CMYK")
    if opened.pages > 1 and not opened.loader.startswith(_PAGED_LOADER):
        raise SourceError(
            f"{path}: has {opened.pages} pictures, an animation or a series; only TIFF may have several, so split it first"
        )


def _load(path: Path, **options: int) -> pyvips.Image:
    return open_image(path, fail_on="error", **options)


def _field(image: pyvips.Image, name: str, default: int) -> int:
    return int(image.get(name)) if image.get_typeof(name) else default


def _opened(image: pyvips.Image, **more: object) -> OpenedPage:
    """Facts about an image from libvips."""
    facts: dict[str, object] = {
        "alpha": bool(image.hasalpha()),
        "orientation": _field(image, "orientation", 1),
        "pages": _field(image, "n-pages", 1),
        "loader": str(image.get("vips-loader")) if image.get_typeof("vips-loader") else "",
        "has_resolution": bool(image.get_typeof("resolution-unit")),
    }
    return OpenedPage(image, **{**facts, **more})  # type: ignore[arg-type]


def _open_other(path: Path, _page: int) -> OpenedPage:
    return _opened(_load(path))


def _open_jpeg(path: Path, _page: int) -> OpenedPage:
    content = path.read_bytes()
    structure = jpeg_structure.parse(content)
    gains = any(b"hdr-gain-map" in segment.content or b"iso:ts:21496" in segment.content for segment in structure.segments)
    facts: dict[str, object] = {
        "quality": structure.quality,
        "from_file": not gains,  # libvips by itself would apply the gain map
        "content": content if len(content) < _HELD_CONTENT else None,
    }
    if not structure.ends and structure.has_scan:
        # All pixels may be there all the same: where the decoder misses none, nothing was lost but the marker.
        content += b"\xff\xd9"
        if not jpeg.is_complete(content):
            raise SourceError(f"{path}: cannot be decoded (pixels are missing at its end); the file is damaged or cut off")
        facts["warnings"] = ("its end-of-image marker is missing, and all its pixels are there; it may have been cut off",)
        image = pyvips.Image.jpegload_buffer(content, access="sequential", fail_on="error")
        return _opened(image, **{**facts, "content": content, "from_file": False})
    return _opened(pyvips.Image.jpegload(str(path), access="sequential", fail_on="error"), **facts)


def _open_png(path: Path, _page: int) -> OpenedPage:
    color = png_color(path)
    image = _load(path)
    return _opened(image, png=color, from_file=color.is_srgb, pages=color.frames, has_resolution=color.has_resolution)


def _open_tiff(path: Path, page: int) -> OpenedPage:
    pages = tiff_layout.layouts(path)
    if page >= len(pages):
        raise SourceError(f"{path}: has no page {page + 1}; the file is damaged or cut off")
    layout = pages[page]
    tiff_layout.check_samples(path, layout)
    extras = f"{layout.extras} extra channels" if layout.extras > 1 else "an extra channel, such as infrared"
    facts: dict[str, object] = {
        "alpha": layout.alpha is not None,
        "orientation": layout.orientation if layout.orientation in range(1, 9) else 1,
        "pages": len(pages),
        "has_resolution": layout.has_resolution,
        "ignored": (extras,) if layout.extras else (),
    }
    if not layout.by_libvips:
        return _opened(tiff_layout.decode(path, layout), from_file=False, loader="tiffload", **facts)
    image = _load(path, page=page)
    own = tiff_layout.channels_of(image, layout)
    return _opened(own, from_file=own is image and bool(image.hasalpha()) == facts["alpha"], **facts)


def _open_webp(path: Path, _page: int) -> OpenedPage:
    with path.open("rb") as file:
        head = file.read(1 << 16)
    # RFC 9649: the picture is in the first chunk, or behind VP8X and the profile.
    lossless = head[12:16] == b"VP8L" or (head[12:16] == b"VP8X" and b"VP8L" in head and b"VP8 " not in head)
    return _opened(_load(path), lossless=lossless)


def _open_heif(path: Path, _page: int) -> OpenedPage:
    """AVIF and HEIC; libheif turns and mirrors the pixels as the container says, so no orientation is left."""
    with path.open("rb") as file:
        head = file.read(_HEIF_LOOK)
    if head[8:12] in (b"avis", b"hevc", b"msf1"):
        raise SourceError(
            f"{path}: has several pictures, an animation or a series; only TIFF may have several, so split it first"
        )
    at = head.find(b"colrnclx")
    transfer = int.from_bytes(head[at + 10 : at + 12], "big") if at >= 0 else 0
    if transfer in _TRANSFERS:
        raise not_supported(path, f"an HDR picture ({_TRANSFERS[transfer]})")
    kinds = {name.rpartition(b":")[2].decode() for name in _AUXILIARY.findall(head)} - {"alpha", "1"}
    return _opened(_load(path), orientation=1, ignored=("auxiliary pictures, such as a depth or gain map",) if kinds else ())


def _open_bmp(path: Path, _page: int) -> OpenedPage:
    from . import bmp  # and FFmpeg, which nothing else about photos needs

    bitmap = bmp.decode(path, max(_BOMB_PIXELS, _BOMB_PIXELS_A_BYTE * path.stat().st_size))
    image = pyvips.Image.new_from_array(bitmap.pixels)
    image = image.copy(interpretation="srgb" if bitmap.pixels.ndim == 3 else "b-w")
    if bitmap.resolution is not None:
        image = image.copy(xres=bitmap.resolution[0], yres=bitmap.resolution[1])
    alpha = bitmap.pixels.ndim == 3 and bitmap.pixels.shape[2] == 4
    return _opened(image, alpha=alpha, from_file=False, loader="bmpload", has_resolution=bitmap.resolution is not None)


_OPENERS = {
    "jpeg": _open_jpeg,
    "png": _open_png,
    "tiff": _open_tiff,
    "webp": _open_webp,
    "heif": _open_heif,
    "bmp": _open_bmp,
}
