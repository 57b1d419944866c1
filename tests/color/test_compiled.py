"""Compiled formulas equal numpy, for any number of pixels, from any thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchcolor.color.conversion import in_gamut, lab_to_linear, lightness_of_linear, srgb_decode, srgb_encode

fused = pytest.importorskip("batchcolor.color.compiled", reason="OpenVINO has no wheel for this machine", exc_type=ImportError)


def everything(L: Any, a: Any, b: Any) -> list[Any]:
    """Linear planes, encoded ones, those decoded again, L of green, and whether all of it is in the gamut."""
    linear = lab_to_linear(L, a, b)
    encoded = [srgb_encode(plane) for plane in linear]
    return [*linear, *encoded, *map(srgb_decode, encoded), lightness_of_linear(linear[1]), in_gamut(*linear)]


EVERYTHING = fused.Fused(everything, [np.float32] * 3, [*[np.float32] * 10, np.bool_])


def planes(shape: tuple[int, ...], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(low, high, shape).astype(np.float32) for low, high in ((0, 100), (-60, 60), (-60, 60))]


@given(count=st.integers(0, 70_000), seed=st.integers(0, 9))
@settings(max_examples=15, deadline=None)
def test_every_pixel_equals_numpy(count: int, seed: int) -> None:
    given_planes = planes((count,), seed)
    exact = everything(*(plane.astype(np.float64) for plane in given_planes))
    *made, inside = EVERYTHING(*given_planes)
    for plane, wanted in zip(made[:9], exact[:9], strict=True):
        np.testing.assert_allclose(plane, wanted, atol=5e-6)
    np.testing.assert_allclose(
        made[9], exact[9], atol=2e-3
    )  # 116 times a cube root, whose error is largest in the darkest tones
    assert np.count_nonzero(inside != exact[10]) <= count // 1000  # float32's own doubt at the border


def test_shapes_stay_and_strides_do_not_matter() -> None:
    L, a, b = planes((40, 60))
    whole = EVERYTHING(L, a, b)[0]
    assert whole.shape == (40, 60)
    np.testing.assert_array_equal(EVERYTHING(L[::2], a[::2], b[::2])[0], whole[::2])


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integers_come_in_and_go_out(dtype: type[np.generic], top: int) -> None:
    halved = fused.Fused(lambda x: [x / 2 + 0.5], [dtype], [dtype])
    codes = np.arange(top + 1).astype(dtype)
    np.testing.assert_array_equal(halved(codes)[0], (np.arange(top + 1) + 1) // 2)


def test_threads_do_not_disturb_each_other() -> None:
    given_planes = [planes((50_000,), seed) for seed in range(4)]
    alone = [EVERYTHING(*each)[3] for each in given_planes]
    with ThreadPoolExecutor(4) as pool:
        for made, wanted in zip(pool.map(lambda each: EVERYTHING(*each)[3], given_planes * 4), alone * 4, strict=True):
            np.testing.assert_array_equal(made, wanted)


def test_unsupported_operations_are_refused() -> None:
    with pytest.raises(TypeError):
        fused.Fused(lambda x: [np.arctan(x)], [np.float32], [np.float32])(np.ones(3, np.float32))
