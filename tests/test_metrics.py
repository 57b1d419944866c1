"""Metrics: zero for still colours and colours that move with the picture, more for flicker."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from batchcolor.metrics import ColorDistribution, WarpError


def warp_error(ab: Sequence[np.ndarray], L: Sequence[np.ndarray]) -> float:
    error = WarpError()
    for lightness, colours in zip(L, ab, strict=True):
        error.add(lightness, colours)
    return error.value


def cdc(frames: Sequence[np.ndarray]) -> float:
    distribution = ColorDistribution()
    for frame in frames:
        distribution.add(frame)
    return distribution.value


def texture(shift: int) -> np.ndarray:
    """Smooth noise that moves to the left, float32 `(64, 96)`, 0..100."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, (64, 160)).astype(np.float32), (0, 0), 3)
    whole = cv2.normalize(noise, None, 5, 95, cv2.NORM_MINMAX)
    return np.ascontiguousarray(whole[:, shift : shift + 96])


def colours_of(L: np.ndarray, extra: float = 0.0) -> np.ndarray:
    return np.stack([L * 0.5 - 20 + extra, 30 - L * 0.4])


def test_colours_that_move_with_the_picture_have_nearly_no_warp_error_and_flicker_has_its_own() -> None:
    L = [texture(2 * n) for n in range(6)]
    steady = warp_error([colours_of(plane) for plane in L], L)
    flickering = warp_error([colours_of(plane, 4.0 * (n % 2)) for n, plane in enumerate(L)], L)
    assert steady < 0.5
    assert flickering == pytest.approx(16, rel=0.2)  # 4 squared, in a alone
    stuck = warp_error([colours_of(L[0])] * 6, L)  # colours that stay behind while the picture moves
    assert stuck > 10 * steady


def test_distributions_that_stay_are_consistent_and_others_diverge() -> None:
    frame = np.random.default_rng(0).integers(0, 100, (32, 32, 3)).astype(np.uint8)
    assert cdc([frame] * 6) == 0
    assert cdc([frame[::-1], frame]) == 0  # another order of the same pixels
    apart = cdc([frame, frame + 100])
    assert apart == pytest.approx(np.log(2))  # nothing in common: the largest there is


def test_a_single_frame_has_no_consistency() -> None:
    assert np.isnan(cdc([np.zeros((4, 4, 3), np.uint8)]))
    assert warp_error([np.zeros((2, 64, 96), np.float32)], [texture(0)]) == 0
