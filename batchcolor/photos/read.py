"""Reading photos with libvips: what a file is, a small upright lightness for the network, and full rows for merging.

Files are opened read-only and decoded top to bottom in strips, so that memory does not grow with the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..codes import gray_to_lightness, rgb_to_lightness
from ..errors import SourceError
from ..libvips import pyvips
from .metadata import Metadata

_STRIP_PIXELS = 1 << 16
_PAGED_LOADER = "tiff"
# More pixels than this, and more for each byte of the file: empty paper is packed at 500 pixels a byte at the most by what scanners use.
_BOMB_PIXELS, _BOMB_PIXELS_A_BYTE = 200_000_000, 2_000
_QUARTER_TURNED = range(5, 9)  # EXIF orientations that swap width and height


@dataclass(frozen=True, slots=True)
class PhotoInfo:
    """What a photo is, as stored (before orientation is applied).

    depth: bits a sample of the result, 8 or 16. gray: one plane of lightness, else RGB (toned or gray in three planes). orientation:
    EXIF, 1..8. pages: of the whole file; the rest describes one of them. loader: libvips' name of the format.
    """

    width: int
    height: int
    depth: int
    gray: bool
    alpha: bool
    orientation: int
    pages: int
    loader: str

    @property
    def upright_size(self) -> tuple[int, int]:
        """(height, width) as the viewer sees it."""
        turned = self.orientation in _QUARTER_TURNED
        return (self.width, self.height) if turned else (self.height, self.width)


class Strip(NamedTuple):
    """Rows of a photo: samples uint8 or uint16 `(rows, W)` of gray or `(3, rows, W)` of sRGB; alpha likewise `(rows, W)`, or None."""

    top: int
    samples: np.ndarray
    alpha: np.ndarray | None

    @property
    def lightness(self) -> np.ndarray:
        """L float32 `(rows, W)`, 0..100."""
        return gray_to_lightness(self.samples) if self.samples.ndim == 2 else rgb_to_lightness(self.samples)


def _failed(path: Path, exc: pyvips.Error) -> SourceError:
    reason = str(exc).strip().splitlines()
    detail = reason[-1].strip() if reason else "unknown"
    return SourceError(f"{path}: cannot be decoded ({detail}); the file is damaged, cut off or not a picture")


def _open(path: Path, page: int = 0) -> pyvips.Image:
    """A page of the file, lazily decoded; raises `SourceError` in one sentence."""
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise SourceError(f"{path}: is empty (0 bytes); copy it again from its source")
    except OSError as exc:
        raise SourceError(f"{path}: cannot be read ({exc.strerror or exc}); check that it exists and its permissions") from exc
    try:
        # Only some readers know of pages.
        options = {"page": page} if page else {}
        image = pyvips.Image.new_from_file(str(path), access="sequential", fail_on="error", **options)
    except pyvips.Error as exc:
        raise _failed(path, exc) from exc
    except UnicodeEncodeError as exc:  # libvips takes names in UTF-8 alone
        raise SourceError(f"{path}: has a name that is not UTF-8; rename the file or its folder") from exc
    size = path.stat().st_size
    if image.width * image.height > max(_BOMB_PIXELS, _BOMB_PIXELS_A_BYTE * size):
        raise SourceError(
            f"{path}: claims to be {image.width} x {image.height} pixels in {size} bytes, as files made to fill the memory do; "
            "crop or convert it first if it is real"
        )
    if image.format not in ("uchar", "ushort"):
        raise SourceError(
            f"{path}: has samples of the type {image.format}; only 8 and 16 bits can be colorized, so convert it first"
        )
    return image


def _field(image: pyvips.Image, name: str, default: int) -> int:
    return int(image.get(name)) if name in image.get_fields() else default


def _describe(image: pyvips.Image) -> PhotoInfo:
    return PhotoInfo(
        width=image.width,
        height=image.height,
        depth=8 if image.format in ("uchar", "char") else 16,
        gray=image.interpretation in ("b-w", "grey16") or image.bands <= 2,
        alpha=bool(image.hasalpha()),
        orientation=_field(image, "orientation", 1),
        pages=_field(image, "n-pages", 1),
        loader=str(image.get("vips-loader")) if "vips-loader" in image.get_fields() else "",
    )


def probe(path: Path, page: int = 0) -> PhotoInfo:
    """What a page of the photo is; reads headers only. Raises `SourceError`, also for pages in a format that we write none in."""
    info = _describe(_open(path, page))
    if info.pages > 1 and not info.loader.startswith(_PAGED_LOADER):
        raise SourceError(
            f"{path}: has {info.pages} pictures, an animation or a series; only TIFF may have several, so split it first"
        )
    return info


def small_lab(path: Path, page: int, shape: tuple[int, int]) -> np.ndarray:
    """CIELAB float32 `(3, h, w)` of a page, upright, squeezed to `shape` = (h, w). Raises `SourceError`.

    JPEG and WebP are decoded at a fraction of their size. Transparent parts count as mid-gray.
    """
    height, width = shape
    name = f"{path}[page={page}]" if page else str(path)
    try:
        small = pyvips.Image.thumbnail(name, width, height=height, size="force", fail_on="error")
        if small.hasalpha():
            middle = 128 if small.format == "uchar" else 128 * 257
            small = small.flatten(background=[middle])
        lab: np.ndarray = small.colourspace("lab").cast("float").numpy()
    except pyvips.Error as exc:
        raise _failed(path, exc) from exc
    return np.ascontiguousarray(lab.transpose(2, 0, 1))


class PhotoRows:
    """A page's samples at full size, strip by strip, top to bottom, once.

    `image` keeps the source's resolution and profile for the writer. Raises `SourceError` when opened or while read.
    """

    def __init__(self, path: Path, page: int = 0) -> None:
        self.path = path
        self.image = _open(path, page)
        self.info = _describe(self.image)
        try:
            self._pixels = self._as_gray_or_srgb(self.image)
        except pyvips.Error as exc:
            raise _failed(path, exc) from exc

    def metadata(self) -> Metadata:
        """What libvips knows of it: for formats whose containers we do not read ourselves."""
        fields = {name: bytes(self.image.get(name)) for name in ("exif-data", "xmp-data") if self.image.get_typeof(name)}
        exif = fields.get("exif-data")
        return Metadata(exif.removeprefix(b"Exif\0\0") if exif is not None else None, fields.get("xmp-data"))

    def _as_gray_or_srgb(self, image: pyvips.Image) -> pyvips.Image:
        """One or three planes of 8 or 16 bits, plus alpha; an embedded profile's meaning becomes sRGB's."""
        deep = self.info.depth == 16
        if "icc-profile-data" in image.get_fields() and image.get_typeof("icc-profile-data"):
            try:
                image = image.icc_transform("srgb", embedded=True, depth=16 if deep else 8)
            except pyvips.Error:
                # A profile that does not fit its picture says nothing about it: read the picture as if it had none.
                image = image.copy()
        if image.interpretation in ("b-w", "grey16") or image.bands <= 2:
            wanted = "grey16" if deep else "b-w"
        else:
            wanted = "rgb16" if deep else "srgb"
        return image.colourspace(wanted).cast("ushort" if deep else "uchar")

    def __iter__(self) -> Iterator[Strip]:
        pixels, info = self._pixels, self.info
        width, height, bands = pixels.width, pixels.height, pixels.bands
        dtype: type[np.unsignedinteger] = np.uint16 if info.depth == 16 else np.uint8
        gray = bands - info.alpha == 1
        region = pyvips.Region.new(pixels)
        rows = max(1, min(height, _STRIP_PIXELS // width))
        for top in range(0, height, rows):
            count = min(rows, height - top)
            try:
                data = region.fetch(0, top, width, count)
            except pyvips.Error as exc:
                raise _failed(self.path, exc) from exc
            block = np.frombuffer(data, dtype).reshape(count, width, bands)
            samples = block[..., 0] if gray else np.moveaxis(block[..., :3], -1, 0)  # (rows, W) or (3, rows, W)
            yield Strip(top, samples, np.ascontiguousarray(block[..., -1]) if info.alpha else None)
