"""Motion between neighbouring frames of a shot, and how far it can be trusted.

Everything here happens at half the network's size: the colours that are carried along have no finer detail, a quarter of the pixels
costs a quarter of the time, and the flow is steadier (benchmarks/films.py: less warp error than at the full size).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

_FLOW_ERROR = 1.0  # pixels of forward-backward disagreement at which trust falls to 1/e
_LIGHTNESS_ERROR = 8.0  # L units of difference at which trust falls to 1/e


class Motion(NamedTuple):
    """How to bring one frame's planes to its neighbour: a map for cv2.remap `(h, w, 2)`, and the trust in it `(h, w)`, 0..1."""

    map: np.ndarray
    trust: np.ndarray


class Step(NamedTuple):
    """From the frame before to this one (forth), and from this one to the frame before (back)."""

    forward: Motion
    backward: Motion


def motion_size(L: np.ndarray) -> tuple[int, int]:
    """(height, width) at which motion of lightness planes like `L` `(h, w)` is estimated."""
    return max(8, L.shape[0] // 2), max(8, L.shape[1] // 2)


def warp(planes: np.ndarray, motion: Motion) -> np.ndarray:
    """Planes `(h, w)` or `(h, w, C)` of one frame, laid onto the other one."""
    brought: np.ndarray = cv2.remap(planes, motion.map, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return brought


class MotionEstimator:
    """Dense optical flow, both ways. DIS: Kroeger et al. 2016, arXiv 1603.03590."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def step(self, before: np.ndarray, after: np.ndarray) -> Step:
        """Motion between two frames' lightness, float32 `(h, w)`, 0..100, given at any one size.

        Mean and contrast are matched first: the exposure of old film flickers, and that is no motion.
        """
        height, width = motion_size(after)
        a, b = (cv2.resize(L, (width, height), interpolation=cv2.INTER_AREA) for L in (before, after))
        a = _exposed_like(a, b)
        a8, b8 = _eight_bit(a), _eight_bit(b)
        b_to_a = self._flow.calc(b8, a8, None)  # (h, w, 2): where each pixel of b was in a
        a_to_b = self._flow.calc(a8, b8, None)
        still = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in (width, height))), -1)
        return Step(_motion(still, b_to_a, a_to_b, a, b), _motion(still, a_to_b, b_to_a, b, a))


def _motion(still: np.ndarray, there: np.ndarray, return_: np.ndarray, source: np.ndarray, target: np.ndarray) -> Motion:
    """Trust falls where the flow there and back do not meet (occlusion, failure) and where the lightness does not agree."""
    motion = Motion(still + there, np.empty(0))
    astray = there + warp(return_, motion)
    unlike = warp(source, motion) - target
    distance = (np.square(astray[..., 0]) + np.square(astray[..., 1])) / np.float32(_FLOW_ERROR**2)
    distance += np.square(unlike) / np.float32(_LIGHTNESS_ERROR**2)
    return Motion(motion.map, np.exp(-distance))


def _exposed_like(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a with the mean and contrast of b."""
    (mean_a, spread_a), (mean_b, spread_b) = ((float(m[0, 0]), float(s[0, 0])) for m, s in map(cv2.meanStdDev, (a, b)))
    gain = min(max((spread_b + 1) / (spread_a + 1), 0.7), 1.4)
    return (a - np.float32(mean_a)) * np.float32(gain) + np.float32(mean_b)


def _eight_bit(L: np.ndarray) -> np.ndarray:
    eight: np.ndarray = cv2.convertScaleAbs(np.maximum(L, 0), alpha=2.55)
    return eight
