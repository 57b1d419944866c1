"""BMPs of every layout, written here bit by bit: palettes of OS/2 and Windows, 1 to 32 bits a pixel, masks, top-down rows."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from batchcolor.errors import SourceError
from batchcolor.photos.bmp import decode
from tests.support import gradient

GRAY = gradient(21, 33)
MOST = 1_000_000
_BITFIELDS = 3


def rows(packed: np.ndarray, *, top_down: bool = False) -> bytes:
    """Rows of bytes, each padded to four."""
    padded = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 4)))
    return (padded if top_down else padded[::-1]).tobytes()


def packed(indices: np.ndarray, bits: int) -> np.ndarray:
    """Indices of `bits` bits in bytes, the first in the highest bits."""
    per_byte = 8 // bits
    padded = np.pad(indices, ((0, 0), (0, -indices.shape[1] % per_byte))).reshape(len(indices), -1, per_byte)
    return (padded << np.arange(8 - bits, -1, -bits)).sum(2).astype(np.uint8)


def file(
    body: bytes, bits: int, *, palette: bytes = b"", header: int = 40, masks: tuple[int, ...] = (), height: int = 0
) -> bytes:
    high, wide = height or GRAY.shape[0], GRAY.shape[1]
    if header == 12:
        info = struct.pack("<IHHHH", 12, wide, high, 1, bits)
    else:
        colors = len(palette) // 4
        compression = _BITFIELDS if masks else 0
        info = struct.pack("<IiiHHIIiiII", header, wide, high, 1, bits, compression, len(body), 11811, 11811, colors, 0)
        info += struct.pack(f"<{len(masks)}I", *masks)
    front = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", front + len(body), 0, 0, front) + info + palette + body


def palette(count: int, *, os2: bool) -> bytes:
    values = np.rint(np.linspace(0, 255, count)).astype(np.uint8)
    columns = [values] * 3 if os2 else [*[values] * 3, np.zeros_like(values)]
    return np.stack(columns, 1).tobytes()


def quantized(levels: int) -> np.ndarray:
    return np.rint(GRAY / 255 * (levels - 1)).astype(np.uint32)


@pytest.mark.parametrize("os2", [False, True], ids=["Windows", "OS/2"])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_palettes(tmp_path: Path, bits: int, os2: bool) -> None:
    indices = quantized(2**bits)
    content = file(rows(packed(indices, bits)), bits, palette=palette(2**bits, os2=os2), header=12 if os2 else 40)
    (tmp_path / "a.bmp").write_bytes(content)
    bitmap = decode(tmp_path / "a.bmp", MOST)
    gray = bitmap.pixels if bitmap.pixels.ndim == 2 else bitmap.pixels[..., 1]
    np.testing.assert_array_equal(gray, np.rint(np.linspace(0, 255, 2**bits)).astype(np.uint8)[indices])
    assert bitmap.resolution == (None if os2 else pytest.approx((11.811, 11.811)))


@pytest.mark.parametrize(
    "masks", [(), (0xF800, 0x07E0, 0x001F), (0x7C00, 0x03E0, 0x001F)], ids=["555", "565 masks", "555 masks"]
)
@pytest.mark.parametrize("top_down", [False, True])
def test_sixteen_bits_a_pixel(tmp_path: Path, masks: tuple[int, ...], top_down: bool) -> None:
    used = masks or (0x7C00, 0x03E0, 0x001F)
    levels = [bin(mask).count("1") for mask in used]
    shifts = [(mask & -mask).bit_length() - 1 for mask in used]
    words = sum(quantized(2**bits) << shift for bits, shift in zip(levels, shifts, strict=True)).astype("<u2")
    body = rows(words.view(np.uint8).reshape(len(GRAY), -1), top_down=top_down)
    (tmp_path / "a.bmp").write_bytes(file(body, 16, masks=masks, height=-len(GRAY) if top_down else 0))
    pixels = decode(tmp_path / "a.bmp", MOST).pixels
    for channel, bits in enumerate(levels):
        wanted = quantized(2**bits) * 255 / (2**bits - 1)
        assert np.abs(pixels[..., channel] - wanted).max() <= 4  # how few bits become eight is each reader's choice


def test_24_and_32_bits_a_pixel(tmp_path: Path) -> None:
    for bits, planes in ((24, [GRAY] * 3), (32, [GRAY, GRAY, GRAY, np.zeros_like(GRAY)])):
        body = rows(np.stack(planes, 2).reshape(len(GRAY), -1))
        (tmp_path / "a.bmp").write_bytes(file(body, bits))
        np.testing.assert_array_equal(decode(tmp_path / "a.bmp", MOST).pixels, np.stack([GRAY] * 3, 2))


def test_alpha_that_is_used_stays(tmp_path: Path) -> None:
    alpha = np.flip(GRAY, 1)
    body = np.stack([GRAY, GRAY, GRAY, alpha], 2).reshape(len(GRAY), -1)
    (tmp_path / "a.bmp").write_bytes(file(rows(body), 32))
    np.testing.assert_array_equal(decode(tmp_path / "a.bmp", MOST).pixels[..., 3], alpha)
    (tmp_path / "a.bmp").write_bytes(file(rows(body, top_down=True), 32, height=-len(GRAY)))
    np.testing.assert_array_equal(decode(tmp_path / "a.bmp", MOST).pixels[..., 3], alpha)


def test_what_cannot_be_decoded_is_said(tmp_path: Path) -> None:
    path, content = tmp_path / "a.bmp", file(rows(GRAY), 8, palette=palette(256, os2=False))
    path.write_bytes(content[:-40])
    with pytest.raises(SourceError, match="ends before its pixels do"):
        decode(path, MOST)
    path.write_bytes(content[:28] + b"\x09\0" + content[30:])
    with pytest.raises(SourceError, match="is not supported here"):
        decode(path, MOST)
    path.write_bytes(file(b"", 24, height=1_000_000))
    with pytest.raises(SourceError, match="claims to be 33 x 1000000 pixels"):
        decode(path, MOST)


def test_run_lengths_are_decoded_and_those_that_leave_the_picture_refused(tmp_path: Path) -> None:
    flat = np.full_like(GRAY, 100)
    lines = b"".join(bytes([GRAY.shape[1], 100, 0, 0]) for _ in range(len(GRAY))) + b"\0\1"
    content = file(lines, 8, palette=palette(256, os2=False))
    content = content[:30] + struct.pack("<I", 1) + content[34:]  # BI_RLE8
    (tmp_path / "a.bmp").write_bytes(content)
    pixels = decode(tmp_path / "a.bmp", MOST).pixels
    np.testing.assert_array_equal(pixels if pixels.ndim == 2 else pixels[..., 1], flat)
    (tmp_path / "a.bmp").write_bytes(content.replace(lines, b"\0\2\x7f\x7f" * 4 + lines))
    with pytest.raises(SourceError, match="is not supported here"):
        decode(tmp_path / "a.bmp", MOST)
