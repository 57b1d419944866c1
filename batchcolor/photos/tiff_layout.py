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
_YCBCR_COEFFICIENTS, _YCBCR_SUBSAMPLING, _REFERENCE_BLACK_WHITE = 529, 530, 532
_JPEG = 7
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
_ASSOCIATED = 1
_ALPHA = (_ASSOCIATED, 2)  # ExtraSamples: 2 is unassociated; 0 is unspecified, such as the infrared of a film scanner


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """A page's channels. bits: a sample; colors: channels of the picture; alpha: the channel that is transparency; associated: whether
    colours are multiplied by it; extras: other channels. number: of the page, from 0. ycbcr: how codes become RGB, where libvips leaves
    that to us."""

    number: int
    bits: tuple[int, ...]
    compression: int
    photometric: int
    colors: int
    alpha: int | None
    associated: bool
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
    ycbcr: YCbCr | None

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
        associated=alpha is not None and kinds[alpha - colors] == _ASSOCIATED,
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
        ycbcr=_ycbcr(page, integers(_YCBCR_SUBSAMPLING, 2, 2), bits[0])
        if photometric == _YCBCR and integers(_COMPRESSION, 1)[0] not in (_JPEG, _OLD_JPEG)
        else None,
    )


def _rational(page: Directory, tag: int) -> float:
    return next(iter(_rationals(page, tag)), 0.0)


def _rationals(page: Directory, tag: int) -> tuple[float, ...]:
    entry = page.entries.get(tag)
    if entry is None:
        return ()
    pairs = np.frombuffer(entry.value[: len(entry.value) // 8 * 8], "<u4").reshape(-1, 2).tolist()
    return tuple(above / below if below else 0.0 for above, below in pairs)


@dataclass(frozen=True, slots=True)
class YCbCr:
    """RGB codes = matrix @ (Y, Cb, Cr) + offset (TIFF 6.0, sections 20 and 21)."""

    matrix: tuple[tuple[float, float, float], ...]
    offset: tuple[float, float, float]

    def to_rgb(self, image: pyvips.Image) -> pyvips.Image:
        """The picture in RGB. image: 8 bits, three channels and any others, which stay as they are."""
        rgb = image.extract_band(0, n=3).recomb([list(row) for row in self.matrix]) + list(self.offset)
        rgb = rgb.rint().cast("uchar")
        others = image.bands - 3
        joined = rgb.bandjoin(image.extract_band(3, n=others)) if others else rgb
        return joined.copy(interpretation="srgb")


def _ycbcr(page: Directory, subsampling: tuple[int, ...], bits: int) -> YCbCr | None:
    """None for chroma of lower resolution, which libtiff makes RGB of, and for samples of another depth."""
    if subsampling != (1, 1) or bits != 8:
        return None
    coefficients = _rationals(page, _YCBCR_COEFFICIENTS)
    if len(coefficients) != 3 or abs(sum(coefficients) - 1) > 0.01 or min(coefficients) <= 0:
        coefficients = (0.299, 0.587, 0.114)
    reference = _rationals(page, _REFERENCE_BLACK_WHITE)
    if len(reference) != 6 or any(white <= black for black, white in zip(reference[::2], reference[1::2], strict=True)):
        reference = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)
    red, green, blue = coefficients
    black = np.array(reference[::2])
    scale = np.array([255.0, 127.0, 127.0]) / (np.array(reference[1::2]) - black)
    of_red, of_blue = 2 - 2 * red, 2 - 2 * blue
    matrix = np.array([[1, 0, of_red], [1, -blue * of_blue / green, -red * of_red / green], [1, of_blue, 0]]) * scale
    return YCbCr(tuple(map(tuple, matrix.tolist())), tuple((-matrix @ black).tolist()))


def check_samples(path: Path, layout: TiffLayout) -> None:
    """Raises `SourceError` for samples that are no picture's of 8 or 16 bits, or none of a picture at all."""
    where = f"{path}: page {layout.number + 1}" if layout.number else str(path)
    if layout.raw is not None:
        raise not_supported(where, layout.raw)
    if layout.photometric == _YCBCR and max(layout.bits) != 8 and layout.compression not in (_JPEG, _OLD_JPEG):
        raise not_supported(where, f"a TIFF in Y'CbCr of {max(layout.bits)} bits a sample")
    if max(layout.bits, default=0) > 16 or layout.signed_or_float:
        kind = "signed or of floating point" if layout.signed_or_float else "unsigned"
        raise SourceError(
            f"{where}: has samples of {max(layout.bits)} bits, {kind}; only 8 and 16 bits can be colorized, so convert it first"
        )


def channels_of(image: pyvips.Image, layout: TiffLayout) -> pyvips.Image:
    """The channels of a page that are its picture and its transparency, of all that libvips gives."""
    if layout.photometric == _PALETTE:
        return image  # of RGB, or gray, by now
    if layout.ycbcr is not None:
        image = layout.ycbcr.to_rgb(image)
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
    if layout.associated:
        pixels = _unassociated(pixels)
    bands = pixels.shape[2] - (layout.alpha is not None)
    kinds = {1: ("b-w", "grey16"), 3: ("srgb", "rgb16"), 4: ("cmyk", "cmyk")}
    if bands not in kinds:
        raise not_supported(where, f"a TIFF of {bands} channels")
    image = pyvips.Image.new_from_array(pixels).copy(interpretation=kinds[bands][deep])
    return image if layout.ycbcr is None else layout.ycbcr.to_rgb(image)


def _unassociated(pixels: np.ndarray) -> np.ndarray:
    """Pixels whose colours are no longer multiplied by their alpha, the last channel; where it is 0 they stay as they are stored."""
    peak = np.iinfo(pixels.dtype).max
    colors, alpha = pixels[..., :-1].astype(np.float32), pixels[..., -1:]
    np.divide(colors * peak, alpha, out=colors, where=alpha > 0)
    return np.concatenate([np.minimum(np.rint(colors), peak).astype(pixels.dtype), alpha], axis=-1)


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
