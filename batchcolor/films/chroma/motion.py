"""Motion between neighbouring frames of a shot, and how far it can be trusted.

Everything here happens at half the network's size: carried colours have no finer detail, a quarter of the pixels costs a quarter of the
time, and warp error is lower than at full size.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ...imaging import optical_flow
from ...imaging.optical_flow import FAST, FlowEstimator, round_trip_error, sampling_map

_FLOW_ERROR = 1.0  # pixels of forward-backward error at which trust falls to 1/e
_LIGHTNESS_ERROR = 8.0  # L units of difference at which trust falls to 1/e


class Motion(NamedTuple):
    """How to warp one frame's planes onto its neighbour: sampling positions in pixels `(h, w, 2)`, and the trust in them `(h, w)`,
    0..1."""

    positions: np.ndarray
    trust: np.ndarray


class Step(NamedTuple):
    """Motion from the previous frame to this one (forward), and from this one to the previous frame (backward)."""

    forward: Motion
    backward: Motion


def motion_size(L: np.ndarray) -> tuple[int, int]:
    """(height, width) at which motion of lightness planes like `L` `(h, w)` is estimated."""
    return max(8, L.shape[0] // 2), max(8, L.shape[1] // 2)


def warp(planes: np.ndarray, motion: Motion) -> np.ndarray:
    """Planes `(h, w)` or `(h, w, C)` of one frame, warped onto the other."""
    return optical_flow.warp(planes, motion.positions)


class MotionEstimator:
    """Estimates motion in both directions by dense optical flow."""

    def __init__(self, preset: int = FAST) -> None:
        """preset: of the optical flow, FAST or MEDIUM."""
        self._flow = FlowEstimator(preset)

    def step(self, before: np.ndarray, after: np.ndarray) -> Step:
        """Motion between two frames' lightness, float32 `(h, w)`, 0..100, of one size.

        Mean and contrast are matched first: flickering exposure is not motion.
        """
        height, width = motion_size(after)
        a, b = (cv2.resize(L, (width, height), interpolation=cv2.INTER_AREA) for L in (before, after))
        a = _match_exposure(a, b)
        a_to_b, b_to_a = self._flow.between(a, b)
        return Step(_motion(b_to_a, a_to_b, a, b), _motion(a_to_b, b_to_a, b, a))


def _motion(flow: np.ndarray, opposite: np.ndarray, source: np.ndarray, target: np.ndarray) -> Motion:
    """Trust falls where both directions of the flow disagree (occlusion, failure) and where the lightness differs."""
    positions = sampling_map(flow)
    difference = optical_flow.warp(source, positions) - target
    distance = round_trip_error(flow, positions, opposite) / np.float32(_FLOW_ERROR**2)
    distance += np.square(difference) / np.float32(_LIGHTNESS_ERROR**2)
    return Motion(positions, np.exp(-distance))


def _match_exposure(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a with the mean and contrast of b."""
    (mean_a, spread_a), (mean_b, spread_b) = ((float(m[0, 0]), float(s[0, 0])) for m, s in map(cv2.meanStdDev, (a, b)))
    gain = min(max((spread_b + 1) / (spread_a + 1), 0.7), 1.4)
    return (a - np.float32(mean_a)) * np.float32(gain) + np.float32(mean_b)
