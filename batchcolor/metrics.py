"""Metrics of colour: colourfulness, and temporal consistency (warp error, CDC)."""

from __future__ import annotations

from collections import deque

import numpy as np

from .imaging.optical_flow import MEDIUM, FlowEstimator, round_trip_error, sampling_map, warp

_MAX_ROUND_TRIP = 1.0  # pixels; beyond, a pixel counts as occluded
_MAX_LIGHTNESS_DIFFERENCE = 8.0  # L units; beyond, the flow counts as wrong
CDC_DISTANCES = (1, 2, 4)


def colourfulness(rgb: np.ndarray) -> float:
    """Hasler and Suesstrunk, *Measuring colourfulness in natural images*, 2003, eq. 3, with signed opponent values.

    rgb: uint8 sRGB `(H, W, 3)`."""
    r, g, b = (rgb[..., c].astype(np.float64) for c in range(3))
    rg, yb = r - g, (r + g) / 2 - b
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


class WarpError:
    """Mean squared difference of ab between a frame and the previous one warped onto it, in ab units squared.

    The flow is that of the lightness given. Occluded pixels, and those whose lightness differs, do not count (Lai et al. 2018, arXiv
    1808.00449, section 4.2).
    """

    def __init__(self) -> None:
        self._flow = FlowEstimator(MEDIUM)
        self._previous: tuple[np.ndarray, np.ndarray] | None = None
        self._total = self._count = 0.0

    def add(self, L: np.ndarray, ab: np.ndarray) -> None:
        """The next frame. L: float32 `(h, w)`, 0..100, of the true film; ab: float32 `(2, h, w)`."""
        if self._previous is not None:
            self._compare(*self._previous, L, ab)
        self._previous = L, ab

    def _compare(self, previous_L: np.ndarray, previous_ab: np.ndarray, L: np.ndarray, ab: np.ndarray) -> None:
        forward, backward = self._flow.between(previous_L, L)
        positions = sampling_map(backward)
        agrees = round_trip_error(backward, positions, forward) < _MAX_ROUND_TRIP**2
        valid = agrees & (np.abs(warp(previous_L, positions) - L) < _MAX_LIGHTNESS_DIFFERENCE)
        difference = np.square(warp(previous_ab.transpose(1, 2, 0), positions) - ab.transpose(1, 2, 0)).sum(2)
        self._total += float(difference[valid].sum())
        self._count += float(valid.sum())

    @property
    def value(self) -> float:
        return self._total / max(1.0, self._count)


class ColorDistribution:
    """Color distribution consistency (CDC): mean Jensen-Shannon divergence between the R, G and B histograms of frames 1, 2 and 4 apart.

    0 means that the distribution never changes. Liu et al. 2021, arXiv 2110.04562, section 4.1.
    """

    def __init__(self) -> None:
        self._recent: deque[np.ndarray] = deque(maxlen=max(CDC_DISTANCES))
        self._sums = dict.fromkeys(CDC_DISTANCES, 0.0)
        self._counts = dict.fromkeys(CDC_DISTANCES, 0)

    def add(self, rgb: np.ndarray) -> None:
        """The next frame, uint8 RGB `(H, W, 3)`."""
        histogram = np.stack([np.bincount(rgb[..., c].ravel(), minlength=256) for c in range(3)]).astype(np.float64)
        histogram /= histogram.sum(1, keepdims=True)
        for distance in CDC_DISTANCES:
            if distance <= len(self._recent):
                self._sums[distance] += float(_divergence(self._recent[-distance], histogram).mean())
                self._counts[distance] += 1
        self._recent.append(histogram)

    @property
    def value(self) -> float:
        """nan for fewer than two frames."""
        means = [self._sums[d] / self._counts[d] for d in CDC_DISTANCES if self._counts[d]]
        return float(np.mean(means)) if means else float("nan")


def _divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in nats, over the last axis."""
    middle = (p + q) / 2

    def relative(x: np.ndarray) -> np.ndarray:
        ratio = np.divide(x, middle, out=np.ones_like(x), where=x > 0)
        return (x * np.log(ratio)).sum(-1)

    return (relative(p) + relative(q)) / 2
