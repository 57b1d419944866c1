"""Pixels as files hold them, codes of 8 and 16 bits, to lightness and back: `color.py` at the speed of tables and OpenCV.

A photo's every pixel goes through here twice, so each pass counts. What is approximated is exact to a fraction of a code.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from .color import lab_to_rgb, largest_chroma, lightness_of_gray, lightness_of_linear, rgb_to_lab, srgb_decode

_SHARES_OF_Y = (0.2126, 0.7152, 0.0722)  # of linear R, G and B: IEC 61966-2-1
_TINY = 1e-6


def gray_to_lightness(codes: np.ndarray) -> np.ndarray:
    """uint8 or uint16 `(H, W)` -> L float32 `(H, W)`, 0..100."""
    table = _lightness_of_code(codes.itemsize)
    return cv2.LUT(np.ascontiguousarray(codes), table) if codes.itemsize == 1 else table[codes]


def rgb_to_lightness(codes: np.ndarray) -> np.ndarray:
    """sRGB uint8 or uint16 `(3, H, W)` -> L float32 `(H, W)`, 0..100; of 8 bits to 0.03, a tenth of a code."""
    if codes.itemsize == 2:
        return rgb_to_lab(codes.astype(np.float32) / np.float32(65535))[0]
    red, green, blue = (cv2.LUT(np.ascontiguousarray(p), table) for p, table in zip(codes, _shares(), strict=True))
    return _lightness_of_y()[cv2.add(cv2.add(red, green), blue)]  # OpenCV's sum stays within 16 bits


@cache
def _lightness_of_code(itemsize: int) -> np.ndarray:
    """L of every value that a gray sample of 1 or 2 bytes can have."""
    values = np.arange(256**itemsize, dtype=np.float32) / np.float32(256**itemsize - 1)
    return lightness_of_gray(values)


@cache
def _shares() -> tuple[np.ndarray, ...]:
    """What every 8-bit code of R, G and B adds to a 16-bit Y."""
    linear = srgb_decode(np.arange(256, dtype=np.float64) / 255)
    return tuple((linear * share * 65535 + 0.5).astype(np.uint16) for share in _SHARES_OF_Y)


@cache
def _lightness_of_y() -> np.ndarray:
    """L of every 16-bit Y."""
    return lightness_of_linear(np.arange(65536, dtype=np.float64) / 65535).astype(np.float32)


def lab_to_codes(L: np.ndarray, ab: np.ndarray, depth: int) -> np.ndarray:
    """L `(H, W)` and ab `(2, H, W)` -> sRGB `(H, W, 3)`, uint8 or uint16 by `depth`, chroma shrunk to the gamut.

    A gray pixel comes back as the very code that its L came from. 8 bits go through OpenCV (CIE 1976, D65, sRGB, as here; one code off
    for three samples of a thousand). It clips colours outside the gamut, which would move hue and lightness, so those come again with
    their chroma shrunk by a table of the gamut's border: 0.04 ab units off, and twenty times as fast as searching for it.
    """
    if depth == 16:
        rgb = lab_to_rgb(L[None], ab)
        return np.ascontiguousarray(np.moveaxis((rgb * np.float32(65535) + np.float32(0.5)).astype(np.uint16), 0, -1))
    rgb = cv2.cvtColor(cv2.merge([L, *ab]), cv2.COLOR_Lab2RGB)
    codes = cv2.convertScaleAbs(rgb, alpha=255)
    clipped = cv2.inRange(rgb, (_TINY,) * 3, (1 - _TINY,) * 3) == 0  # a clipped channel is exactly 0 or 1
    if clipped.any():
        L_out, a, b = L[clipped], ab[0][clipped], ab[1][clipped]
        scale = _fitting_scale(L_out, a, b)
        fitted = cv2.cvtColor(np.stack([L_out, a * scale, b * scale], 1)[None], cv2.COLOR_Lab2RGB)
        codes[clipped] = cv2.convertScaleAbs(fitted, alpha=255)[0]
    return codes


_BORDER_STEPS = (201, 721)  # of L, of hue: half a unit, half a degree
_REMAP_AT_ONCE = 16384  # OpenCV's remap takes no more than 32,767 in a row


@cache
def _border() -> np.ndarray:
    return largest_chroma(*_BORDER_STEPS)


def _fitting_scale(L: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The factor on chroma that leads into the gamut, at most 1; all float32 `(n,)`."""
    chroma, hue = (x.ravel() for x in cv2.cartToPolar(a, b))
    rows, columns = L * ((_BORDER_STEPS[0] - 1) / 100), hue * ((_BORDER_STEPS[1] - 1) / (2 * np.pi))
    starts = range(0, len(L), _REMAP_AT_ONCE)
    parts = [(columns[n : n + _REMAP_AT_ONCE, None], rows[n : n + _REMAP_AT_ONCE, None]) for n in starts]
    border = np.concatenate([cv2.remap(_border(), x, y, cv2.INTER_LINEAR).ravel() for x, y in parts])
    return np.minimum(1, border / np.maximum(chroma, np.float32(_TINY))).astype(np.float32)
