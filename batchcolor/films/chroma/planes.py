"""Chroma planes for a luma plane that stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np

from ...color.chroma_grid import ChromaGrid, luma_on_grid
from ...color.conversion import YCbCr, lab_to_chroma, lightness_table
from ...color.lookup import look_up, quantized_map, table
from ...color.upsampling import ChromaMap
from ..input.lightness import lightness

_WHOLE_BYTES = 24 << 20  # of coefficients at every chroma sample; larger pictures get theirs strip by strip
_STRIP_SAMPLES = 1 << 15  # chroma samples worked on at once: what comes between then stays in the processor's cache


def chroma_planes(luma: np.ndarray, chroma: ChromaMap, coding: YCbCr, grid: ChromaGrid) -> np.ndarray:
    """Cb and Cr code values `(2, rows, columns)`, uint8 or uint16 like `luma` `(H, W)`, coded as the film is.

    L comes from luma taken as R=G=B; chroma is shrunk where a colour does not exist. A gray gives exactly the neutral code.
    """
    count, width = grid.rows.count, grid.columns.count
    made = np.empty((2, count, width), luma.dtype)
    convert, chroma = (_by_formula, chroma) if coding.depth > 8 else (_by_table, quantized_map(chroma))
    height = max(1, _STRIP_SAMPLES // width)
    for first, coefficients in zip(range(0, count, height), _strips(chroma.coefficients, grid, height), strict=True):
        strip = slice(first, first + height)
        around = luma_on_grid(luma[first * grid.down : (first + height) * grid.down], grid)
        made[0, strip], made[1, strip] = convert(around, lightness(around, coding), coefficients, coding)
    return made


def _strips(coefficients: np.ndarray, grid: ChromaGrid, height: int) -> Iterator[np.ndarray]:
    """Coefficients float32 `(h, w, 4)` of the whole picture at every chroma sample, by linear interpolation: `(4, rows, columns)` for
    `height` rows after the other.

    cv2.resize takes a quarter of cv2.warpAffine's time, but samples at the centres of even parts of the side; so the small picture is
    first moved by what the chroma samples are off those, a fraction of a pixel. Planes, because to part them afterwards takes longer.
    """
    (sx, dx), (sy, dy) = (
        (side.count * side.step, (side.start - side.step / 2) * length + (side.count * side.step - 1) / 2)
        for side, length in ((grid.columns, coefficients.shape[1]), (grid.rows, coefficients.shape[0]))
    )
    moved = cv2.warpAffine(
        coefficients,
        np.array([[sx, 0, dx], [0, sy, dy]]),
        coefficients.shape[1::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    rows, columns, coarse = grid.rows.count, grid.columns.count, coefficients.shape[0]
    at_once = 16 * rows * columns <= _WHOLE_BYTES
    size = columns, rows if at_once else coarse
    spread = np.empty((4, *size[::-1]), np.float32)
    for plane, whole in zip(cv2.split(moved), spread, strict=True):
        cv2.resize(plane, size, dst=whole, interpolation=cv2.INTER_LINEAR)
    if at_once:
        yield from (spread[:, first : first + height] for first in range(0, rows, height))
        return
    weights = cv2.resize(np.eye(coarse, dtype=np.float32), (coarse, rows), interpolation=cv2.INTER_LINEAR)
    for first in range(0, rows, height):
        strip = weights[first : first + height]
        used = np.flatnonzero(strip.any(0))
        near = slice(used[0], used[-1] + 1)
        yield strip[:, near] @ spread[:, near]


def _by_table(luma: np.ndarray, L: np.ndarray, coefficients: np.ndarray, coding: YCbCr) -> tuple[np.ndarray, np.ndarray]:
    """As `_by_formula`, 8 bits, for coefficients of a map `quantized_map`.

    Its error is 0.4 codes in the mean, rounding included, and below 2 for 99 of 100.
    """
    cb, cr = look_up(_table(coding), luma, L, list(coefficients))
    return cb, cr


def _by_formula(luma: np.ndarray, L: np.ndarray, coefficients: np.ndarray, coding: YCbCr) -> tuple[np.ndarray, np.ndarray]:
    """Cb, Cr `(h, w)`, type of luma, for L `(h, w)` and coefficients `(4, h, w)` that give ab."""
    gains, offsets = coefficients[:2], coefficients[2:]
    cb, cr = _codes(L, gains * L + offsets, coding).astype(luma.dtype)
    return cb, cr


def _codes(L: np.ndarray, ab: np.ndarray, coding: YCbCr) -> np.ndarray:
    """Cb, Cr for L `(h, w)` and ab `(2, h, w)`, float, rounded to codes."""
    rounded = np.rint(lab_to_chroma(L[None], limit_shadow_chroma(L[None], ab), coding))
    return np.clip(rounded, 0, 2**coding.depth - 1)


def limit_shadow_chroma(L: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """ab `(2, h, w)` with no more chroma than 2 + 2 L, L `(1, h, w)`: film grain in black must not sparkle in colours.

    Above L = 30 there is no chroma left in sRGB that this would take away.
    """
    chroma = np.hypot(ab[:1], ab[1:])
    calm: np.ndarray = ab * np.minimum(1, (2 + 2 * L) / np.maximum(chroma, 1e-3)).astype(np.float32)
    return calm


@cache
def _table(coding: YCbCr) -> np.ndarray:
    return table("chroma", lightness_table(coding), lambda L, ab: list(_codes(L, ab, coding).astype(np.uint8)))
