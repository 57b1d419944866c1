"""Formulas of 8-bit luma and ab as lookup tables: one lookup for each pixel instead of sixty operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, cached_property

import cv2
import numpy as np

from ..runtime.disk_cache import cached_array
from .conversion import fit_gamut
from .upsampling import ChromaMap

# a and b in bytes, in steps of 0.85 (less than half a code value), -108.8..107.95 (sRGB reaches 98.3 in a and 107.9 in b).
_AB_STEP, _AB_ZERO = 0.85, 128

_HUES = 1080
_COLOURS = 4 * _HUES
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
    levels = lightness[:256:2].astype(np.float32)

    def made(chosen: Sequence[int], every: int) -> np.ndarray:
        """Of these levels, and of every so many a and b."""
        gamut = _Gamut(np.stack([a[::every, ::every], b[::every, ::every]]), levels[chosen])
        return np.stack([level(levels[number], *gamut.within(n)) for n, number in enumerate(chosen)], -1)

    def level(L: np.float32, colours: np.ndarray, which: np.ndarray) -> np.ndarray:
        planes = formula(np.full(colours.shape[1:], L, np.float32), colours)
        packed: np.ndarray = cv2.merge(list(planes)).view(f"<u{len(planes)}").reshape(-1)
        return packed[which]

    some, every = [5, 40, 100], 8
    place = slice(None, None, every), slice(None, None, every), some
    return np.asarray(cached_array(name, made(some, every), place, lambda: made(range(128), 1))).reshape(-1)


class _Gamut:
    """Colours ab `(2, h, w)` and, for each of some levels of L, the same shrunk to sRGB's gamut, from below: no formula has to search.

    Most of a table lies outside, and there a colour is that of the border at its hue. The border is found for every third of a degree and
    has a colour for every twelfth: at most 0.1 ab off, and the table's steps are 0.85.
    """

    def __init__(self, ab: np.ndarray, levels: np.ndarray) -> None:
        a, b = ab
        self._ab, self._levels = ab, levels
        self._hue = np.rint(np.arctan2(b, a) * np.float32(_COLOURS / (2 * np.pi))).astype(np.int32) % _COLOURS
        self._chroma = np.hypot(a, b)

    @cached_property
    def _borders(self) -> np.ndarray:
        """The largest chroma by level and hue, float32 `(levels, colours)`."""
        rays = np.repeat(_BEYOND * _directions(_HUES)[:, None], len(self._levels), 1)
        L = np.repeat(self._levels[None, :, None], _HUES, 2)
        found = _JUST_INSIDE * np.hypot(*fit_gamut(L, rays))
        at = np.arange(_COLOURS, dtype=np.float32) * np.float32(_HUES / _COLOURS)
        before = at.astype(np.int32)
        share = at - before
        return found[:, before] * (1 - share) + found[:, (before + 1) % _HUES] * share

    def within(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Colours `(2, 1, n)` within the gamut at a level, and which of them each of ab is, `(h, w)`."""
        border = self._borders[number]
        inside = self._chroma <= border[self._hue]
        which = self._hue.copy()
        which[inside] = np.arange(_COLOURS, _COLOURS + np.count_nonzero(inside), dtype=np.int32)
        return np.concatenate([border * _directions(_COLOURS), self._ab[:, inside]], 1)[:, None], which


@cache
def _directions(count: int) -> np.ndarray:
    """So many hues as a and b of length 1, float32 `(2, count)`."""
    angles = np.arange(count, dtype=np.float32) * np.float32(2 * np.pi / count)
    return np.stack([np.cos(angles), np.sin(angles)])


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
