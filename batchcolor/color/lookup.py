"""Formulas of 8-bit luma and ab as lookup tables: one lookup for each pixel instead of sixty operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from ..runtime.disk_cache import cached_array
from .conversion import fit_gamut
from .upsampling import ChromaMap

# a and b in bytes, in steps of 0.85 (less than half a code value), -108.8..107.95 (sRGB reaches 98.3 in a and 107.9 in b).
_AB_STEP, _AB_ZERO = 0.85, 128

_HUES = 1080
_BEYOND = np.float32(150)  # chroma outside of sRGB at every hue
_JUST_INSIDE = np.float32(0.9995)

Formula = Callable[[np.ndarray, np.ndarray], Sequence[np.ndarray]]


def quantized_map(chroma: ChromaMap) -> ChromaMap:
    """The same map, scaled so that ab are the table's bytes."""
    return ChromaMap(chroma.coefficients * np.float32(1 / _AB_STEP) + np.array([0, 0, _AB_ZERO, _AB_ZERO], np.float32))


def table(name: str, lightness: np.ndarray, formula: Formula) -> np.ndarray:
    """`formula` for 256 x 256 values of b and a and every second code of luma: flat, 8 MB for each byte of a value.

    Luma varies fastest: neighbouring pixels differ mostly in luma, so their values are close together in memory.
    lightness: L of each of the 256 codes. formula: of L `(h, w)` and ab `(2, h, w)`, float32; gives one, two or four planes, uint8.
    """
    values = (np.arange(256, dtype=np.float32) - _AB_ZERO) * np.float32(_AB_STEP)
    b, a = np.meshgrid(values, values, indexing="ij")

    def level(number: int, every: int = 1) -> np.ndarray:
        L = float(lightness[2 * number])
        some = _within_gamut(L, np.stack([a[::every, ::every], b[::every, ::every]]))
        planes = formula(np.full(some.shape[1:], L, np.float32), some)
        packed: np.ndarray = cv2.merge(list(planes)).view(f"<u{len(planes)}")[..., 0]
        return packed

    some, every = [5, 40, 100], 8
    sample = np.stack([level(number, every) for number in some], -1)
    place = slice(None, None, every), slice(None, None, every), some
    return np.asarray(
        cached_array(name, sample, place, lambda: np.stack([level(number) for number in range(128)], -1))
    ).reshape(-1)


def _within_gamut(L: float, ab: np.ndarray) -> np.ndarray:
    """ab `(2, h, w)` with chroma shrunk to sRGB's gamut, from below: then no formula has to search for its border.

    Most of the table lies outside, where the search takes ten times as long as all else. The border is found for every third of a degree;
    between them it is at most 0.1 ab off, and the table's steps are 0.85.
    """
    angles = np.arange(_HUES, dtype=np.float32) * np.float32(2 * np.pi / _HUES)
    rays = _BEYOND * np.stack([np.cos(angles), np.sin(angles)])[:, None]  # (2, 1, hues)
    border = _JUST_INSIDE * np.hypot(*fit_gamut(np.full((1, 1, _HUES), L, np.float32), rays))[0]
    hue = np.arctan2(ab[1], ab[0]) * np.float32(_HUES / (2 * np.pi)) % _HUES
    before = hue.astype(np.int32) % _HUES
    share = hue - before
    reach = border[before] * (1 - share) + border[(before + 1) % _HUES] * share
    return ab * np.minimum(1, reach / np.maximum(np.hypot(ab[0], ab[1]), np.float32(1e-6))).astype(np.float32)


def look_up(values: np.ndarray, luma: np.ndarray, L: np.ndarray, coefficients: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    """The formula's planes, uint8, of the shape of luma `(h, w)`, uint8, and its L, float32.

    values: of `table`. coefficients: of a map `quantized_map` at every sample: gain of a and b, offset of a and b, each `(h, w)`.
    """
    gain_a, gain_b, offset_a, offset_b = coefficients
    # OpenCV's sum rounds and stays within a byte.
    a, b = (cv2.add(gain * L, offset, dtype=cv2.CV_8U) for gain, offset in ((gain_a, offset_a), (gain_b, offset_b)))
    index = cv2.merge([luma, a, b, np.zeros_like(luma)]).view("<i4")[..., 0]
    found = values.take(index >> 1)
    return cv2.split(found.view(np.uint8).reshape(*luma.shape, values.itemsize))
