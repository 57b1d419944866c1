"""Colour conversions: against the standards' own figures, against scikit-image, and laws that hold for every colour."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2lab

from batchcolor.color.conversion import (
    KR_KB,
    YCbCr,
    fit_gamut,
    gray_of_lightness,
    gray_of_luma,
    lab_to_rgb,
    largest_chroma,
    lightness_of_gray,
    rgb_to_chroma,
    rgb_to_lab,
    srgb_decode,
    srgb_encode,
    ycbcr_to_rgb,
)

SHAPE = (5, 7)
unit = st.floats(0, 1, width=32)
rgb_pictures = arrays(np.float32, (3, *SHAPE), elements=unit)
gray_pictures = arrays(np.float32, SHAPE, elements=unit)
lightness_planes = arrays(np.float32, (1, *SHAPE), elements=st.floats(0, 100, width=32))
ab_planes = arrays(np.float32, (2, *SHAPE), elements=st.floats(-128, 128, width=32))
codings = st.builds(
    lambda weights, full, depth: YCbCr(*weights, full=full, depth=depth),
    st.sampled_from(list(KR_KB.values())),
    st.booleans(),
    st.sampled_from([8, 10, 12]),
)


def one(*values: float) -> np.ndarray:
    """A picture of one pixel, float64 `(C, 1, 1)`."""
    return np.array(values, np.float64).reshape(-1, 1, 1)


@given(rgb_pictures)
def test_srgb_survives_the_way_to_lab_and_back(rgb: np.ndarray) -> None:
    lab = rgb_to_lab(rgb)
    np.testing.assert_allclose(lab_to_rgb(lab[:1], lab[1:]), rgb, atol=1e-4)


@given(rgb_pictures)
def test_lab_equals_scikit_image(rgb: np.ndarray) -> None:
    """Its matrix has two digits more than the standard's, hence the tolerance: 0.04 is far below what anybody sees."""
    theirs = rgb2lab(rgb.astype(np.float64), channel_axis=0)
    np.testing.assert_allclose(rgb_to_lab(rgb.astype(np.float64)), theirs, atol=0.04)
    np.testing.assert_allclose(rgb_to_lab(rgb), theirs, atol=0.045)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 1, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
        ((1, 1, 1), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
    ],
)
def test_primaries_have_their_known_lab_values(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    np.testing.assert_allclose(rgb_to_lab(one(*rgb)).ravel(), lab, atol=0.03)


def test_the_transfer_curve_is_the_standards() -> None:
    """IEC 61966-2-1: linear up to 0.04045, and 0.5 is 0.21404 of light."""
    encoded = np.array([0, 0.02, 0.04045, 0.5, 1])
    np.testing.assert_allclose(srgb_decode(encoded), [0, 0.02 / 12.92, 0.0031308, 0.2140411, 1], atol=1e-7)
    np.testing.assert_allclose(srgb_encode(srgb_decode(encoded)), encoded, atol=1e-7)


@given(gray_pictures)
def test_gray_is_neutral_and_converts_back(gray: np.ndarray) -> None:
    lab = rgb_to_lab(np.stack([gray] * 3))
    np.testing.assert_allclose(lab[1:], 0, atol=2e-4)
    np.testing.assert_allclose(lab[0], lightness_of_gray(gray), atol=1e-4)
    np.testing.assert_allclose(gray_of_lightness(lab[0]), gray, atol=1e-5)


@given(lightness_planes)
def test_lightness_without_chroma_is_gray(L: np.ndarray) -> None:
    rgb = lab_to_rgb(L, np.zeros((2, *SHAPE), np.float32))
    np.testing.assert_allclose(rgb, np.broadcast_to(gray_of_lightness(L), rgb.shape), atol=1e-5)


@given(lightness_planes, ab_planes)
def test_the_gamut_shrink_keeps_hue_and_only_shrinks(L: np.ndarray, ab: np.ndarray) -> None:
    fitted = fit_gamut(L, ab).astype(np.float64)
    a, b = ab.astype(np.float64)
    length = np.hypot(a, b)
    np.testing.assert_allclose((fitted[0] * b - fitted[1] * a) / np.maximum(length, 1), 0, atol=1e-3)
    assert ((fitted[0] * a + fitted[1] * b) >= 0).all()
    assert (np.hypot(*fitted) <= length + 1e-4).all()


@given(lightness_planes, ab_planes)
def test_lightness_and_hue_stay_when_a_colour_does_not_exist(L: np.ndarray, ab: np.ndarray) -> None:
    """What a picture shows afterwards, not what the function says: per-channel clipping fails this by tens of L units."""
    shown = rgb_to_lab(lab_to_rgb(L, ab))
    np.testing.assert_allclose(shown[:1], L, atol=0.03)
    np.testing.assert_allclose(shown[1:], fit_gamut(L, ab), atol=0.15)


def test_clipping_channels_would_not_pass_for_the_gamut_shrink() -> None:
    """The reference the property above is worth something against: red of L = 80, clipped, is 20 L units darker."""
    L, ab = one(80), one(120, 90)
    fy = (80 + 16) / 116
    x, y, z = ((fy + 120 / 500) ** 3, fy**3, max(0.0, fy - 90 / 200) ** 3)
    xyz = np.array([0.9505 * x, y, 1.089 * z])
    to_rgb = np.linalg.inv([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    clipped = srgb_encode(to_rgb @ xyz).reshape(3, 1, 1)
    assert abs(rgb_to_lab(clipped)[0, 0, 0] - 80) > 10
    assert abs(rgb_to_lab(lab_to_rgb(L, ab))[0, 0, 0] - 80) < 0.03


@given(lightness_planes, ab_planes)
def test_the_gamut_shrink_takes_no_more_than_it_must(L: np.ndarray, ab: np.ndarray) -> None:
    """One 1/4096 of the wanted chroma more, and the colour would not exist (or it was never outside)."""
    L64, wanted = L.astype(np.float64), ab.astype(np.float64)
    fitted = fit_gamut(L64, wanted)
    scale = np.hypot(*fitted) / np.maximum(np.hypot(*wanted), 1e-9)
    more = wanted * np.minimum(1.0, scale + 2 / 4096)
    shrunk = scale < 1 - 1e-6
    assert not (np.isclose(fit_gamut(L64, more), more, atol=1e-9).all(0) & shrunk & (np.hypot(*wanted) > 1e-3)).any()


@given(rgb_pictures)
def test_colours_that_exist_are_left_alone(rgb: np.ndarray) -> None:
    lab = rgb_to_lab(rgb * np.float32(0.98) + np.float32(0.01))
    np.testing.assert_array_equal(fit_gamut(lab[:1], lab[1:]), lab[1:])


def test_the_largest_chroma_is_that_of_the_primaries() -> None:
    table = largest_chroma(101, 361)
    for rgb in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1)):
        L, a, b = rgb_to_lab(one(*rgb)).ravel()
        row, column = round(L), round(np.degrees(np.arctan2(b, a)) % 360)
        around = table[row - 1 : row + 2, max(0, column - 1) : column + 2].max()
        assert around == pytest.approx(np.hypot(a, b), rel=0.06)
    assert table[0].max() < 0.5
    assert table[-1].max() < 0.5
    np.testing.assert_allclose(table[:, 0], table[:, -1], atol=0.1)


@given(rgb_pictures, lightness_planes, ab_planes, codings)
@settings(max_examples=40)
def test_numpy_and_torch_agree(rgb: np.ndarray, L: np.ndarray, ab: np.ndarray, coding: YCbCr) -> None:
    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array.copy())

    pairs = [
        (rgb_to_lab(rgb), rgb_to_lab(tensor(rgb)), 2e-4),
        (fit_gamut(L, ab), fit_gamut(tensor(L), tensor(ab)), 0.1),  # a step of the bisection, where rounding decides it
        (lab_to_rgb(L, ab), lab_to_rgb(tensor(L), tensor(ab)), 2e-3),
        (rgb_to_chroma(rgb, coding), rgb_to_chroma(tensor(rgb), coding), 2e-3),
        (ycbcr_to_rgb(L, ab, coding), ycbcr_to_rgb(tensor(L), tensor(ab), coding), 1e-5),
    ]
    for ours, theirs, tolerance in pairs:
        assert theirs.dtype == torch.float32
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs.numpy(), atol=tolerance)


