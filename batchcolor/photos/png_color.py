"""The colour space of a PNG without a profile: gamma and chromaticities (ISO/IEC 15948, 11.3.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..color.conversion import SRGB_TO_XYZ
from ..runtime.libvips import pyvips
from .not_supported import not_supported

_SRGB_GAMMA, _SRGB_CHROMATICITIES = 0.45455, (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_GAMMA_THRESHOLD = 0.05  # relative difference below which libpng calls two gammas the same
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}  # Rec. ITU-T H.273, table 3


@dataclass(frozen=True, slots=True)
class PngColor:
    """gamma: of the file, as gAMA has it; None: sRGB, or so near to it that libpng sees no difference. to_srgb: linear RGB to linear
    sRGB, or None. frames: of an animation; has_resolution: whether pHYs gives pixels a metre."""

    gamma: float | None = None
    to_srgb: np.ndarray | None = None
    frames: int = 1
    has_resolution: bool = False

    @property
    def is_srgb(self) -> bool:
        return self.gamma is None and self.to_srgb is None

    def as_srgb(self, image: pyvips.Image, *, gray: bool, deep: bool, alpha: bool) -> pyvips.Image:
        """The image's samples as those of sRGB, or of gray as sRGB has it; alpha untouched."""
        peak = 65535 if image.format == "ushort" else 255
        own, cover = (image[: image.bands - 1], image[image.bands - 1]) if alpha else (image, None)
        linear = own.colourspace("scrgb") if self.gamma is None else (own / peak) ** (1 / self.gamma)
        if gray:
            linear = linear.bandjoin([linear, linear])
        elif self.to_srgb is not None:
            linear = linear.recomb(self.to_srgb.tolist())
        wanted = ("grey16" if deep else "b-w") if gray else ("rgb16" if deep else "srgb")
        encoded = linear.copy(interpretation="scrgb").colourspace(wanted).cast("ushort" if deep else "uchar")
        return encoded if cover is None else encoded.bandjoin(cover.cast(encoded.format)).copy(interpretation=wanted)


def png_color(path: Path) -> PngColor:
    """Reads the chunks before the pixels. Raises `OSError`, and `SourceError` for PQ and HLG."""
    chunks: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            size, kind = struct.unpack(">I4s", head)
            if kind in (b"IDAT", b"IEND"):
                break
            if kind in (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"acTL", b"pHYs") and size <= 64:
                chunks[kind] = file.read(size)
                file.seek(4, 1)
            else:
                chunks.setdefault(kind, b"")
                file.seek(size + 4, 1)
    frames = int.from_bytes(chunks.get(b"acTL", b"\0\0\0\1")[:4], "big")
    resolution = len(chunks.get(b"pHYs", b"")) == 9 and chunks[b"pHYs"][8] == 1
    coding = chunks.get(b"cICP", b"")
    if len(coding) == 4 and coding[1] in _HDR_TRANSFERS:
        raise not_supported(path, f"an HDR picture ({_HDR_TRANSFERS[coding[1]]})")
    if {b"cICP", b"iCCP", b"sRGB"} & chunks.keys():
        return PngColor(frames=frames, has_resolution=resolution)
    gamma = _gamma(chunks.get(b"gAMA", b""))
    matrix = _to_srgb(chunks.get(b"cHRM", b""))
    return PngColor(gamma, matrix, frames, resolution)


def _gamma(chunk: bytes) -> float | None:
    if len(chunk) != 4:
        return None
    gamma = int.from_bytes(chunk, "big") / 100_000
    return None if gamma <= 0 or abs(gamma / _SRGB_GAMMA - 1) < _GAMMA_THRESHOLD else gamma


def _to_srgb(chunk: bytes) -> np.ndarray | None:
    """Linear RGB of these chromaticities to linear sRGB, white to white (Bradford); None: it is sRGB, or makes no sense."""
    if len(chunk) != 32:
        return None
    values = np.array(struct.unpack(">8I", chunk)) / 100_000
    if np.allclose(values, _SRGB_CHROMATICITIES, atol=0.002) or not (values[1::2] > 0).all():
        return None
    white, *primaries = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in values.reshape(4, 2))
    columns = np.stack(primaries, 1)
    if abs(np.linalg.det(columns)) < 1e-6:
        return None
    to_xyz = columns * np.linalg.solve(columns, white)
    cone, cone_srgb = _BRADFORD @ white, _BRADFORD @ SRGB_TO_XYZ.sum(1)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(cone_srgb / cone) @ _BRADFORD
    matrix: np.ndarray = np.linalg.inv(SRGB_TO_XYZ) @ adapted @ to_xyz
    return matrix
