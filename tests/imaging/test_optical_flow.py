"""Optical flow: a known shift is found in both directions, and hidden pixels do not come back."""

from __future__ import annotations

import cv2
import numpy as np

from batchcolor.imaging.optical_flow import FAST, FlowEstimator, round_trip_error, sampling_map, warp


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth noise, float32 `(height, width)`, 5..95."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (height, width)).astype(np.float32), (0, 0), 3)
    return cv2.normalize(noise, None, 5, 95, cv2.NORM_MINMAX)


def test_a_shift_is_found_in_both_directions_and_the_round_trip_closes() -> None:
    wide = texture(96, 200)
    first, second = (np.ascontiguousarray(wide[:, left : left + 160]) for left in (0, 4))
    flow = FlowEstimator(FAST).between(first, second)
    inner = slice(16, -16), slice(16, -16)
    assert abs(float(np.median(flow.forward[inner][..., 0])) + 4) < 0.3
    assert abs(float(np.median(flow.backward[inner][..., 0])) - 4) < 0.3
    positions = sampling_map(flow.backward)
    assert np.abs(warp(first, positions) - second)[inner].mean() < 2
    assert np.median(round_trip_error(flow.backward, positions, flow.forward)[inner]) < 0.1


def test_pixels_that_were_hidden_do_not_close_the_round_trip() -> None:
    ground, square = texture(96, 128), texture(32, 32, seed=1)
    frames = []
    for left in (40, 52):
        frame = ground.copy()
        frame[32:64, left : left + 32] = square
        frames.append(frame)
    flow = FlowEstimator(FAST).between(*frames)
    error = round_trip_error(flow.backward, sampling_map(flow.backward), flow.forward)
    uncovered, still = error[34:62, 41:51], error[4:28, 4:124]
    assert np.median(uncovered) > 10 * max(0.01, float(np.median(still)))


def test_a_constant_map_returns_the_plane() -> None:
    plane = texture(20, 30)
    assert np.array_equal(warp(plane, sampling_map(np.zeros((20, 30, 2), np.float32))), plane)