def test_a_batch_equals_its_pictures() -> None:
    rng = np.random.default_rng(3)
    rgb = rng.random((4, 3, 6, 5), np.float32)
    lab = rgb_to_lab(rgb)
    for picture, expected in zip(rgb, lab, strict=True):
        np.testing.assert_array_equal(rgb_to_lab(picture), expected)
    wide = lab[:, 1:] * 3
    for n in range(4):
        np.testing.assert_array_equal(fit_gamut(lab[n, :1], wide[n]), fit_gamut(lab[:, :1], wide)[n])


# 100 % colour bars in 8 bits and limited range, as published for both standards: (Y', Cb, Cr).
BARS = {
    "bt601": {
        (1, 1, 1): (235, 128, 128),
        (1, 1, 0): (210, 16, 146),
        (0, 1, 1): (170, 166, 16),
        (0, 1, 0): (145, 54, 34),
        (1, 0, 1): (106, 202, 222),
        (1, 0, 0): (81, 90, 240),
        (0, 0, 1): (41, 240, 110),
        (0, 0, 0): (16, 128, 128),
    },
    "bt709": {
        (1, 1, 1): (235, 128, 128),
        (1, 1, 0): (219, 16, 138),
        (0, 1, 1): (188, 154, 16),
        (0, 1, 0): (173, 42, 26),
        (1, 0, 1): (78, 214, 230),
        (1, 0, 0): (63, 102, 240),
        (0, 0, 1): (32, 240, 118),
        (0, 0, 0): (16, 128, 128),
    },
}


