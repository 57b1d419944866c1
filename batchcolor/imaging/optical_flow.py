"""Dense optical flow between two frames in both directions, and where the two directions agree."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

FAST, MEDIUM = cv2.DISOPTICAL_FLOW_PRESET_FAST, cv2.DISOPTICAL_FLOW_PRESET_MEDIUM


class BidirectionalFlow(NamedTuple):
    """Displacements in pixels (x, y), float32 `(h, w, 2)`.

    forward: from each pixel of the first frame to its place in the second; backward: from the second frame to the first.
    """

    forward: np.ndarray
    backward: np.ndarray


class FlowEstimator:
    """DIS optical flow (Kroeger et al. 2016, arXiv 1603.03590). preset: `FAST` or `MEDIUM`. Not thread-safe."""

    def __init__(self, preset: int) -> None:
        self._flow = cv2.DISOpticalFlow.create(preset)

    def between(self, first: np.ndarray, second: np.ndarray) -> BidirectionalFlow:
        """The flow between two lightness planes of one size, float32 `(h, w)`, 0..100; negative values count as 0."""
        a, b = _eight_bit(first), _eight_bit(second)
        return BidirectionalFlow(forward=self._flow.calc(a, b, None), backward=self._flow.calc(b, a, None))


def sampling_map(flow: np.ndarray) -> np.ndarray:
    """The map for `warp` that follows `flow` `(h, w, 2)`: where each pixel is to be read, in pixels `(h, w, 2)`."""
    return _grid(flow.shape[0], flow.shape[1]) + flow


@lru_cache(maxsize=8)
def _grid(height: int, width: int) -> np.ndarray:
    """Where each pixel lies (x, y), float32 `(height, width, 2)`; read-only, as all callers share it."""
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in (width, height))), -1)
    grid.flags.writeable = False
    return grid


def warp(planes: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Planes `(h, w)` or `(h, w, C)` read at `positions` `(h, w, 2)`, by bilinear interpolation; edges are replicated."""
    warped: np.ndarray = cv2.remap(
        np.ascontiguousarray(planes), positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return warped


def round_trip_error(flow: np.ndarray, positions: np.ndarray, opposite: np.ndarray) -> np.ndarray:
    """Squared distance in pixels between a pixel and where it arrives after going along `flow` and back along `opposite`, `(h, w)`.

    0 where both directions agree; large where a pixel is hidden in the other frame or the flow is wrong (the forward-backward check of
    Sundaram, Brox, Keutzer 2010). positions: `sampling_map(flow)`, which the caller needs anyway.
    """
    gap = flow + warp(opposite, positions)
    return np.square(gap[..., 0]) + np.square(gap[..., 1])


def _eight_bit(L: np.ndarray) -> np.ndarray:
    codes: np.ndarray = cv2.convertScaleAbs(np.maximum(L, 0), alpha=2.55)
    return codes
