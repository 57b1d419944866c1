"""BMP by FFmpeg: palettes of OS/2, 16 bits a pixel and run lengths, which neither libvips nor OpenCV reads as they are meant."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from ..errors import SourceError
from ..runtime.ffmpeg import logged_errors, reason
from .not_supported import not_supported

_LARGEST_RESOLUTION = 1_000_000  # pixels a metre; beyond it the header holds something else
_UNPACKED = (0, 3, 6)  # BI_RGB, BI_BITFIELDS, BI_ALPHABITFIELDS
_BITS = (1, 4, 8, 16, 24, 32)


@dataclass(frozen=True, slots=True)
class Bitmap:
    """pixels: uint8, gray `(H, W)`, RGB `(H, W, 3)` or RGBA `(H, W, 4)`. resolution: pixels a millimetre, across and down, or None."""

    pixels: np.ndarray
    resolution: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class _Header:
    """start: of the pixels; height: negative where rows go from top to bottom; colors: of the palette, where that is said."""

    start: int
    size: int
    width: int
    height: int
    bits: int
    compression: int
    colors: int
    resolution: tuple[float, float] | None

    @classmethod
    def parse(cls, content: bytes) -> _Header:
        """Raises `struct.error` where the file is shorter than its header."""
        start, size = struct.unpack_from("<II", content, 10)
        if size == 12:  # OS/2
            width, height, _, bits = struct.unpack_from("<HHHH", content, 18)
            return cls(start, size, width, height, bits, 0, 0, None)
        width, height, _, bits, compression, _, x, y, colors = struct.unpack_from("<iiHHIIIII", content, 18)
        known = 0 < x < _LARGEST_RESOLUTION and 0 < y < _LARGEST_RESOLUTION
        return cls(start, size, width, height, bits, compression, colors, (x / 1000, y / 1000) if known else None)

    @property
    def end(self) -> int:
        """Where the last pixel ends, of rows that are not packed; the padding behind it may be missing."""
        row = (self.width * self.bits + 7) // 8
        return self.start + (row + 3) // 4 * 4 * (abs(self.height) - 1) + row


def decode(path: Path, most_pixels: int) -> Bitmap:
    """Decode a BMP. most_pixels: a picture that claims more is not decoded. Raises `SourceError`, `OSError`."""
    content = path.read_bytes()
    try:
        header = _Header.parse(content)
    except struct.error as exc:
        raise SourceError(f"{path}: ends before its pixels do; the file is damaged or cut off") from exc
    if header.width * abs(header.height) > most_pixels:
        raise SourceError(
            f"{path}: claims to be {header.width} x {abs(header.height)} pixels in {len(content)} bytes, as files made to fill the "
            "memory do; crop or convert it first if it is real"
        )
    if header.compression in _UNPACKED and header.bits in _BITS and header.end > len(content):
        raise SourceError(f"{path}: ends before its pixels do; the file is damaged or cut off")
    if header.bits <= 8 and header.colors <= 256 and header.start < 14 + header.size + 4 * header.colors:
        raise not_supported(path, "a BMP whose pixels begin within its palette")
    try:
        with logged_errors() as errors:
            (frame,) = av.CodecContext.create("bmp", "r").decode(av.Packet(content))
    except (av.error.FFmpegError, ValueError) as exc:
        raise not_supported(path, f"a BMP that cannot be decoded here ({reason(exc)})") from exc
    if errors and header.compression not in _UNPACKED:
        raise not_supported(path, f"a BMP that cannot be decoded here ({errors[0][2].strip()})")
    assert isinstance(frame, av.VideoFrame), "a picture"
    if frame.format.name in ("gray", "monob", "monow"):
        pixels = frame.to_ndarray(format="gray")
    else:
        pixels = frame.to_ndarray(format="rgba" if frame.format.name in ("bgra", "bgr0") else "rgb24")
    if pixels.ndim == 3 and pixels.shape[2] == 4 and len(np.unique(pixels[..., 3])) == 1:
        pixels = pixels[..., :3]  # most programs leave the fourth byte unused
    return Bitmap(np.ascontiguousarray(pixels), header.resolution)