@pytest.mark.parametrize("matrix", BARS)
def test_colour_bars_have_their_published_codes(matrix: str) -> None:
    coding = YCbCr(*KR_KB[matrix])
    for rgb, (luma, cb, cr) in BARS[matrix].items():
        np.testing.assert_array_equal(np.rint(rgb_to_chroma(one(*rgb), coding)).ravel(), [cb, cr])
        np.testing.assert_allclose(ycbcr_to_rgb(one(luma), one(cb, cr), coding).ravel(), rgb, atol=0.006)


# Worked out on paper. BT.2020-2, table 4: Cb = (B' - Y') / 1.8814, Cr = (R' - Y') / 1.4746; BT.601: 1.772 and 1.402; BT.709: 1.8556
# and 1.5748. Limited range of n bits: 16 and 128 times 2^(n-8) plus 219 and 224 times 2^(n-8) (table 5); full: H.273, 2^n - 1.
@pytest.mark.parametrize(
    ("matrix", "full", "depth", "rgb", "cb", "cr"),
    [
        ("bt2020", False, 10, (1, 0, 0), 512 - 896 * 0.2627 / 1.8814, 512 + 448),
        ("bt2020", False, 10, (0, 0, 1), 512 + 448, 512 - 896 * 0.0593 / 1.4746),
        ("bt2020", False, 8, (0, 1, 0), 128 - 224 * 0.6780 / 1.8814, 128 - 224 * 0.6780 / 1.4746),
        ("bt2020", True, 12, (1, 1, 0), 2048 - 4095 * 0.5, 2048 + 4095 * 0.0593 / 1.4746),
        ("bt601", True, 8, (1, 0, 0), 128 - 255 * 0.299 / 1.772, 128 + 127.5),
        ("bt601", True, 8, (0, 0.5, 0), 128 - 255 * 0.2935 / 1.772, 128 - 255 * 0.2935 / 1.402),
        ("bt709", True, 8, (0, 0, 1), 128 + 127.5, 128 - 255 * 0.0722 / 1.5748),
        ("bt709", False, 10, (1, 0, 0), 512 - 896 * 0.2126 / 1.8556, 512 + 448),
    ],
)
def test_codes_are_those_worked_out_by_hand(
    matrix: str, full: bool, depth: int, rgb: tuple[float, ...], cb: float, cr: float
) -> None:
    coding = YCbCr(*KR_KB[matrix], full=full, depth=depth)
    np.testing.assert_allclose(rgb_to_chroma(one(*rgb), coding).ravel(), [cb, cr], atol=1e-6)


@pytest.mark.parametrize(
    ("full", "depth", "black", "white"),
    [(False, 8, 16, 235), (False, 10, 64, 940), (False, 12, 256, 3760), (True, 8, 0, 255), (True, 10, 0, 1023)],
)
def test_black_and_white_of_luma_lie_where_the_standards_put_them(full: bool, depth: int, black: int, white: int) -> None:
    coding = YCbCr(*KR_KB["bt709"], full=full, depth=depth)
    np.testing.assert_allclose(gray_of_luma(np.array([black, white], np.float64), coding), [0, 1], atol=1e-12)


@given(gray_pictures, codings)
def test_gray_is_the_neutral_code_in_every_coding(gray: np.ndarray, coding: YCbCr) -> None:
    codes = np.rint(rgb_to_chroma(np.stack([gray] * 3), coding))
    np.testing.assert_array_equal(codes, np.full((2, *SHAPE), 2 ** (coding.depth - 1)))


@given(rgb_pictures, codings)
def test_rgb_survives_the_way_to_codes_and_back(rgb: np.ndarray, coding: YCbCr) -> None:
    rgb = rgb.astype(np.float64)
    weights = np.array([coding.kr, 1 - coding.kr - coding.kb, coding.kb]).reshape(3, 1, 1)
    luma = coding.luma_offset + coding.luma_span * (weights * rgb).sum(0, keepdims=True)
    np.testing.assert_allclose(ycbcr_to_rgb(luma, rgb_to_chroma(rgb, coding), coding), rgb, atol=1e-9)
