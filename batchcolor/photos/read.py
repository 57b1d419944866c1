"""Reading photos: a description of the file, a small upright copy for the network, and full rows for merging.

Files are opened read-only. Small photos are decoded once and held; large ones twice, the second time top to bottom in strips, so that
memory does not grow with the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..color.conversion import rgb_to_lab
from ..color.pixel_codes import gray_to_lightness, rgb_to_gray, rgb_to_lightness
from ..color.upsampling import STEPS
from ..runtime.libvips import pyvips, thumbnail
from . import jpeg
from .metadata import Metadata, upright
from .opening import OpenedPage, failed, open_page
from .orientation import QUARTER_TURNED, as_upright

_STRIP_PIXELS = 1 << 17
_STRIP_MULTIPLE = max(STEPS)  # so that chroma is scaled up strip by strip as it would be as a whole


@dataclass(frozen=True, slots=True)
class PhotoInfo:
    """Facts about a photo as stored (before orientation is applied).

    depth: bits a sample of the result, 8 or 16. gray: one plane of lightness, else RGB (toned or gray in three planes). orientation:
    EXIF, 1..8. pages: of the whole file; the rest describes one of them. loader: libvips' name of the format. quality: of a JPEG, as its
    tables tell, 1..100; lossless: a WebP that is.
    """

    width: int
    height: int
    depth: int
    gray: bool
    alpha: bool
    orientation: int
    pages: int
    loader: str
    quality: int | None = None
    lossless: bool = False

    @property
    def megapixels(self) -> float:
        """Of one page."""
        return self.width * self.height / 1e6

    @property
    def upright_size(self) -> tuple[int, int]:
        """(height, width) as the viewer sees it."""
        turned = self.orientation in QUARTER_TURNED
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


def _described(path: Path, opened: OpenedPage) -> PhotoInfo:
    image = opened.image
    colors = image.bands - opened.alpha
    return PhotoInfo(
        width=image.width,
        height=image.height,
        depth=8 if image.format == "uchar" else 16,
        gray=image.interpretation in ("b-w", "grey16") or colors == 1,
        alpha=opened.alpha,
        orientation=opened.orientation,
        pages=opened.pages,
        loader=opened.loader,
        quality=opened.quality,
        lossless=opened.lossless,
    )


def probe(path: Path, page: int = 0) -> PhotoInfo:
    """Facts about a page of the photo; reads headers only. Raises `SourceError`, also for pages in a format that cannot be written."""
    return _described(path, open_page(path, page))


def small_lab(path: Path, page: int, shape: tuple[int, int]) -> np.ndarray:
    """CIELAB float32 `(3, h, w)` of a page, upright, squeezed to `shape` = (h, w). Raises `SourceError`.

    JPEG and WebP are decoded at a fraction of their size. Transparent parts count as mid-gray.
    """
    height, width = shape
    rows = PhotoRows(path, page)
    try:
        if rows.from_file:
            small = thumbnail(path, width, height, page=page, size="force", fail_on="error")
        else:
            small = rows.thumbnail(width, height)
        if small.hasalpha():
            middle = 128 if small.format == "uchar" else 128 * 257
            small = small.flatten(background=[middle])
        lab: np.ndarray = small.colourspace("lab").cast("float").numpy()
    except pyvips.Error as exc:
        raise failed(path, exc, page) from exc
    return np.ascontiguousarray(lab.transpose(2, 0, 1))


def _shrunk(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """The plane at another size, by averages. Halved first: an even side's halves take a tenth of the time of other fractions."""
    while plane.shape[0] >= 4 * height and plane.shape[1] >= 4 * width:
        plane = cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)
    larger = height > plane.shape[0] or width > plane.shape[1]
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC if larger else cv2.INTER_AREA)


