"""Chroma planes for a luma plane that stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ..color import YCbCr, lab_to_rgb, rgb_to_chroma
from ..kept import kept
from ..upscale import ChromaMap, Positions
from .lightness import lightness

# The table for 8 bits: a and b in bytes, in steps of 0.85 (less than half a code value), -108.8..107.95 (sRGB reaches 98.3 in a and
# 107.9 in b).
_AB_STEP, _AB_ZERO = 0.85, 128


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
    count, width = grid.rows.count, grid.columns.count
    made = np.empty((2, count, width), luma.dtype)
    convert, unit, zero = (_by_formula, 1.0, 0) if coding.depth > 8 else (_by_table, _AB_STEP, _AB_ZERO)
    in_units = chroma.coefficients * np.float32(1 / unit) + np.array([0, 0, zero, zero], np.float32)
    coefficients = _on_grid(in_units, grid)
    height = max(1, _STRIP_SAMPLES // width)
    for first in range(0, count, height):
        strip = slice(first, first + height)
        around = luma_on_grid(luma[first * grid.down : (first + height) * grid.down], grid)
        made[0, strip], made[1, strip] = convert(around, lightness(around, coding), coefficients[:, strip], coding)
    return made


def _on_grid(coefficients: np.ndarray, grid: ChromaGrid) -> np.ndarray:
    """Coefficients float32 `(h, w, 4)` of the whole picture at every chroma sample `(4, rows, columns)`, by linear interpolation.

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
    spread = np.empty((4, grid.rows.count, grid.columns.count), np.float32)
    for plane, whole in zip(cv2.split(moved), spread, strict=True):
        cv2.resize(plane, whole.shape[::-1], dst=whole, interpolation=cv2.INTER_LINEAR)
    return spread


def _by_table(luma: np.ndarray, L: np.ndarray, coefficients: np.ndarray, coding: YCbCr) -> tuple[np.ndarray, np.ndarray]:
    """As `_by_formula`, 8 bits; the coefficients give a and b as the table's bytes."""
    gains, offsets = coefficients[:2], coefficients[2:]
    # OpenCV's sum rounds and stays within a byte.
    a, b = (cv2.add(gain * L, offset, dtype=cv2.CV_8U) for gain, offset in zip(gains, offsets, strict=True))
    index = cv2.merge([a, b, luma >> 1, np.zeros_like(luma)]).view("<i4")[..., 0]
    pairs = _table(coding).take(index)  # Cb in the low byte, Cr in the high one
    cb, cr = cv2.split(pairs.view(np.uint8).reshape(*luma.shape, 2))
    return cb, cr


def _by_formula(luma: np.ndarray, L: np.ndarray, coefficients: np.ndarray, coding: YCbCr) -> tuple[np.ndarray, np.ndarray]:
    """Cb, Cr `(h, w)`, type of luma, for L `(h, w)` and coefficients `(4, h, w)` that give ab."""
    gains, offsets = coefficients[:2], coefficients[2:]
    cb, cr = _codes(L, gains * L + offsets, coding).astype(luma.dtype)
    return cb, cr


def _codes(L: np.ndarray, ab: np.ndarray, coding: YCbCr) -> np.ndarray:
    """Cb, Cr for L `(h, w)` and ab `(2, h, w)`, float, rounded to codes."""
    rounded = np.rint(rgb_to_chroma(lab_to_rgb(L[None], calm_darks(L[None], ab)), coding))
    return np.clip(rounded, 0, 2**coding.depth - 1)


def calm_darks(L: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """ab `(2, h, w)` with no more chroma than 2 + 2 L, L `(1, h, w)`: film grain in black must not sparkle in colours.

    Above L = 30 there is no chroma left in sRGB that this would take away.
    """
    chroma = np.hypot(ab[:1], ab[1:])
    calm: np.ndarray = ab * np.minimum(1, (2 + 2 * L) / np.maximum(chroma, 1e-3)).astype(np.float32)
    return calm


@cache
def _table(coding: YCbCr) -> np.ndarray:
    """Cb and Cr of 8 bits for every second luma code, and 256 x 256 values of b and a; uint16, flat, 16 MB.

    A lookup a sample instead of some sixty operations. Its error is 0.4 codes in the mean, rounding included, and below 2 for 99 of 100.
    """
    values = (np.arange(256, dtype=np.float32) - _AB_ZERO) * np.float32(_AB_STEP)
    b, a = np.meshgrid(values, values, indexing="ij")

    def level(number: int, every: int = 1) -> np.ndarray:
        some = np.stack([a[::every, ::every], b[::every, ::every]])
        L = lightness(np.full(some.shape[1:], 2 * number, np.uint8), coding)
        cb, cr = _codes(L, some, coding).astype("<u2")
        return cb | (cr << 8)

    sample = np.stack([level(number, every=8) for number in (5, 40, 100)])
    table = kept("chroma", sample, lambda: np.stack([level(number) for number in range(128)]))
    return np.asarray(table).reshape(-1)
