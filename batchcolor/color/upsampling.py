"""Upsampling of the network's coarse ab to any size, along the edges of the lightness.

A fast guided filter (He, Sun, Tang 2010; He and Sun 2015, arXiv 1505.00996) fits ab as a linear function of L in every small window of
the network-sized picture. Its two coefficients are smooth, so these are scaled up instead of ab, and ab takes its edges from the full
lightness. The filter alone would also blur; the residual of the coarse ab is added back, so that low frequencies are exactly the
network's. benchmarks/upsampling.py compares it with bicubic: a fifth less error at 16 times, and less colour bleeding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

_RADIUS = 3  # pixels of the network-sized picture
_EPSILON = 16.0  # variance of L under which a window counts as flat: 4 L units squared


class ChromaMap(NamedTuple):
    """ab = gain * L + offset. coefficients: float32 `(h, w, 4)`, at the network's size or finer: gain of a and b, offset of a and b.

    Interleaved, because OpenCV scales four channels at once in a quarter of the time that four planes take.
    """

    coefficients: np.ndarray

    @classmethod
    def of(cls, gain: np.ndarray, offset: np.ndarray) -> ChromaMap:
        """From planes, both float32 `(2, h, w)`."""
        return cls(cv2.merge([*gain, *offset]))


def _resize(planes: np.ndarray, height: int, width: int, interpolation: int) -> np.ndarray:
    """`(C, h, w)` -> float32 `(C, height, width)`."""
    return np.stack([cv2.resize(plane, (width, height), interpolation=interpolation) for plane in planes])


def _mean(plane: np.ndarray) -> np.ndarray:
    side = 2 * _RADIUS + 1
    return cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE)


def guided_map(L: np.ndarray, ab: np.ndarray) -> ChromaMap:
    """L: float32 `(h, w)`, 0..100, the network's input; ab: float32 `(2, h', w')`, h' <= h, its output."""
    height, width = L.shape
    fine = _resize(ab, height, width, cv2.INTER_CUBIC)
    mean_L = _mean(L)
    variance = _mean(L * L) - mean_L * mean_L
    gains, offsets = [], []
    for plane in fine:
        mean_plane = _mean(plane)
        gain = (_mean(L * plane) - mean_L * mean_plane) / (variance + _EPSILON)
        gains.append(_mean(gain))
        offsets.append(_mean(mean_plane - gain * mean_L))
    gain, offset = np.stack(gains), np.stack(offsets)
    lost = ab - _resize(gain * L + offset, ab.shape[1], ab.shape[2], cv2.INTER_AREA)
    return ChromaMap.of(gain, offset + _resize(lost, height, width, cv2.INTER_CUBIC))


def bicubic_map(L: np.ndarray, ab: np.ndarray) -> ChromaMap:
    """As `guided_map`, without regard to edges: the reference."""
    offset = _resize(ab, L.shape[0], L.shape[1], cv2.INTER_CUBIC)
    return ChromaMap.of(np.zeros_like(offset), offset)


UPSCALERS: dict[str, Callable[[np.ndarray, np.ndarray], ChromaMap]] = {"guided": guided_map, "bicubic": bicubic_map}


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions of `count` samples along one side of the picture, from `start` on, `step` apart, as fractions of the side.

    The pixels of a side of n have their centres at (0.5 + i) / n.
    """

    start: float
    step: float
    count: int

    @classmethod
    def of_pixels(cls, side: int, first: int = 0, count: int | None = None) -> Positions:
        """The centres of pixels first .. first + count of a side of `side` pixels; all of them by default."""
        return cls((first + 0.5) / side, 1 / side, side - first if count is None else count)

    @classmethod
    def of_blocks(cls, side: int, step: int) -> Positions:
        """The centres of blocks of `step` pixels, and of one more block beyond either end."""
        return cls(-step / 2 / side, step / side, -(-side // step) + 2)


@dataclass(frozen=True, slots=True)
class FineMap:
    """A map at a fraction of a picture's size, ready to be applied strip by strip.

    planes: float32 `(4, rows + 2, columns + 2)`: gain of a and b, offset of a and b, with one more sample on every side. A sample covers
    `step` x `step` pixels.
    """

    planes: np.ndarray
    step: int

    def ab(self, L: np.ndarray, top: int) -> np.ndarray:
        """ab float32 `(2, rows, W)` for the picture's lightness L `(rows, W)`, 0..100, from row `top` on, a multiple of `step`."""
        return _applied(self.spread(L.shape, top), L)

    def spread(self, shape: tuple[int, int], top: int) -> Iterator[np.ndarray]:
        """Gain of a and b, offset of a and b, one plane of `shape` = (rows, W) after the other, from row `top` on."""
        rows, columns = shape
        around = self.planes[:, top // self.step : -(-(top + rows) // self.step) + 2]
        size = self.step * around.shape[2], self.step * around.shape[1]
        for plane in around:
            yield cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)[self.step :, self.step :][:rows, :columns]


STEPS = (16, 8, 4, 2, 1)  # factors that linear interpolation may bridge
_FINE_ENOUGH = 4  # times the size of the small map, for steps of more than 4


def refined(chroma: ChromaMap, height: int, width: int) -> FineMap:
    """The map for strips of a picture of `height` x `width`, by bicubic interpolation up to a quarter of the size or more.

    From there on, interpolation is linear, which is fast but would show creases if it were used for the whole factor. For large pictures
    it covers more of it, so that the map stays small.
    """
    times = min(height / chroma.coefficients.shape[0], width / chroma.coefficients.shape[1])
    step = next((step for step in STEPS if times >= step * (_FINE_ENOUGH if step > 4 else 1)), 1)
    rows, columns = (Positions.of_blocks(side, step) for side in (height, width))
    planes = np.empty((4, rows.count, columns.count), np.float32)
    cv2.split(_sampled(chroma, rows, columns, cv2.INTER_CUBIC), list(planes))
    return FineMap(planes, step)


def apply_map(chroma: ChromaMap, L: np.ndarray, rows: Positions | None = None, columns: Positions | None = None) -> np.ndarray:
    """ab float32 `(2, H, W)` for the lightness L float32 `(H, W)`, 0..100, of any size.

    rows, columns: positions of L's samples in the picture; by default, L is the whole picture.
    """
    rows = rows or Positions.of_pixels(L.shape[0])
    columns = columns or Positions.of_pixels(L.shape[1])
    return _applied(cv2.split(_sampled(chroma, rows, columns, cv2.INTER_LINEAR)), L)


def _applied(coefficients: Iterable[np.ndarray], L: np.ndarray) -> np.ndarray:
    """gain * L + offset, `(2, H, W)`. coefficients: gain of a and b, offset of a and b, each of L's shape."""
    *gains, offset_a, offset_b = coefficients
    ab = np.empty((2, *L.shape), np.float32)
    for plane, gain, offset in zip(ab, gains, (offset_a, offset_b), strict=True):
        np.multiply(gain, L, out=plane)
        np.add(plane, offset, out=plane)
    return ab


def _sampled(chroma: ChromaMap, rows: Positions, columns: Positions, interpolation: int) -> np.ndarray:
    """The map's coefficients at these positions, `(rows, columns, 4)`."""
    h, w = chroma.coefficients.shape[:2]
    matrix = np.array([[columns.step * w, 0, columns.start * w - 0.5], [0, rows.step * h, rows.start * h - 0.5]])
    flags, size = interpolation | cv2.WARP_INVERSE_MAP, (columns.count, rows.count)
    return cv2.warpAffine(chroma.coefficients, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