class PhotoRows:
    """A page's samples at full size, strip by strip, top to bottom: once, or as often as wanted after `hold`.

    `image` keeps the source's resolution for the writer, None where it has none. Raises `SourceError` when opened or while read.
    """

    def __init__(self, path: Path, page: int = 0) -> None:
        self.path, self._page = path, page
        opened = open_page(path, page)
        self.image, self.from_file = opened.image, opened.from_file
        self.info = _described(path, opened)
        self.resolution = (self.image.xres, self.image.yres) if opened.has_resolution else None
        self.ignored, self.warnings = opened.ignored, opened.warnings
        self._content, self._png = opened.content, opened.png
        self._held: np.ndarray | None = None
        try:
            self._pixels = self._as_gray_or_srgb(self.image)
        except pyvips.Error as exc:
            raise failed(path, exc, page) from exc

    @property
    def size_bytes(self) -> int:
        """Memory that all samples take."""
        return self._pixels.width * self._pixels.height * self._pixels.bands * self.info.depth // 8

    def thumbnail(self, width: int, height: int) -> pyvips.Image:
        """A small upright copy, squeezed to this size."""
        return self._pixels.thumbnail_image(width, height=height, size="force")

    def hold(self) -> None:
        """Decode all of it now, and keep the samples."""
        held = self._decoded_at_once()
        self._content = None
        if held is None:
            held = np.concatenate([planes for _, planes in self._decoded()], 1)
        gray = len(held) == 3 and np.array_equal(held[0], held[1]) and np.array_equal(held[0], held[2])
        self._held = held[:1].copy() if gray else held  # gray in three planes is gray

    def _decoded_at_once(self) -> np.ndarray | None:
        """All samples of a JPEG that is what libvips said; None for others."""
        if self._content is None or self._has_profile:
            return None
        samples = jpeg.decode(self._content)
        expected = (self._pixels.bands, self.info.height, self.info.width)
        return samples if samples is not None and samples.shape == expected else None

    def gray(self) -> np.ndarray | None:
        """The gray of each pixel's lightness, uint8 `(H, W)`, of a page of 8 bits that is held and has no alpha; else None."""
        if self._held is None or self.info.depth != 8 or self.info.alpha:
            return None
        return self._held[0] if len(self._held) == 1 else rgb_to_gray(self._held)

    @property
    def profile(self) -> bytes | None:
        """The ICC profile of what is written: sRGB's where the source had one."""
        return bytes(pyvips.Operation.call("profile_load", "srgb")) if self._has_profile else None

    @property
    def _has_profile(self) -> bool:
        return bool(self.image.get_typeof("icc-profile-data"))

    def small_lab(self, shape: tuple[int, int]) -> np.ndarray:
        """As the function of this name, of a page that is held and has no alpha."""
        assert self._held is not None
        turned = self.info.orientation in QUARTER_TURNED
        small = np.stack([_shrunk(plane, *(shape[::-1] if turned else shape)) for plane in self._held])
        if len(small) == 1:
            L = gray_to_lightness(small[0])
            lab = np.stack([L, np.zeros_like(L), np.zeros_like(L)])
        else:
            lab = rgb_to_lab(small.astype(np.float32) / np.iinfo(small.dtype).max)
        return np.stack([as_upright(plane, self.info.orientation) for plane in lab])

    def metadata(self) -> Metadata:
        """Metadata from libvips, for containers that are not parsed here."""
        fields = {name: bytes(self.image.get(name)) for name in ("exif-data", "xmp-data") if self.image.get_typeof(name)}
        exif = fields.get("exif-data")
        metadata = Metadata(exif.removeprefix(b"Exif\0\0") if exif is not None else None, xmp=fields.get("xmp-data"))
        return upright(metadata) if self.info.loader.startswith("heif") else metadata

    def _as_gray_or_srgb(self, image: pyvips.Image) -> pyvips.Image:
        """One or three planes of 8 or 16 bits, plus alpha; an embedded profile's meaning becomes sRGB's."""
        deep = self.info.depth == 16
        if self._png is not None and not self._png.is_srgb and not self._has_profile:
            return self._png.as_srgb(image, gray=self.info.gray, deep=deep, alpha=self.info.alpha)
        inks = image.interpretation == "cmyk"  # without a profile: those of libvips' standard press
        if self._has_profile or inks:
            try:
                # The darkest ink becomes black, as everywhere else where such pictures are shown (ISO 18619).
                image = image.icc_transform(
                    "srgb", embedded=self._has_profile, depth=16 if deep else 8, black_point_compensation=inks
                )
            except pyvips.Error:
                # A profile that does not fit its picture says nothing about it: read the picture as if it had none.
                image = image.copy()
        if image.interpretation in ("b-w", "grey16") or image.bands - self.info.alpha == 1:
            wanted = "grey16" if deep else "b-w"
        else:
            wanted = "rgb16" if deep else "srgb"
        return image.colourspace(wanted).cast("ushort" if deep else "uchar")

    def __iter__(self) -> Iterator[Strip]:
        strips = (
            self._decoded() if self._held is None else ((top, self._held[:, top : top + rows]) for top, rows in self._tops())
        )
        for top, planes in strips:
            samples = planes[0] if len(planes) - self.info.alpha == 1 else planes[:3]
            yield Strip(top, samples, planes[-1] if self.info.alpha else None)

    def _tops(self) -> Iterator[tuple[int, int]]:
        """The first row of each strip, and how many it has."""
        rows = max(1, _STRIP_PIXELS // self._pixels.width // _STRIP_MULTIPLE) * _STRIP_MULTIPLE
        for top in range(0, self._pixels.height, rows):
            yield top, min(rows, self._pixels.height - top)

    def _decoded(self) -> Iterator[tuple[int, np.ndarray]]:
        """Each strip's first row and its samples `(bands, rows, W)`."""
        width, bands = self._pixels.width, self._pixels.bands
        dtype: type[np.unsignedinteger] = np.uint16 if self.info.depth == 16 else np.uint8
        region = pyvips.Region.new(self._pixels)
        for top, rows in self._tops():
            try:
                data = region.fetch(0, top, width, rows)
            except pyvips.Error as exc:
                raise failed(self.path, exc, self._page) from exc
            planes = np.empty((bands, rows, width), dtype)
            cv2.split(
                np.frombuffer(data, dtype).reshape(rows, width, bands), list(planes)
            )  # numpy would take three times as long
            yield top, planes
