"""Conversion between pixel codes of 8 and 16 bits and CIELAB: `conversion.py` by tables and compiled loops.

Every pixel of a photo is converted twice, so each pass through memory counts. Approximations are exact to a fraction of a code.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np

from .conversion import (
    fit_gamut,
    in_gamut,
    lab_to_linear,
    largest_chroma,
    lightness_of_gray,
    lightness_of_linear,
    luminance_of_linear,
    srgb_decode,
    srgb_encode,
)

_DTYPES: dict[int, type[np.unsignedinteger[Any]]] = {8: np.uint8, 16: np.uint16}
_TINY = 1e-6


def gray_to_lightness(codes: np.ndarray) -> np.ndarray:
    """uint8 or uint16 `(H, W)` -> L float32 `(H, W)`, 0..100."""
    table = _lightness_of_code(codes.itemsize)
    return cv2.LUT(np.ascontiguousarray(codes), table) if codes.itemsize == 1 else table.take(codes)


def rgb_to_lightness(codes: np.ndarray) -> np.ndarray:
    """sRGB uint8 or uint16 `(3, H, W)` -> L float32 `(H, W)`, 0..100, to 0.001."""
    (L,) = _lightness_of_colors(8 * codes.itemsize)(*codes)
    return L


def rgb_to_gray(codes: np.ndarray) -> np.ndarray:
    """sRGB uint8 `(3, H, W)` -> the gray of the same L, uint8 `(H, W)`: the nearest code, or for one pixel in 200 its neighbour."""
    shares, encoded = _luminance_tables()
    gray = np.empty(codes.shape[1:], np.uint8)
    rows = max(1, _TABLE_PIXELS // codes.shape[2])
    for top in range(0, codes.shape[1], rows):
        strip = slice(top, top + rows)
        red, green, blue = (cv2.LUT(plane[strip], share) for plane, share in zip(codes, shares, strict=True))
        encoded.take(cv2.add(cv2.add(red, green), blue), out=gray[strip], mode="clip")
    return gray


_TABLE_PIXELS = 1 << 16  # converted at once: intermediate results fit into the processor's cache


@cache
def _luminance_tables() -> tuple[np.ndarray, np.ndarray]:
    """The luminance of each code of R, G and B, uint16 `(3, 256)`, with the sum 65535; the gray code of every luminance, uint8."""
    linear = srgb_decode(np.arange(256, dtype=np.float64) / 255)
    none = np.zeros_like(linear)
    shares = [luminance_of_linear(*(linear if n == m else none for m in range(3))) for n in range(3)]
    encoded = srgb_encode(np.arange(65536) / 65535) * 255
    return np.rint(np.multiply(shares, 65535)).astype(np.uint16), np.rint(encoded).astype(np.uint8)


@cache
def _lightness_of_code(itemsize: int) -> np.ndarray:
    """L of every value that a gray sample of 1 or 2 bytes can have."""
    values = np.arange(256**itemsize, dtype=np.float32) / np.float32(256**itemsize - 1)
    return lightness_of_gray(values)


@cache
def _lightness_of_colors(depth: int) -> Loop:
    def formula(*rgb: Any) -> Sequence[Any]:
        linear = [srgb_decode(plane / (2**depth - 1)) for plane in rgb]
        return [lightness_of_linear(luminance_of_linear(*linear))]

    return _loop(formula, [_DTYPES[depth]] * 3, [np.float32])


def lab_to_codes(L: np.ndarray, ab: np.ndarray, depth: int) -> np.ndarray:
    """L `(H, W)` and ab `(2, H, W)`, float32 -> sRGB `(H, W, 3)`, uint8 or uint16 by `depth`, chroma shrunk to the gamut.

    A gray pixel returns to the code that its L came from. The few colours outside the gamut are converted again with reduced chroma:
    exactly for 16 bits, for 8 bits by a table of the gamut's boundary, which is 0.04 ab units off and twenty times as fast.
    """
    loop = _codes_of_lab(depth)
    *made, outside = loop(L, *ab)
    at = np.flatnonzero(outside)
    if len(at):
        lightness, a, b = (plane.ravel()[at] for plane in (L, *ab))
        if depth == 8:
            scale = _fitting_scale(lightness, a, b)
            a, b = a * scale, b * scale
        else:
            a, b = fit_gamut(lightness[None, None], np.stack([a, b])[:, None])[:, 0]
        *again, _ = loop(lightness, a, b)
        for plane, values in zip(made, again, strict=True):
            plane.ravel()[at] = values
    return cv2.merge(made)


@cache
def _codes_of_lab(depth: int) -> Loop:
    """L, a, b -> codes of R, G and B, clipped, and whether the colour was out of gamut."""

    def formula(L: Any, a: Any, b: Any) -> Sequence[Any]:
        linear = lab_to_linear(L, a, b)
        codes = (srgb_encode(plane) * (2**depth - 1) + 0.5 for plane in linear)
        return [*codes, ~in_gamut(*linear)]

    return _loop(formula, [np.float32] * 3, [*[_DTYPES[depth]] * 3, np.bool_])


Loop = Callable[..., list[np.ndarray]]


def _loop(
    formula: Callable[..., Sequence[Any]], inputs: Sequence[type[np.generic]], outputs: Sequence[type[np.generic]]
) -> Loop:
    """The formula over whole planes: compiled, or by numpy if OpenVINO is not installed."""
    if importlib.util.find_spec("openvino"):
        from .compiled import Fused

        return Fused(formula, inputs, outputs)

    def plain(*planes: np.ndarray) -> list[np.ndarray]:
        made = formula(*(plane.astype(np.float32) for plane in planes))
        return [plane.astype(dtype) for plane, dtype in zip(made, outputs, strict=True)]

    return plain


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
