"""Black-and-white or not: toned prints are, pages with colours of their own are not; and what becomes of those."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from batchcolor.color.tone import has_color, is_toned
from batchcolor.photos import Treatment, colorize_photos
from batchcolor.settings import PhotoSettings
from benchmarks.color_pages import TONES, small_lab, toned
from tests.support import formula_colorizer

PICTURES = {"astronaut": data.astronaut, "cat": data.chelsea, "coffee": data.coffee, "rocket": data.rocket}


@pytest.mark.parametrize("name", PICTURES)
def test_colour_pictures_have_colour(name: str) -> None:
    assert has_color(small_lab(PICTURES[name]()))


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("name", PICTURES)
def test_toned_prints_are_black_and_white(name: str, tone: str) -> None:
    assert not has_color(small_lab(toned(PICTURES[name](), tone)))
    assert is_toned(small_lab(toned(PICTURES[name](), tone))) == (tone != "gray")


def test_a_colourful_detail_on_a_gray_page_is_colour() -> None:
    page = toned(PICTURES["cat"](), "gray")
    page[20:90, 30:110] = (200, 30, 40)
    assert has_color(small_lab(page))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_empty_pages_are_black_and_white(value: int) -> None:
    assert not has_color(small_lab(np.full((64, 64, 3), value, np.uint8)))
    assert not has_color(small_lab(np.full((64, 64, 3), (value, value // 2, value // 3), np.uint8)))


@pytest.fixture
def coloured(tmp_path: Path) -> Path:
    path = tmp_path / "in.png"
    cv2.imwrite(str(path), PICTURES["astronaut"]()[..., ::-1])
    return path


def treat(source: Path, target: Path, **settings: object) -> Treatment:
    (result,) = colorize_photos([(source, target)], formula_colorizer(), PhotoSettings(**settings))  # type: ignore[arg-type]
    assert result.error is None
    return result.treatment


def test_a_photo_in_colour_is_copied_byte_for_byte(coloured: Path, tmp_path: Path) -> None:
    assert treat(coloured, tmp_path / "out.png") is Treatment.COPIED
    assert (tmp_path / "out.png").read_bytes() == coloured.read_bytes()


def test_or_left_out(coloured: Path, tmp_path: Path) -> None:
    assert treat(coloured, tmp_path / "out.png", color_pages="skip") is Treatment.SKIPPED
    assert not (tmp_path / "out.png").exists()


def test_or_colorized_anew(coloured: Path, tmp_path: Path) -> None:
    assert treat(coloured, tmp_path / "out.png", color_pages="recolor") is Treatment.COLORIZED
    difference = cv2.imread(str(tmp_path / "out.png")).astype(int) - cv2.imread(str(coloured))
    assert np.abs(difference).mean() > 5


def test_in_another_format_its_pixels_are_copied(coloured: Path, tmp_path: Path) -> None:
    assert treat(coloured, tmp_path / "out.tif") is Treatment.COPIED
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "out.tif")), cv2.imread(str(coloured)))
