"""BMP by Pillow: palettes of OS/2, 16 bits a pixel, masks and run lengths, which neither libvips nor OpenCV reads as they are meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import SourceError
from .not_supported import not_supported

_LARGEST_RESOLUTION = 1_000_000  # pixels a metre; beyond it the header holds something else


@dataclass(frozen=True, slots=True)
class Bitmap:
    """pixels: uint8, gray `(H, W)`, RGB `(H, W, 3)` or RGBA `(H, W, 4)`. resolution: pixels a millimetre, across and down, or None."""

    pixels: np.ndarray
    resolution: tuple[float, float] | None


def decode(path: Path, most_pixels: int) -> Bitmap:
    """Decode a BMP. most_pixels: a picture that claims more is not decoded. Raises `SourceError`, `OSError`."""
    from PIL import BmpImagePlugin

    content = path.read_bytes()
    try:
        # The plugin itself, as `Image.open` has a limit for the whole process.
        with BmpImagePlugin.BmpImageFile(path) as picture:
            if picture.width * picture.height > most_pixels:
                raise SourceError(
                    f"{path}: claims to be {picture.width} x {picture.height} pixels in {len(content)} bytes, as files made to fill the "
                    "memory do; crop or convert it first if it is real"
                )
            picture.load()
            gray = picture.mode in ("1", "L")
            pixels = np.array(picture.convert("L" if gray else "RGBA" if picture.mode == "RGBA" else "RGB"))
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as exc:
        if "truncated" in str(exc) or int.from_bytes(content[2:6], "little") > len(content):
            raise SourceError(f"{path}: ends before its pixels do; the file is damaged or cut off") from exc
        raise not_supported(path, f"a BMP that cannot be decoded here ({exc})") from exc
    if pixels.ndim == 3 and pixels.shape[2] == 3 and (alpha := _fourth_bytes(content, *pixels.shape[:2])) is not None:
        pixels = np.dstack([pixels, alpha])
    if pixels.ndim == 3 and pixels.shape[2] == 4 and len(np.unique(pixels[..., 3])) == 1:
        pixels = pixels[..., :3]  # most programs leave the fourth byte unused
    return Bitmap(np.ascontiguousarray(pixels), _resolution(content))


def _resolution(content: bytes) -> tuple[float, float] | None:
    """From the header of 40 bytes or more (BITMAPINFOHEADER)."""
    if int.from_bytes(content[14:18], "little") < 40:
        return None
    x, y = (int.from_bytes(content[at : at + 4], "little") for at in (38, 42))
    return (x / 1000, y / 1000) if 0 < x < _LARGEST_RESOLUTION and 0 < y < _LARGEST_RESOLUTION else None


def _fourth_bytes(content: bytes, height: int, width: int) -> np.ndarray | None:
    """The fourth bytes of pixels of 32 bits, `(H, W)`: unused by the specification (BI_RGB), and transparency for many programs."""
    header, bits, compression = (int.from_bytes(content[at : at + size], "little") for at, size in ((14, 4), (28, 2), (30, 4)))
    if header < 40 or bits != 32 or compression != 0:
        return None
    start, rows = int.from_bytes(content[10:14], "little"), int.from_bytes(content[22:26], "little", signed=True)
    fourth = np.frombuffer(content, np.uint8, height * width * 4, start)[3::4].reshape(height, width)
    return fourth if rows < 0 else fourth[::-1]
