"""A coloured photo as JPEG holds it: full luma and, for eyes see less of it, half as much chroma each way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from ..color.chroma_grid import ChromaGrid, luma_on_grid
from ..color.conversion import KR_KB, YCbCr, gray_of_lightness, lab_to_rgb, lightness_table, rgb_to_chroma
from ..color.lookup import look_up, quantized_map, table
from ..color.pixel_codes import gray_to_lightness
from ..color.upsampling import STEPS, ChromaMap, refined

_CODING = YCbCr(*KR_KB["bt601"], full=True)  # JFIF 1.02
_STRIP_SAMPLES = 1 << 15  # of chroma, converted at once: intermediate results fit into the processor's cache
# By how much luma differs from the gray of the same L, in bytes: half codes, -96..31.5 (colours of sRGB: -69..6).
_SHIFT_STEP, _SHIFT_ZERO = 0.5, 192


class Planes(NamedTuple):
    """Y'CbCr of JFIF, uint8: luma `(H, W)`; chroma `(H, W)` or, halved, `(ceil(H / 2), ceil(W / 2))`."""

    luma: np.ndarray
    cb: np.ndarray
    cr: np.ndarray


def colored_planes(gray: np.ndarray, chroma: ChromaMap, *, halved: bool) -> Planes:
    """Luma and chroma of a photo with the lightness of `gray`, uint8 `(H, W)`, and the map's ab, shrunk to the gamut.

    A colour has less luma than the gray of its L; by how much is known at every chroma sample, and interpolated between them
    as decoders interpolate chroma, so that L stays.
    """
    each = 2 if halved else 1
    grid = ChromaGrid(gray.shape[1], gray.shape[0], across=each, down=each, left=False)
    rows, columns = grid.rows.count, grid.columns.count
    fine = refined(quantized_map(chroma), rows, columns)
    cb, cr, shift = (np.empty((rows, columns), np.uint8) for _ in range(3))
    height = max(1, _STRIP_SAMPLES // columns // max(STEPS)) * max(STEPS)
    for top in range(0, rows, height):
        strip = slice(top, top + height)
        around = luma_on_grid(gray[top * each : (top + height) * each], grid)
        coefficients = list(fine.spread(around.shape, top))
        cb[strip], cr[strip], shift[strip], _ = look_up(_table(), around, gray_to_lightness(around), coefficients)
    if halved:
        shift = cv2.resize(shift, (2 * columns, 2 * rows), interpolation=cv2.INTER_LINEAR)[: gray.shape[0], : gray.shape[1]]
    luma = cv2.addWeighted(gray, 1, shift, _SHIFT_STEP, -_SHIFT_STEP * _SHIFT_ZERO)
    return Planes(luma, cb, cr)


@cache
def _table() -> np.ndarray:
    return table("jpeg", lightness_table(_CODING), _coded)


def _coded(L: np.ndarray, ab: np.ndarray) -> Sequence[np.ndarray]:
    """Cb, Cr, luma's distance from the gray of the same L, and nothing; for L `(h, w)` and ab `(2, h, w)`."""
    rgb = lab_to_rgb(L[None], ab)
    cb, cr = np.clip(np.rint(rgb_to_chroma(rgb, _CODING)), 0, 255).astype(np.uint8)
    luma = _CODING.kr * rgb[0] + (1 - _CODING.kr - _CODING.kb) * rgb[1] + _CODING.kb * rgb[2]
    shift = (luma - gray_of_lightness(L)) * 255 / _SHIFT_STEP + _SHIFT_ZERO
    return cb, cr, np.rint(shift).astype(np.uint8), np.zeros_like(cb)
