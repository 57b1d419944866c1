"""Colour that is part of a black-and-white page, a control strip or a stamp, stays; all the rest is colorized as without it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.color import deltaE_ciede2000

from batchcolor.color.conversion import rgb_to_lab
from batchcolor.color.tone import own_colors
from batchcolor.photos import PhotoResult, Treatment, colorize_photos
from batchcolor.settings import PhotoSettings
from tests.support import formula_colorizer

SIZE = (600, 800)
STRIP = [(200, 40, 40), (40, 140, 60), (50, 70, 180), (230, 200, 40), (180, 60, 160), (60, 170, 190)]


def page(tone: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
    """A black-and-white photograph on paper, uint8 `(H, W, 3)`."""
    gray = cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    gray = cv2.copyMakeBorder(gray[60:-60, 80:-80], 60, 60, 80, 80, cv2.BORDER_CONSTANT, value=235)
    codes = (gray[..., None] / 255.0) ** np.array(tone)
    return np.rint(codes * 255).astype(np.uint8)


def with_strip(picture: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """A control strip at the lower edge that takes this share of the area; and where it is."""
    height, width = picture.shape[:2]
    side = max(3, round(np.sqrt(share * height * width / len(STRIP))))
    made, where = picture.copy(), np.zeros((height, width), bool)
    for number, color in enumerate(STRIP):
        top, left = height - side - 8, 20 + number * side
        made[top : top + side, left : left + side] = color
        where[top : top + side, left : left + side] = True
    return made, where


def with_stamp(picture: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """A red stamp, a filled ring with a bar, in the picture's corner."""
    height, width = picture.shape[:2]
    radius = max(5, round(np.sqrt(share * height * width / 2)))
    drawn = np.zeros((height, width), np.uint8)
    cv2.circle(drawn, (width - radius - 20, radius + 20), radius, 255, max(3, radius // 3))
    cv2.rectangle(drawn, (width - 2 * radius - 10, radius + 14), (width - 30, radius + 26), 255, -1)
    made = picture.copy()
    made[drawn > 0] = (190, 30, 45)
    return made, drawn > 0


def lab(pixels: np.ndarray) -> np.ndarray:
    return rgb_to_lab(pixels.transpose(2, 0, 1).astype(np.float32) / 255).transpose(1, 2, 0)


def colorize(source: Path, target: Path, pixels: np.ndarray) -> tuple[PhotoResult, np.ndarray]:
    Image.fromarray(pixels).save(source)
    (result,) = colorize_photos([(source, target)], formula_colorizer(network_size=256), PhotoSettings())
    assert result.error is None, result.error
    with Image.open(target) as image:
        return result, np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("mark", [with_strip, with_stamp])
@pytest.mark.parametrize("share", [0.002, 0.01, 0.03, 0.1])
@pytest.mark.parametrize("tone", [(1, 1, 1), (0.85, 1, 1.25)], ids=["gray", "sepia"])
def test_colours_of_strips_and_stamps_stay_and_the_rest_is_as_without(
    tmp_path: Path, mark: object, share: float, tone: tuple[float, float, float]
) -> None:
    plain = page(tone)
    marked, where = mark(plain, share)  # type: ignore[operator]
    result, made = colorize(tmp_path / "marked.png", tmp_path / "marked-out.png", marked)
    _, without = colorize(tmp_path / "plain.png", tmp_path / "plain-out.png", plain)
    assert result.treatment is Treatment.COLORIZED
    inside = cv2.erode(where.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    outside = cv2.dilate(where.astype(np.uint8), np.ones((25, 25), np.uint8)) == 0
    kept = deltaE_ciede2000(lab(made), lab(marked))[inside]
    rest = deltaE_ciede2000(lab(made), lab(without))[outside]
    assert float(kept.mean()) < 3
    assert float(rest.mean()) < 0.3
    assert float(deltaE_ciede2000(lab(made), lab(plain))[outside].mean()) > 2  # it is colorized


def test_a_tinted_cheek_stays_in_a_jpeg(tmp_path: Path) -> None:
    picture = page().astype(np.float32)
    tint = np.zeros(SIZE, np.float32)
    cv2.circle(tint, (420, 250), 40, 1, -1)
    tint = cv2.GaussianBlur(tint, (0, 0), 6)[..., None]
    pixels = np.clip(picture + tint * np.array([45, -25, -15]), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.jpg", quality=95)
    (result,) = colorize_photos(
        [(tmp_path / "in.jpg", tmp_path / "out.jpg")], formula_colorizer(network_size=256), PhotoSettings()
    )
    assert result.error is None
    with Image.open(tmp_path / "out.jpg") as image:
        made = np.asarray(image)
    inside = tint[..., 0] > 0.9
    assert float(deltaE_ciede2000(lab(made), lab(pixels))[inside].mean()) < 3


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_colour_photographs_have_no_places_of_their_own(name: str) -> None:
    small = cv2.resize(getattr(data, name)(), (256, 256), interpolation=cv2.INTER_AREA)
    colored, own = own_colors(lab(small).transpose(2, 0, 1))
    assert (colored, own) == (True, None)


def test_a_gray_page_and_a_toned_one_have_none_either() -> None:
    for tone in ((1, 1, 1), (0.85, 1, 1.25), (1.2, 1, 0.85)):
        small = cv2.resize(page(tone), (256, 256), interpolation=cv2.INTER_AREA)
        assert own_colors(lab(small).transpose(2, 0, 1)) == (False, None)
