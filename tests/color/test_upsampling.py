"""Upsampling of chroma: flat areas stay flat, and colours end at edges."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchcolor.color.upsampling import UPSCALERS, Positions, apply_map, bicubic_map, guided_map, refined

both = pytest.mark.parametrize("upscaler", UPSCALERS.values(), ids=UPSCALERS)


def two_fields(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A bright, warm disc on a dark, cool ground: L `(H, W)` and ab `(2, H, W)`."""
    y, x = np.mgrid[:height, :width]
    inside = np.hypot(y / height - 0.5, (x - width / 2) / height) < 0.3
    L = np.where(inside, 75, 30).astype(np.float32)
    return L, np.stack([np.where(inside, 40, -10), np.where(inside, 30, -35)]).astype(np.float32)


def small(planes: np.ndarray, height: int, width: int) -> np.ndarray:
    return cv2.resize(planes, (width, height), interpolation=cv2.INTER_AREA)


@both
@given(a=st.floats(-80, 80, width=32), b=st.floats(-80, 80, width=32), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_constant_chroma_stays_constant_for_any_lightness(upscaler: object, a: float, b: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    L = rng.uniform(0, 100, (33, 47)).astype(np.float32)
    ab = np.stack([np.full((9, 12), a, np.float32), np.full((9, 12), b, np.float32)])
    full = apply_map(upscaler(L, ab), rng.uniform(0, 100, (100, 131)).astype(np.float32))  # type: ignore[operator]
    np.testing.assert_allclose(full[0], a, atol=0.02)
    np.testing.assert_allclose(full[1], b, atol=0.02)


def test_guided_colours_stop_at_edges_where_bicubic_ones_bleed() -> None:
    L, truth = two_fields(512, 512)
    coarse = np.stack([small(plane, 16, 16) for plane in truth])
    seen = small(L, 64, 64)
    edge = cv2.dilate(cv2.Canny(L.astype(np.uint8), 10, 20), np.ones((25, 25))) > 0

    def error(upscaler: object) -> float:
        return float(np.abs(apply_map(upscaler(seen, coarse), L) - truth)[:, edge].mean())  # type: ignore[operator]

    assert error(guided_map) < 0.6 * error(bicubic_map)


@both
def test_the_mean_of_the_coarse_chroma_is_kept(upscaler: object) -> None:
    L, truth = two_fields(256, 320)
    coarse = np.stack([small(plane, 16, 20) for plane in truth])
    full = apply_map(upscaler(small(L, 64, 80), coarse), L)  # type: ignore[operator]
    again = np.stack([small(plane, 16, 20) for plane in full])
    assert float(np.abs(again - coarse).mean()) < 1.5


@both
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (333, 1), (17, 19), (200, 301)])
def test_any_target_size_is_possible(upscaler: object, height: int, width: int) -> None:
    L, truth = two_fields(64, 96)
    coarse = np.stack([small(plane, 16, 24) for plane in truth])
    full = apply_map(upscaler(L, coarse), np.full((height, width), 50, np.float32))  # type: ignore[operator]
    assert full.shape == (2, height, width)
    assert full.dtype == np.float32
    assert np.isfinite(full).all()


@both
def test_strips_equal_the_whole(upscaler: object) -> None:
    L, truth = two_fields(203, 301)
    chroma = upscaler(small(L, 64, 96), np.stack([small(plane, 16, 24) for plane in truth]))  # type: ignore[operator]
    whole = apply_map(chroma, L)
    fine = refined(chroma, 203, 301)
    once = fine.ab(L, 0)
    for top in range(0, 203, 52):
        strip = L[top : top + 52]
        part = apply_map(chroma, strip, rows=Positions.of_pixels(203, top, len(strip)))
        np.testing.assert_allclose(part, whole[:, top : top + 52], atol=2.0)
        assert float(np.abs(part - whole[:, top : top + 52]).mean()) < 0.02
        np.testing.assert_allclose(fine.ab(strip, top), once[:, top : top + 52], atol=1e-4)


@both
@pytest.mark.parametrize(
    ("height", "width", "step"), [(2100, 3200, 8), (400, 600, 4), (401, 599, 4), (203, 301, 2), (70, 100, 1), (17, 600, 1)]
)
def test_refining_first_changes_next_to_nothing(upscaler: object, height: int, width: int, step: int) -> None:
    L, truth = two_fields(height, width)
    chroma = upscaler(small(L, 64, 96), np.stack([small(plane, 16, 24) for plane in truth]))  # type: ignore[operator]
    fine = refined(chroma, height, width)
    assert fine.step == step
    assert float(np.abs(fine.ab(L, 0) - apply_map(chroma, L)).mean()) < 0.7
