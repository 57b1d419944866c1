"""Small photos are decoded once, large ones twice and in strips, with the same result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips

import batchcolor.photos
from batchcolor.photos import PhotoResult, colorize_photos
from batchcolor.photos.read import PhotoRows, small_lab
from batchcolor.settings import PhotoSettings
from tests.support import formula_colorizer, gradient

LAYOUTS = {
    "gray": lambda gray: gray,
    "gray in three planes": lambda gray: np.stack([gray] * 3, -1),
    "sepia": lambda gray: (gray[..., None] * np.array([1, 0.9, 0.7])).astype(gray.dtype),
}


def saved(folder: Path, layout: str, top: int, orientation: int = 1) -> Path:
    pixels = LAYOUTS[layout](gradient(301, 452, top))
    kinds = {(2, 255): "b-w", (3, 255): "srgb", (2, 65535): "grey16", (3, 65535): "rgb16"}
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels)).copy(interpretation=kinds[pixels.ndim, top])
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.tiffsave(str(folder / "in.tif"))
    return folder / "in.tif"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("top", [255, 65535])
def test_held_rows_are_the_rows_of_the_file(tmp_path: Path, layout: str, top: int) -> None:
    rows, held = (PhotoRows(saved(tmp_path, layout, top)) for _ in range(2))
    held.hold()
    for _ in range(2):  # as often as wanted
        for strip, again in zip(PhotoRows(rows.path), held, strict=True):
            np.testing.assert_allclose(again.lightness, strip.lightness, atol=1e-3)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_network_sees_the_same_small_copy(tmp_path: Path, layout: str, orientation: int) -> None:
    path = saved(tmp_path, layout, 255, orientation)
    rows = PhotoRows(path)
    rows.hold()
    shape = (96, 64) if orientation >= 5 else (64, 96)
    by_libvips = small_lab(path, 0, shape)
    assert rows.small_lab(shape).shape == by_libvips.shape
    assert float(np.abs(rows.small_lab(shape) - by_libvips).mean()) < 0.5


def test_results_are_the_same_held_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = saved(tmp_path, "sepia", 65535, orientation=6)

    def result(name: str) -> np.ndarray:
        assert list(colorize_photos([(source, tmp_path / name)], formula_colorizer(), PhotoSettings())) == [
            PhotoResult(toned=True)
        ]
        pixels: np.ndarray = pyvips.Image.new_from_file(str(tmp_path / name)).numpy()
        return pixels.astype(np.float64) / 257

    once = result("once.tif")
    monkeypatch.setattr(batchcolor.photos, "_HELD_BYTES", 0)
    assert float(np.abs(once - result("twice.tif")).max()) < 3  # codes of 8 bits: the small copies are two averagers' work
