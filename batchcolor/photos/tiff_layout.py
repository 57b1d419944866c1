"""How a page of a TIFF is laid out: which of its channels are the picture, and which pages libvips cannot read.

TIFF 6.0 (Adobe, 1992); the pages that libvips has no decoder for are left to tifffile and imagecodecs, where those are installed.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..color.conversion import lab_to_linear, srgb_encode
from ..errors import SourceError
from ..runtime.libvips import pyvips
from .metadata.exif import Directory, directories
from .not_supported import not_supported

_BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION, _SAMPLES, _PLANAR, _TILE_WIDTH = 258, 259, 262, 274, 277, 284, 322
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _COLOR_MAP, _EXTRA_SAMPLES, _SAMPLE_FORMAT, _ICC = (
    282,
    283,
    296,
    320,
    338,
    339,
    34675,
)
_DNG_VERSION = 50706
_MIN_IS_WHITE, _RGB, _PALETTE, _SEPARATED, _YCBCR, _CIELAB, _ICCLAB = 0, 2, 3, 5, 6, 8, 9
_COLORS = {_RGB: 3, _SEPARATED: 4, _YCBCR: 3, _CIELAB: 3, _ICCLAB: 3}  # channels by photometric interpretation; others have one
_SENSOR = {32803: "a raw photo", 34892: "a raw photo", 32844: "a LogL picture", 32845: "a LogLuv picture"}
_BY_LIBVIPS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 50001}  # compressions that the libtiff of libvips' wheels decodes
_OLD_JPEG = 6
_NAMES = {
    _OLD_JPEG: "old-style JPEG", 32809: "ThunderScan", 34712: "JPEG 2000", 33003: "JPEG 2000", 33005: "JPEG 2000", 34887: "LERC",
    34892: "JPEG", 34925: "LZMA", 34926: "Zstandard", 50000: "Zstandard", 34933: "PNG", 50002: "JPEG XL", 52546: "JPEG XL",
    34661: "JBIG", 34676: "SGI Log", 34677: "SGI Log 24", 32766: "NeXT", 32771: "CCITT RLE with word alignment", 22610: "JPEG XR",
    34934: "JPEG XR",
}  # fmt: skip
_ALPHA = (1, 2)  # ExtraSamples: associated and unassociated; 0 is unspecified, such as the infrared of a film scanner


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """A page's channels. bits: a sample; colors: channels of the picture; alpha: the channel that is transparency; extras: others, which
    are no picture. number: of the page, from 0."""

    number: int
    bits: tuple[int, ...]
    compression: int
    photometric: int
    colors: int
    alpha: int | None
    extras: int
    signed_or_float: bool
    odd_planes: bool
    orientation: int
    has_resolution: bool
    x_resolution: float
    y_resolution: float
    profile: bytes | None
    colormap: tuple[int, ...]
    raw: str | None

    @property
    def by_libvips(self) -> bool:
        """Whether libvips reads the page, and as it is meant."""
        deep = max(self.bits)
        whole = deep in (8, 16, 32, 64) or (deep in (1, 2, 4) and len(self.bits) == 1)
        known = self.compression in _BY_LIBVIPS and self.photometric not in (_CIELAB, _ICCLAB)
        return whole and known and len(set(self.bits)) == 1 and not self.odd_planes

    @property
    def why_not(self) -> str:
        """The features of the page that libvips cannot read, as text."""
        if self.compression not in _BY_LIBVIPS:
            return f"a TIFF packed as {_NAMES.get(self.compression, f'number {self.compression}')}"
        if self.photometric in (_CIELAB, _ICCLAB):
            return "a TIFF in CIELAB"
        if self.odd_planes:
            return "a TIFF of a plane for each channel, in tiles or of gray"
        return f"a TIFF of {' + '.join(map(str, sorted(set(self.bits))))} bits a sample"


def layouts(path: Path) -> tuple[TiffLayout, ...]:
    """Of every page. Raises `SourceError` where the directories are damaged, `OSError`."""
    found = path.stat()
    return _layouts(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=4)
def _layouts(path: Path, _size: int, _mtime_ns: int) -> tuple[TiffLayout, ...]:
    with path.open("rb") as file:
        try:
            return tuple(_layout(number, page) for number, page in enumerate(directories(file)))
        except (ValueError, IndexError, KeyError) as exc:
            raise SourceError(f"{path}: {exc}; the file is damaged or cut off") from exc


def _layout(number: int, page: Directory) -> TiffLayout:
    def integers(tag: int, *default: int) -> tuple[int, ...]:
        return page.entries[tag].integers() if tag in page.entries else default

    photometric = integers(_PHOTOMETRIC, 1)[0]
    samples = integers(_SAMPLES, 1)[0]
    colors = min(samples, _COLORS.get(photometric, 1))
    extras = samples - colors
    kinds = (*integers(_EXTRA_SAMPLES), *([0] * extras))[:extras]
    alpha = next((colors + n for n, kind in enumerate(kinds) if kind in _ALPHA), None)
    bits = integers(_BITS, 1)
    entry = page.entries.get(_ICC)
    unit = {2: 25.4, 3: 10.0}.get(integers(_RESOLUTION_UNIT, 2)[0])
    x, y = (_rational(page, tag) for tag in (_X_RESOLUTION, _Y_RESOLUTION))
    return TiffLayout(
        number=number,
        bits=bits if len(bits) > 1 else bits * (1 if samples == 1 else samples),
        compression=integers(_COMPRESSION, 1)[0],
        photometric=photometric,
        colors=colors,
        alpha=alpha,
        extras=extras - (alpha is not None),
        signed_or_float=any(kind in (2, 3, 5, 6) for kind in integers(_SAMPLE_FORMAT, 1)),
        odd_planes=integers(_PLANAR, 1)[0] == 2 and samples > 1 and (_TILE_WIDTH in page.entries or samples < 3),
        orientation=integers(_ORIENTATION, 1)[0],
        has_resolution=x > 0 and y > 0 and unit is not None,
        x_resolution=x / (unit or 1),
        y_resolution=y / (unit or 1),
        profile=entry.value if entry is not None else None,
        colormap=integers(_COLOR_MAP),
        raw="a raw photo (DNG)" if _DNG_VERSION in page.entries else _SENSOR.get(photometric),
    )


def _rational(page: Directory, tag: int) -> float:
    entry = page.entries.get(tag)
    if entry is None or len(entry.value) < 8:
        return 0.0
    above, below = np.frombuffer(entry.value[:8], "<u4").tolist()
    return above / below if below else 0.0


def check_samples(path: Path, layout: TiffLayout) -> None:
    """Raises `SourceError` for samples that are no picture's of 8 or 16 bits, or none of a picture at all."""
    where = f"{path}: page {layout.number + 1}" if layout.number else str(path)
    if layout.raw is not None:
        raise not_supported(where, layout.raw)
    if max(layout.bits, default=0) > 16 or layout.signed_or_float:
        kind = "signed or of floating point" if layout.signed_or_float else "unsigned"
        raise SourceError(
            f"{where}: has samples of {max(layout.bits)} bits, {kind}; only 8 and 16 bits can be colorized, so convert it first"
        )


