"""Codes of 8 and 16 bits to lightness and back: exact for gray, to a fraction of a code for colours."""

from __future__ import annotations

import numpy as np
import pytest

from batchcolor.color.conversion import gray_of_lightness, lab_to_rgb, lightness_of_gray, rgb_to_lab
from batchcolor.color.pixel_codes import gray_to_lightness, lab_to_codes, rgb_to_gray, rgb_to_lightness

DTYPES = {8: np.uint8, 16: np.uint16}


@pytest.mark.parametrize("depth", DTYPES)
def test_lightness_of_gray_codes_is_the_formulas(depth: int) -> None:
    codes = np.arange(2**depth).astype(DTYPES[depth]).reshape(16, -1)
    exact = lightness_of_gray(codes.astype(np.float64) / (2**depth - 1))
    np.testing.assert_allclose(gray_to_lightness(codes), exact, atol=1e-4)


@pytest.mark.parametrize(("depth", "bound"), [(8, 0.03), (16, 1e-3)])
def test_lightness_of_colour_codes_is_the_formulas(depth: int, bound: float) -> None:
    codes = np.random.default_rng(0).integers(0, 2**depth, (3, 100, 100)).astype(DTYPES[depth])
    codes[:, 0] = 0
    codes[:, 1] = 2**depth - 1
    exact = rgb_to_lab(codes.astype(np.float64) / (2**depth - 1))[0]
    assert float(np.abs(rgb_to_lightness(codes) - exact).max()) <= bound


@pytest.mark.parametrize("depth", DTYPES)
def test_gray_codes_come_back_as_they_were(depth: int) -> None:
    codes = np.arange(2**depth).astype(DTYPES[depth]).reshape(16, -1)
    for L in (gray_to_lightness(codes), rgb_to_lightness(np.stack([codes] * 3))):
        made = lab_to_codes(L, np.zeros((2, *L.shape), np.float32), depth)
        off = np.abs(made.astype(np.int64) - codes[..., None].astype(np.int64))
        assert int(off.max()) <= (0 if depth == 8 else 2)  # of 65,535: float32's own rounding


@pytest.mark.parametrize(("depth", "bound"), [(8, 2.0), (16, 0.51)])
def test_codes_are_those_of_the_formula_in_the_gamut_and_beyond(depth: int, bound: float) -> None:
    """Almost: where a line to gray leaves the gamut twice (deep blue), either border is right."""
    rng = np.random.default_rng(0)
    L = rng.uniform(0, 100, (64, 64)).astype(np.float32)
    for reach in (10, 110):
        ab = rng.uniform(-reach, reach, (2, 64, 64)).astype(np.float32)
        exact = np.moveaxis(lab_to_rgb(L[None], ab), 0, -1) * (2**depth - 1)
        off = np.abs(lab_to_codes(L, ab, depth) - exact)
        assert float(np.percentile(off, 99.9)) <= bound
        assert float(off.mean()) <= 0.27  # rounding alone is 0.25


def test_colours_out_of_the_gamut_keep_their_lightness() -> None:
    L = np.repeat(np.linspace(2, 98, 97, dtype=np.float32)[:, None], 60, 1)
    hue = np.linspace(0, 2 * np.pi, 60, dtype=np.float32)
    ab = np.stack([np.broadcast_to(f(hue) * np.float32(150), L.shape) for f in (np.cos, np.sin)])
    made = lab_to_codes(L, np.ascontiguousarray(ab), 8)
    assert float(np.abs(rgb_to_lab(np.moveaxis(made, -1, 0) / 255.0)[0] - L).max()) < 0.6


def test_the_gray_of_colours_has_their_lightness() -> None:
    codes = np.random.default_rng(0).integers(0, 256, (3, 500, 400)).astype(np.uint8)
    codes[:, :256, 0] = np.arange(256)
    gray = rgb_to_gray(codes)
    assert gray[:256, 0].tolist() == list(range(256))
    exact = np.rint(255 * gray_of_lightness(rgb_to_lab(codes / 255.0)[0]))
    off = np.abs(gray - exact)
    assert off.max() <= 1
    assert (off > 0).mean() < 0.005
