"""Interlaced pictures are detected, reported, and deinterlaced or left as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from batchcolor.errors import SourceError
from batchcolor.films import FilmResult, colorize_film
from batchcolor.settings import FilmSettings, Settings
from tests.films.made import Made, make_film, pictures
from tests.support import formula_colorizer

HEIGHT, WIDTH = 144, 192


def scene(time: float, height: int, width: int) -> np.ndarray:
    """Bars and a disc that move to the right, at any moment."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    picture = 120 + 50 * np.sin((x - 5 * time) / 9) + 20 * np.sin(y / 15)
    picture[np.hypot(y - height / 2, x - 40 - 2 * time) < 24] = 230
    return picture.clip(0, 255).astype(np.uint8)


def interlaced(n: int, height: int, width: int) -> np.ndarray:
    """Upper lines of one moment, lower lines of half a frame later."""
    woven = scene(n, height, width)
    woven[1::2] = scene(n + 0.5, height, width)[1::2]
    return woven


def telecined(n: int, height: int, width: int) -> np.ndarray:
    """24 frames as 30: two of every five are woven from neighbours (3:2 pulldown)."""
    group, place = divmod(n, 5)
    upper, lower = ((0, 0), (1, 1), (1, 2), (2, 3), (3, 3))[place]
    woven = scene(4 * group + upper, height, width)
    woven[1::2] = scene(4 * group + lower, height, width)[1::2]
    return woven


def combing(luma: np.ndarray) -> float:
    """How much neighbouring lines differ beyond those of the same field."""
    values = luma.astype(float)
    return float(np.abs(values[1:-1] - (values[:-2] + values[2:]) / 2).mean())


def film(folder: Path, picture: object) -> Path:
    made = Made(width=WIDTH, height=HEIGHT, codec="ffv1", picture=picture, pts=tuple(range(0, 40 * 60, 40)))  # type: ignore[arg-type]
    return make_film(folder / "in.mkv", made)


def colorize(source: Path, **settings: object) -> FilmResult:
    film_settings = FilmSettings(codec="ffv1", **settings)  # type: ignore[arg-type]
    return colorize_film(source, source.with_name("out.mkv"), Settings(film=film_settings), colorizer=formula_colorizer)


def test_interlaced_pictures_are_deinterlaced_and_keep_their_times(tmp_path: Path) -> None:
    source = film(tmp_path, interlaced)
    result = colorize(source)
    assert any("60 of 60 frames are interlaced" in warning and "bwdif" in warning for warning in result.warnings)
    before, after = pictures(source), pictures(tmp_path / "out.mkv")
    assert [time for time, _ in after] == [time for time, _ in before]
    worst = max(combing(luma) for _, luma in after[5:-5])
    assert worst < 0.5 * min(combing(luma) for _, luma in before[5:-5])


def test_telecined_film_is_detected_and_its_interlaced_pictures_deinterlaced(tmp_path: Path) -> None:
    source = film(tmp_path, telecined)
    assert any("telecined" in warning for warning in colorize(source).warnings)
    before, after = pictures(source), pictures(tmp_path / "out.mkv")
    assert [time for time, _ in after] == [time for time, _ in before]
    assert np.mean([combing(luma) for _, luma in after]) < 0.3 * np.mean([combing(luma) for _, luma in before])


def test_deinterlace_off_keeps_both_fields_and_warns(tmp_path: Path) -> None:
    source = film(tmp_path, interlaced)
    result = colorize(source, deinterlace="off")
    assert any("left as they are" in warning for warning in result.warnings)
    for (_, before), (_, after) in zip(pictures(source), pictures(tmp_path / "out.mkv"), strict=True):
        np.testing.assert_array_equal(before, after)


def test_they_can_be_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"in\.mkv: is interlaced"):
        colorize(film(tmp_path, interlaced), deinterlace="error")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv"]


def fine_stripes(n: int, height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return (120 + 60 * np.sin((x + 20 * np.sin(n / 40)) / 9 + y / 3)).astype(np.uint8)


@pytest.mark.parametrize("picture", [scene, fine_stripes, lambda n, h, w: scene(0, h, w)], ids=["moving", "stripes", "still"])
def test_progressive_pictures_are_unchanged(tmp_path: Path, picture: object) -> None:
    source = film(tmp_path, picture)
    assert colorize(source).warnings == ()
    for (_, before), (_, after) in zip(pictures(source), pictures(tmp_path / "out.mkv"), strict=True):
        np.testing.assert_array_equal(before, after)
