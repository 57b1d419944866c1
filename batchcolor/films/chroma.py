"""Chroma planes for a luma plane that stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ..color import YCbCr, lab_to_rgb, lightness_table, rgb_to_chroma
from ..kept import kept
from ..upscale import ChromaMap, Positions, apply_map

# The table for 8 bits: values of a and b 0.85 apart (less than half a code value), odd in number so that 0 is one of them, up to 107.95
# (sRGB's own reach: 98.3 in a, 107.9 in b).
_AB_STEPS, _AB_STEP = 255, 0.85


@dataclass(frozen=True, slots=True)
class ChromaGrid:
    """Where a film's chroma samples lie.

    width, height: of the luma plane. across, down: luma samples a chroma sample, 1 or 2. left: with 4:2:0 and 4:2:2, chroma lies on
    every second luma column (MPEG-2, H.264 and later; H.273 "type 0") instead of between two (JPEG, MPEG-1; "type 1").
    """

    width: int
    height: int
    across: int = 2
    down: int = 2
    left: bool = True

    @property
    def columns(self) -> Positions:
        first = 0.5 if self.left or self.across == 1 else 1.0
        return Positions(first / self.width, self.across / self.width, -(-self.width // self.across))

    @property
    def rows(self) -> Positions:
        return Positions(self.down / 2 / self.height, self.down / self.height, -(-self.height // self.down))


def luma_on_grid(luma: np.ndarray, grid: ChromaGrid) -> np.ndarray:
    """Luma averaged around every chroma sample, same type. luma: whole rows `(h, W)`, the first of them even -> `(rows, columns)`."""
    if luma.shape[0] % grid.down:
        luma = np.concatenate([luma, luma[-1:]])
    if luma.shape[1] % grid.across:
        luma = np.concatenate([luma, luma[:, -1:]], 1)
    if grid.across == 2 and grid.left:
        # A sample's own column and half of each neighbour: the mean of the pair that begins and the pair that ends with it.
        before = np.concatenate([luma[:, :1], luma[:, :-1]], 1)
        return cv2.addWeighted(_averaged(luma, grid), 0.5, _averaged(before, grid), 0.5, 0)
    return _averaged(luma, grid)


def _averaged(luma: np.ndarray, grid: ChromaGrid) -> np.ndarray:
    """Means over `grid.down` rows and `grid.across` columns, which divide the sides."""
    size = luma.shape[1] // grid.across, luma.shape[0] // grid.down
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA)


_STRIP_SAMPLES = 1 << 15  # chroma samples worked on at once: what comes between then stays in the processor's cache


def chroma_planes(luma: np.ndarray, chroma: ChromaMap, coding: YCbCr, grid: ChromaGrid) -> np.ndarray:
    """Cb and Cr code values `(2, rows, columns)`, uint8 or uint16 like `luma` `(H, W)`, in the film's own matrix and range.

    L comes from luma taken as R=G=B; chroma is shrunk where a colour does not exist. A gray gives exactly the neutral code.
    """
    rows, columns = grid.rows, grid.columns
    made = np.empty((2, rows.count, columns.count), luma.dtype)
    height = max(1, _STRIP_SAMPLES // columns.count)
    convert = _by_formula if coding.depth > 8 else _by_table
    for first in range(0, rows.count, height):
        count = min(height, rows.count - first)
        around = luma_on_grid(luma[first * grid.down : (first + count) * grid.down], grid)
        strip = Positions(rows.start + first * rows.step, rows.step, count)
        ab = apply_map(chroma, lightness_table(coding)[around], strip, columns)
        made[:, first : first + count] = convert(around, ab, coding)
    return made


def _by_table(luma: np.ndarray, ab: np.ndarray, coding: YCbCr) -> np.ndarray:
    """As `_by_formula`, 8 bits."""
    table = _table(coding)
    ab *= np.float32(1 / _AB_STEP)
    ab += np.float32(_AB_STEPS // 2 + 0.5)
    np.clip(ab, 0, _AB_STEPS - 0.5, out=ab)
    steps = ab.astype(np.int32)
    index = (luma >> 1).astype(np.int32)
    index *= _AB_STEPS
    index += steps[0]
    index *= _AB_STEPS
    index += steps[1]
    pairs = table[index]  # Cb in the low byte, Cr in the high one
    return pairs.view(np.uint8).reshape(*luma.shape, 2).transpose(2, 0, 1)


def _by_formula(luma: np.ndarray, ab: np.ndarray, coding: YCbCr) -> np.ndarray:
    """Cb, Cr for luma codes `(h, w)` and ab `(2, h, w)`, rounded to codes."""
    L = lightness_table(coding)[luma][None]
    codes = np.rint(rgb_to_chroma(lab_to_rgb(L, calm_darks(L, ab)), coding))
    return np.clip(codes, 0, 2**coding.depth - 1).astype(luma.dtype)


def calm_darks(L: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """ab `(2, h, w)` with no more chroma than 2 + 2 L, L `(1, h, w)`: film grain in black must not sparkle in colours.

    Above L = 30 there is no chroma left in sRGB that this would take away.
    """
    chroma = np.hypot(ab[:1], ab[1:])
    calm: np.ndarray = ab * np.minimum(1, (2 + 2 * L) / np.maximum(chroma, 1e-3)).astype(np.float32)
    return calm


@cache
def _table(coding: YCbCr) -> np.ndarray:
    """Cb and Cr of 8 bits for every second luma code, and 255 x 255 values of a and b; uint16, flat, 16 MB.

    A lookup a sample instead of some sixty operations. Its error is 0.4 codes in the mean, rounding included, and below 2 for 99 of 100.
    """
    values = (np.arange(_AB_STEPS, dtype=np.float32) - _AB_STEPS // 2) * np.float32(_AB_STEP)
    a, b = np.meshgrid(values, values, indexing="ij")

    def level(number: int, every: int = 1) -> np.ndarray:
        some = np.stack([a[::every, ::every], b[::every, ::every]])
        cb, cr = _by_formula(np.full(some.shape[1:], 2 * number, np.uint8), some, coding)
        return cb.astype("<u2") | (cr.astype("<u2") << 8)

    sample = np.stack([level(number, every=9) for number in (5, 40, 100)])
    return kept("chroma", sample, lambda: np.stack([level(number) for number in range(128)])).reshape(-1)
