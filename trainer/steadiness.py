"""How steady colour is over time, judged on frames whose motion is known from the true film."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

_ASTRAY = 1.0  # pixels of forward-backward disagreement from which a pixel counts as occluded
_UNLIKE = 8.0  # L units of difference from which the flow is not believed
CDC_DISTANCES = (1, 2, 4)


def warp_error(ab: Sequence[np.ndarray], L: Sequence[np.ndarray]) -> float:
    """Mean squared difference of ab between a frame and the one before, carried along the motion; in ab units squared.

    ab: float32 `(2, h, w)` a frame; L: float32 `(h, w)`, 0..100, of the true film, from which the motion is taken (DIS flow, both ways).
    Pixels that were hidden, or whose lightness does not agree, do not count (Lai et al. 2018, arXiv 1808.00449, section 4.2).
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    height, width = L[0].shape
    still = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in (width, height))), -1)
    total = count = 0.0
    for before, after, ab_before, ab_after in zip(L[:-1], L[1:], ab[:-1], ab[1:], strict=True):
        a8, b8 = (cv2.convertScaleAbs(plane, alpha=2.55) for plane in (before, after))
        back, forth = flow.calc(b8, a8, None), flow.calc(a8, b8, None)
        where = still + back
        astray = np.linalg.norm(back + _carried(forth, where), axis=2)
        seen = (astray < _ASTRAY) & (np.abs(_carried(before, where) - after) < _UNLIKE)
        difference = np.square(_carried(ab_before.transpose(1, 2, 0), where) - ab_after.transpose(1, 2, 0)).sum(2)
        total += float(difference[seen].sum())
        count += float(seen.sum())
    return total / max(1.0, count)


def _carried(planes: np.ndarray, where: np.ndarray) -> np.ndarray:
    brought: np.ndarray = cv2.remap(
        np.ascontiguousarray(planes), where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return brought


def color_distribution_consistency(frames: Sequence[np.ndarray]) -> float:
    """CDC: mean Jensen-Shannon divergence between the R, G and B histograms of frames 1, 2 and 4 apart (Liu et al. 2021, arXiv
    2110.04562, section 4.1). frames: uint8 RGB `(H, W, 3)`. 0: the colours never change; nan for fewer than two frames."""
    histograms = np.stack([[np.bincount(frame[..., c].ravel(), minlength=256) for c in range(3)] for frame in frames]).astype(
        np.float64
    )
    histograms /= histograms.sum(2, keepdims=True)
    means = [
        float(_divergence(histograms[:-apart], histograms[apart:]).mean()) for apart in CDC_DISTANCES if apart < len(frames)
    ]
    return float(np.mean(means)) if means else float("nan")


def _divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon, natural logarithm, over the last axis."""
    middle = (p + q) / 2

    def relative(x: np.ndarray) -> np.ndarray:
        ratio = np.divide(x, middle, out=np.ones_like(x), where=x > 0)
        return (x * np.log(ratio)).sum(-1)

    return (relative(p) + relative(q)) / 2
