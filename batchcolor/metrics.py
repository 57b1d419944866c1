"""How colourful pictures are, and how steady their colours are over time."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

_ASTRAY = 1.0  # pixels of forward-backward disagreement from which a pixel counts as occluded
_UNLIKE = 8.0  # L units of difference from which the flow is not believed
CDC_DISTANCES = (1, 2, 4)


def colourfulness(rgb: np.ndarray) -> float:
    """Hasler and Suesstrunk, *Measuring colourfulness in natural images*, 2003, eq. 3, with signed opponent values.

    rgb: uint8 sRGB `(H, W, 3)`."""
    r, g, b = (rgb[..., c].astype(np.float64) for c in range(3))
    rg, yb = r - g, (r + g) / 2 - b
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


class WarpError:
    """Mean squared difference of ab between a frame and the one before, carried along the motion; in ab units squared.

    The motion is that of the lightness given (DIS flow, both ways). Pixels that were hidden, or whose lightness does not agree, do not
    count (Lai et al. 2018, arXiv 1808.00449, section 4.2).
    """

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._before: tuple[np.ndarray, np.ndarray] | None = None
        self._total = self._count = 0.0

    def add(self, L: np.ndarray, ab: np.ndarray) -> None:
        """The next frame. L: float32 `(h, w)`, 0..100, of the true film; ab: float32 `(2, h, w)`."""
        if self._before is not None:
            self._compare(*self._before, L, ab)
        self._before = L, ab

    def _compare(self, before: np.ndarray, ab_before: np.ndarray, after: np.ndarray, ab_after: np.ndarray) -> None:
        height, width = after.shape
        still = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in (width, height))), -1)
        a8, b8 = (cv2.convertScaleAbs(plane, alpha=2.55) for plane in (before, after))
        back, forth = self._flow.calc(b8, a8, None), self._flow.calc(a8, b8, None)
        where = still + back
        astray = np.linalg.norm(back + _warp(forth, where), axis=2)
        seen = (astray < _ASTRAY) & (np.abs(_warp(before, where) - after) < _UNLIKE)
        difference = np.square(_warp(ab_before.transpose(1, 2, 0), where) - ab_after.transpose(1, 2, 0)).sum(2)
        self._total += float(difference[seen].sum())
        self._count += float(seen.sum())

    @property
    def value(self) -> float:
        return self._total / max(1.0, self._count)


def _warp(planes: np.ndarray, where: np.ndarray) -> np.ndarray:
    brought: np.ndarray = cv2.remap(
        np.ascontiguousarray(planes), where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return brought


class ColorDistribution:
    """CDC: mean Jensen-Shannon divergence between the R, G and B histograms of frames 1, 2 and 4 apart (Liu et al. 2021, arXiv
    2110.04562, section 4.1). 0: the colours never change."""

    def __init__(self) -> None:
        self._last: deque[np.ndarray] = deque(maxlen=max(CDC_DISTANCES))
        self._sums = dict.fromkeys(CDC_DISTANCES, 0.0)
        self._counts = dict.fromkeys(CDC_DISTANCES, 0)

    def add(self, rgb: np.ndarray) -> None:
        """The next frame, uint8 RGB `(H, W, 3)`."""
        here = np.stack([np.bincount(rgb[..., c].ravel(), minlength=256) for c in range(3)]).astype(np.float64)
        here /= here.sum(1, keepdims=True)
        for apart in CDC_DISTANCES:
            if apart <= len(self._last):
                self._sums[apart] += float(_divergence(self._last[-apart], here).mean())
                self._counts[apart] += 1
        self._last.append(here)

    @property
    def value(self) -> float:
        """nan for fewer than two frames."""
        means = [self._sums[apart] / self._counts[apart] for apart in CDC_DISTANCES if self._counts[apart]]
        return float(np.mean(means)) if means else float("nan")


def _divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon, natural logarithm, over the last axis."""
    middle = (p + q) / 2

    def relative(x: np.ndarray) -> np.ndarray:
        ratio = np.divide(x, middle, out=np.ones_like(x), where=x > 0)
        return (x * np.log(ratio)).sum(-1)

    return (relative(p) + relative(q)) / 2
