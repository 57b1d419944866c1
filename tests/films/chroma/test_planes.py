"""Chroma planes: the table equals the formula, and gray stays exactly neutral."""

from __future__ import annotations

import numpy as np
import pytest

from batchcolor.color.chroma_grid import ChromaGrid, luma_on_grid
from batchcolor.color.conversion import KR_KB, YCbCr, gray_of_luma, lab_to_rgb, lightness_of_gray, rgb_to_chroma
from batchcolor.color.upsampling import ChromaMap
from batchcolor.films.chroma import planes
from batchcolor.films.chroma.planes import chroma_planes, limit_shadow_chroma

CODINGS = [YCbCr(*KR_KB[m], full=f, depth=d) for m in KR_KB for f in (False, True) for d in (8, 10, 12)]


def named(coding: YCbCr) -> str:
    return f"{coding.kr}-{'full' if coding.full else 'limited'}-{coding.depth}"


def flat_map(a: float, b: float) -> ChromaMap:
    offset = np.stack([np.full((8, 8), a, np.float32), np.full((8, 8), b, np.float32)])
    return ChromaMap.of(np.zeros_like(offset), offset)


@pytest.mark.parametrize("coding", CODINGS, ids=named)
def test_gray_is_the_neutral_code_at_every_luma(coding: YCbCr) -> None:
    codes = np.arange(2**coding.depth, dtype=np.uint16 if coding.depth > 8 else np.uint8).reshape(-1, 16)
    grid = ChromaGrid(16, codes.shape[0], across=1, down=1)
    assert np.unique(chroma_planes(codes, flat_map(0, 0), coding, grid)).tolist() == [coding.chroma_center]


@pytest.mark.parametrize("coding", CODINGS, ids=named)
def test_planes_are_those_of_the_formula(coding: YCbCr) -> None:
    rng = np.random.default_rng(1)
    shift = 2 ** (coding.depth - 8)
    luma = rng.integers(20 * shift, 230 * shift, (32, 32)).astype(np.uint16 if coding.depth > 8 else np.uint8)
    L = lightness_of_gray(gray_of_luma(luma.astype(np.float32), coding))[None]
    off = []
    for a, b in rng.uniform(-60, 60, (40, 2)):
        ab = np.stack([np.full(L[0].shape, a, np.float32), np.full(L[0].shape, b, np.float32)])
        exact = rgb_to_chroma(lab_to_rgb(L, limit_shadow_chroma(L, ab)), coding)
        off.append(np.abs(chroma_planes(luma, flat_map(a, b), coding, ChromaGrid(32, 32, across=1, down=1)) - exact))
    if coding.depth > 8:
        assert np.max(off) <= (0.51 if coding.depth == 10 else 1.0)  # only rounding, and at 12 bits that of float32
    else:  # the table's steps of 2 in luma and 0.85 in ab; at the gamut's border a step of luma can move the limit far
        assert np.mean(off) <= 0.5
        assert np.percentile(off, 99) <= 2.5


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("size", [(97, 61), (640, 480), (64, 7)])
def test_large_pictures_have_the_same_planes_strip_by_strip(
    depth: int, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    coding, grid = YCbCr(*KR_KB["bt709"], full=False, depth=depth), ChromaGrid(*size)
    luma = rng.integers(16 << depth - 8, 235 << depth - 8, size[::-1]).astype(np.uint16 if depth > 8 else np.uint8)
    chroma = ChromaMap(
        np.concatenate([rng.uniform(-0.2, 0.2, (12, 20, 2)), rng.uniform(-40, 40, (12, 20, 2))], 2).astype(np.float32)
    )
    monkeypatch.setattr(planes, "_STRIP_SAMPLES", 4 * size[0])
    whole = chroma_planes(luma, chroma, coding, grid).astype(int)
    monkeypatch.setattr(planes, "_WHOLE_BYTES", 0)
    strips = chroma_planes(luma, chroma, coding, grid).astype(int)
    assert np.abs(strips - whole).max() <= 1  # float32 may round the other way
    assert np.mean(strips != whole) < 1e-3


@pytest.mark.parametrize(("width", "height"), [(16, 8), (17, 9), (1, 1), (2, 3)])
@pytest.mark.parametrize(("across", "down"), [(2, 2), (2, 1), (1, 1)])
@pytest.mark.parametrize("left", [True, False])
def test_grids_have_the_formats_sizes(width: int, height: int, across: int, down: int, left: bool) -> None:
    grid = ChromaGrid(width, height, across, down, left)
    luma = np.full((height, width), 77, np.uint8)
    small = luma_on_grid(luma, grid)
    assert small.shape == (-(-height // down), -(-width // across))
    assert np.unique(small).tolist() == [77]


def test_left_sited_chroma_is_on_the_luma_column() -> None:
    luma = np.tile(np.arange(0, 160, 10, dtype=np.uint8), (4, 1))
    left = luma_on_grid(luma, ChromaGrid(16, 4, 2, 2, left=True))
    between = luma_on_grid(luma, ChromaGrid(16, 4, 2, 2, left=False))
    assert left[0, 1:-1].tolist() == list(range(20, 140, 20))  # the ramp at columns 2, 4, ...
    assert between[0, 1:-1].tolist() == list(range(25, 145, 20))  # half a column to the right


def test_the_darks_are_calmed_and_the_rest_is_left_alone() -> None:
    ab = np.full((2, 1, 4), 40, np.float32)
    calmed = limit_shadow_chroma(np.array([[[0, 5, 30, 80]]], np.float32), ab)
    assert np.hypot(*calmed)[0] == pytest.approx([2, 12, np.hypot(40, 40), np.hypot(40, 40)], rel=1e-5)
