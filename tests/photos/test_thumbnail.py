"""Small copies to look at have the colours, the page and the orientation of the photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips

from batchcolor.color.pixel_codes import rgb_to_lightness
from batchcolor.errors import SourceError
from batchcolor.photos.thumbnail import thumbnail
from tests.support import gradient


@pytest.mark.parametrize("suffix", ["tif", "jpg"])
def test_full_ink_is_black(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"inks.{suffix}"
    pyvips.Image.new_from_array(np.full((300, 400, 4), 255, np.uint8)).copy(interpretation="cmyk").write_to_file(str(path))
    small = thumbnail(path, 100).numpy()
    assert small.shape == (75, 100, 3)
    assert rgb_to_lightness(np.ascontiguousarray(small.transpose(2, 0, 1))).max() < 2


def test_a_page_of_a_tiff_is_upright_and_has_the_colours_of_its_profile(tmp_path: Path) -> None:
    page = pyvips.Image.new_from_array(gradient(60, 90)).copy(interpretation="b-w")
    both = page.join(page.invert(), "vertical").copy()
    both.set_type(pyvips.GValue.gint_type, "page-height", 60)
    both.set_type(pyvips.GValue.gint_type, "orientation", 6)
    both.tiffsave(str(tmp_path / "pages.tif"))
    first, second = (thumbnail(tmp_path / "pages.tif", 60, n).numpy() for n in (1, 2))
    assert first.shape == second.shape == (60, 40, 3)
    assert np.abs(first.astype(int) + second - 255).max() <= 2

    wide = pyvips.Image.new_from_array(np.full((8, 8, 3), (0, 200, 0), np.uint8)).copy(interpretation="srgb")
    wide.icc_transform("p3", input_profile="srgb").pngsave(str(tmp_path / "p3.png"))
    np.testing.assert_allclose(thumbnail(tmp_path / "p3.png", 8).numpy()[4, 4], (0, 200, 0), atol=3)


def test_deep_and_transparent_samples_are_shown_over_gray(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 2), np.uint16)
    pixels[..., 0] = 40000
    pixels[:4, :, 1] = 65535
    pyvips.Image.new_from_array(pixels).copy(interpretation="grey16").pngsave(str(tmp_path / "deep.png"))
    small = thumbnail(tmp_path / "deep.png", 8).numpy()
    assert small.shape == (8, 8, 3)
    np.testing.assert_allclose(small[1, 1], 40000 / 257, atol=1.5)
    np.testing.assert_allclose(small[6, 6], 128, atol=1.5)


def test_a_bitmap_is_shown_though_libvips_does_not_read_it(tmp_path: Path) -> None:
    import cv2

    gray = gradient(40, 60)
    cv2.imwrite(str(tmp_path / "a.bmp"), gray)
    np.testing.assert_allclose(thumbnail(tmp_path / "a.bmp", 60).numpy()[..., 0], gray, atol=1)


def test_what_is_no_picture_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"a\.jpg"):
        thumbnail(tmp_path / "a.jpg", 100)