def channels_of(image: pyvips.Image, layout: TiffLayout) -> pyvips.Image:
    """The channels of a page that are its picture and its transparency, of all that libvips gives."""
    if layout.photometric == _PALETTE:
        return image  # of RGB, or gray, by now
    wanted = [*range(layout.colors), *([] if layout.alpha is None else [layout.alpha])]
    if image.bands <= len(wanted):
        return image
    first, *others = (image[band] for band in wanted)
    return first.bandjoin(others).copy(interpretation=image.interpretation) if others else first


def decode(path: Path, layout: TiffLayout) -> pyvips.Image:
    """A page that libvips cannot read, decoded by tifffile: gray, RGB, or CMYK, 8 or 16 bits, and alpha.

    Raises `SourceError`: the page is damaged, or imagecodecs is not installed, or the page is of a kind that it cannot read either.
    """
    where = f"{path}: page {layout.number + 1}" if layout.number else str(path)
    if layout.compression == _OLD_JPEG:  # of which every writer had its own idea (TIFF technical note 2)
        raise not_supported(where, layout.why_not)
    if importlib.util.find_spec("tifffile") is None or importlib.util.find_spec("imagecodecs") is None:
        raise SourceError(f"{where}: is {layout.why_not}, which needs: pip install 'batchcolor[tiff]'")
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            pixels = file.pages[layout.number].asarray()
    except (NotImplementedError, KeyError) as exc:
        raise not_supported(where, layout.why_not) from exc
    except ValueError as exc:
        if "not supported" in str(exc) or "not implemented" in str(exc):
            raise not_supported(where, layout.why_not) from exc
        raise SourceError(f"{where}: cannot be decoded ({exc}); the file is damaged or cut off") from exc
    except Exception as exc:  # each of imagecodecs' decoders has an error of its own
        raise SourceError(f"{where}: cannot be decoded ({exc}); the file is damaged or cut off") from exc
    image = _image_of(where, _channels_last(pixels, layout), layout)
    if layout.has_resolution:
        image = image.copy(xres=layout.x_resolution, yres=layout.y_resolution)
    if layout.profile is not None and layout.photometric not in (_CIELAB, _ICCLAB):
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", layout.profile)
    image.set_type(pyvips.GValue.gint_type, "orientation", layout.orientation)
    return image


