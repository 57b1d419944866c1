"""Contact sheets: every picture is shown whole, cells line up, and the suffix chooses the format."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from batchcolor.imaging.contact_sheet import CAPTION_HEIGHT, GAP, Cell, contact_sheet, write_picture


def flat(height: int, width: int, code: int) -> np.ndarray:
    return np.full((height, width, 3), code, np.uint8)


def test_every_picture_is_shown_whole_and_cells_line_up() -> None:
    cells = [Cell([flat(20, 30, 10 * n), flat(20 - n, 40, 10 * n + 5)]) for n in range(1, 6)]
    sheet = contact_sheet(cells, columns=2)
    cell_height, cell_width = GAP + 20 + GAP, 3 * GAP + 30 + 40
    assert sheet.shape == (3 * cell_height, 2 * cell_width, 3)
    for n in range(5):
        top, left = n // 2 * cell_height + GAP, n % 2 * cell_width + GAP
        first = sheet[top : top + 20, left : left + 30]
        second = sheet[top : top + 20 - (n + 1), left + 30 + GAP :][:, :40]
        assert (first == 10 * (n + 1)).all()
        assert (second == 10 * (n + 1) + 5).all()
    assert (sheet[2 * cell_height :, cell_width:] == 255).all()  # the sixth cell is empty


def test_captions_and_headings_take_a_line_each() -> None:
    plain = contact_sheet([Cell([flat(20, 90, 0)])])
    captioned = contact_sheet([Cell([flat(20, 90, 0)], caption="1   0:00:00")])
    headed = contact_sheet([Cell([flat(20, 90, 0)])], headings=["before"])
    assert captioned.shape[0] == plain.shape[0] - GAP + CAPTION_HEIGHT
    assert headed.shape[0] == plain.shape[0] + CAPTION_HEIGHT
    assert captioned[:CAPTION_HEIGHT].min() < 128
    assert headed[:CAPTION_HEIGHT].min() < 128


def test_pictures_are_scaled_to_one_height() -> None:
    sheet = contact_sheet([Cell([flat(40, 80, 0), flat(10, 10, 0)])], height=20)
    assert sheet.shape == (20 + 2 * GAP, 40 + 20 + 3 * GAP, 3)


def test_no_cells_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least one cell"):
        contact_sheet([])


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_the_suffix_chooses_the_format(suffix: str, tmp_path: Path) -> None:
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[..., 0] = 200
    write_picture(tmp_path / f"é{suffix}", rgb)
    (path,) = tmp_path.iterdir()
    read = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_allclose(read[..., ::-1].astype(int), rgb, atol=3)
