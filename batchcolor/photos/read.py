"""Reading photos with libvips: what a file is, a small upright lightness for the network, and full rows for merging.

Files are opened read-only and decoded top to bottom in strips, so that memory does not grow with the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyvips

from ..color import lightness_of_gray, rgb_to_lab
from ..errors import SourceError

_STRIP_PIXELS = 1 << 16
_QUARTER_TURNED = range(5, 9)  # EXIF orientations that swap width and height

# libvips keeps results of recent operations for reuse; a batch run never asks twice, so that would only be memory.
pyvips.cache_set_max(0)


@dataclass(frozen=True, slots=True)
class PhotoInfo:
    """What a photo is, as stored (before orientation is applied).

    depth: bits a sample of the result, 8 or 16. gray: one plane of lightness, else RGB (toned or gray in three planes). orientation:
    EXIF, 1..8. loader: libvips' name of the format.
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
    """Rows of a photo: L float32 `(rows, W)`, 0..100; alpha uint8 or uint16 `(rows, W)` or None."""

    top: int
    L: np.ndarray
    alpha: np.ndarray | None


def _failed(path: Path, exc: pyvips.Error) -> SourceError:
    reason = str(exc).strip().splitlines()
    detail = reason[-1] if reason else "unknown"
    return SourceError(f"{path}: cannot be decoded ({detail}); the file is damaged, cut off or not a picture")


def _open(path: Path, *, access: str = "sequential") -> pyvips.Image:
    """The lazily decoded file; raises `SourceError` in one sentence."""
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise SourceError(f"{path}: is empty (0 bytes); copy it again from its source")
    except OSError as exc:
        raise SourceError(f"{path}: cannot be read ({exc.strerror or exc}); check that it exists and its permissions") from exc
    try:
        return pyvips.Image.new_from_file(str(path), access=access, fail_on="truncated")
    except pyvips.Error as exc:
        raise _failed(path, exc) from exc
    except UnicodeEncodeError as exc:  # libvips takes names in UTF-8 alone
        raise SourceError(f"{path}: has a name that is not UTF-8; rename the file or its folder") from exc


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


def probe(path: Path) -> PhotoInfo:
    """What the photo is; reads the header only. Raises `SourceError`."""
    info = _describe(_open(path))
    if info.pages > 1:
        raise SourceError(f"{path}: has {info.pages} pages, and only single pages can be colored yet; split it first")
    return info


def small_lightness(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """L float32 `(h, w)`, 0..100, of the whole photo, upright, squeezed to `shape` = (h, w). Raises `SourceError`.

    JPEG and WebP are decoded at a fraction of their size. Transparent parts count as mid-gray.
    """
    height, width = shape
    try:
        small = pyvips.Image.thumbnail(str(path), width, height=height, size="force", fail_on="truncated")
        if small.hasalpha():
            middle = 128 if small.format == "uchar" else 128 * 257
            small = small.flatten(background=[middle])
        L: np.ndarray = small.colourspace("lab")[0].cast("float").numpy()
    except pyvips.Error as exc:
        raise _failed(path, exc) from exc
    return L


class PhotoRows:
    """A photo's full lightness, strip by strip, top to bottom, once.

    `image` keeps the source's metadata for the writer. Raises `SourceError` when opened or while read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.image = _open(path)
        self.info = _describe(self.image)
        try:
            self._pixels = self._as_gray_or_srgb(self.image)
        except pyvips.Error as exc:
            raise _failed(path, exc) from exc

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
        colours = bands - (1 if info.alpha else 0)
        # One table for every value a sample can have: exact at any depth, and faster than the formula.
        values = np.arange(2**info.depth, dtype=np.float32) / np.float32(2**info.depth - 1)
        table = lightness_of_gray(values)
        region = pyvips.Region.new(pixels)
        rows = max(1, min(height, _STRIP_PIXELS // width))
        for top in range(0, height, rows):
            count = min(rows, height - top)
            try:
                data = region.fetch(0, top, width, count)
            except pyvips.Error as exc:
                raise _failed(self.path, exc) from exc
            block = np.frombuffer(data, dtype).reshape(count, width, bands)
            if colours == 1:
                L = table[block[..., 0]]
            else:
                planes = np.moveaxis(block[..., :3], -1, 0)  # (3, rows, W)
                L = rgb_to_lab(planes.astype(np.float32) / np.float32(2**info.depth - 1))[0]
            yield Strip(top, L, np.ascontiguousarray(block[..., -1]) if info.alpha else None)