def _channels_last(pixels: np.ndarray, layout: TiffLayout) -> np.ndarray:
    """`(H, W, channels)`: the picture's own, then alpha."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    elif pixels.shape[-1] != layout.colors + layout.extras + (layout.alpha is not None):
        pixels = np.moveaxis(pixels, 0, -1)
    wanted = [*range(layout.colors), *([] if layout.alpha is None else [layout.alpha])]
    return pixels[..., wanted] if pixels.shape[-1] > len(wanted) else pixels


def _image_of(where: str, pixels: np.ndarray, layout: TiffLayout) -> pyvips.Image:
    bits = max(layout.bits)
    if layout.photometric == _PALETTE:
        colors = np.array(layout.colormap, np.uint16).reshape(3, -1).T
        pixels, bits = colors[pixels[..., 0]], 16
        if not (pixels % 257).any():
            pixels, bits = (pixels // 257).astype(np.uint8), 8
    elif layout.photometric in (_CIELAB, _ICCLAB):
        pixels = _srgb_of_lab(pixels, bits, icc=layout.photometric == _ICCLAB)
    deep = bits > 8
    peak = 2**bits - 1
    if bits not in (8, 16):
        scaled = pixels.astype(np.uint32) * (65535 if deep else 255)
        pixels = (scaled + peak // 2) // peak
    pixels = np.ascontiguousarray(pixels, np.uint16 if deep else np.uint8)
    if layout.photometric == _MIN_IS_WHITE:
        pixels[..., 0] = (65535 if deep else 255) - pixels[..., 0]
    bands = pixels.shape[2] - (layout.alpha is not None)
    kinds = {1: ("b-w", "grey16"), 3: ("srgb", "rgb16"), 4: ("cmyk", "cmyk")}
    if bands not in kinds:
        raise not_supported(where, f"a TIFF of {bands} channels")
    return pyvips.Image.new_from_array(pixels).copy(interpretation=kinds[bands][deep])


def _srgb_of_lab(pixels: np.ndarray, bits: int, *, icc: bool) -> np.ndarray:
    """sRGB of the same depth, of CIELAB as TIFF 6.0, section 23, has it, or as ICC profiles have it (Adobe Photoshop TIFF notes)."""
    values = pixels.astype(np.float32)
    if icc:
        L = values[..., 0] * (100 / 255 if bits == 8 else 100 / 0xFF00)
        ab = (values[..., 1:3] - 2 ** (bits - 1)) / 2 ** (bits - 8)
    else:
        L = values[..., 0] * (100 / (2**bits - 1))
        ab = pixels[..., 1:3].astype(np.uint8 if bits == 8 else np.uint16).view(np.int8 if bits == 8 else np.int16)
        ab = ab.astype(np.float32) / 2 ** (bits - 8)
    a, b = (ab[..., 0], ab[..., 1]) if ab.shape[-1] == 2 else (np.zeros_like(L), np.zeros_like(L))
    peak = 2**bits - 1
    encoded = [srgb_encode(plane) * peak + 0.5 for plane in lab_to_linear(L, a, b)]
    dtype = np.uint8 if bits == 8 else np.uint16
    return np.stack(
        [plane.astype(dtype) for plane in encoded] + [pixels[..., n].astype(dtype) for n in range(3, pixels.shape[-1])], -1
    )
