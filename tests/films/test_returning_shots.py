"""A shot that returns to an earlier one continues its colours, chosen ones too."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from batchcolor.executors import Executor, ProcessExecutor
from batchcolor.settings import FilmSettings, Settings
from tests.films.made import Made, make_film

from .test_chosen_colours import colorize, cr

LENGTHS = (70, 30, 40)  # of A, B and A again
FIRST, BACK = LENGTHS[0], LENGTHS[0] + LENGTHS[1]
CUTS = (FIRST * 0.04, BACK * 0.04)
SQUARE = (20, 18)  # x, y


def picture(n: int, height: int, width: int) -> np.ndarray:
    """A textured square on a ground; other ground without one; the square again, a little to the right."""
    rng = np.random.default_rng(FIRST <= n < BACK)
    made = cv2.resize(rng.uniform(30, 80, (8, 12)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    square = cv2.resize(rng.uniform(110, 160, (5, 5)).astype(np.float32), (28, 28), interpolation=cv2.INTER_CUBIC)
    if not FIRST <= n < BACK:
        x, y = SQUARE[0] + (n >= BACK), SQUARE[1]
        made[y : y + 28, x : x + 28] = square
    return np.clip(made, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Made(width=128, height=64, picture=picture, pts=tuple(range(0, 40 * sum(LENGTHS), 40)))
    return make_film(tmp_path_factory.mktemp("film") / "reel.mkv", made)


def colorized(
    film: Path, target: Path, text: str, returning: bool = True, executor: Executor | None = None
) -> list[np.ndarray]:
    settings = Settings(film=FilmSettings(codec="ffv1", cuts=CUTS, returning_shots=returning))
    colorize(film, target / "reel.mkv", text, executor, settings)
    return cr(target / "reel.mkv")


def on_square(planes: list[np.ndarray], n: int) -> float:
    x, y = (each // 2 for each in SQUARE)
    return float(planes[n][y + 4 : y + 10, x + 4 : x + 10].mean())


def point(more: str = "", frame: int = 10) -> str:
    x, y = SQUARE
    return f'[[point]]\nframe = {frame}\nat = [{(x + 14) / 128:.4f}, {(y + 14) / 64:.4f}]\ncolour = "#d02020"\n{more}\n'


@pytest.fixture(scope="module")
def plain(film: Path, tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    return colorized(film, tmp_path_factory.mktemp("plain"), point(), returning=False)


def test_what_was_chosen_in_a_shot_holds_when_it_returns(film: Path, plain: list[np.ndarray], tmp_path: Path) -> None:
    found = colorized(film, tmp_path, point())
    for n in (BACK, BACK + 15, sum(LENGTHS) - 1):
        assert on_square(found, n) > on_square(plain, n) + 25
        assert abs(found[n][26:] - plain[n][26:]).mean() < 4  # the ground below
    assert on_square(found, BACK) == pytest.approx(on_square(found, FIRST - 1), abs=3)
    for n in (0, FIRST - 1, FIRST, BACK - 1):
        np.testing.assert_array_equal(found[n], plain[n])


def test_processes_make_no_difference(film: Path, tmp_path: Path) -> None:
    here = colorized(film, tmp_path / "here", point())
    with ProcessExecutor(2) as executor:
        there = colorized(film, tmp_path / "there", point(), executor=executor)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("through", ["shot", "2s"])
def test_a_choice_for_one_shot_alone_is_not_taken_over(
    film: Path, plain: list[np.ndarray], tmp_path: Path, through: str
) -> None:
    found = colorized(film, tmp_path, point(f'through = "{through}"', frame=FIRST - 1))
    assert on_square(found, FIRST - 1) > on_square(plain, BACK) + 25
    for n in (BACK, sum(LENGTHS) - 1):
        np.testing.assert_array_equal(found[n], plain[n])


def test_a_shots_own_choice_comes_before_that_of_the_earlier_one(film: Path, tmp_path: Path) -> None:
    gray = point(frame=BACK + 5).replace("#d02020", "gray")
    found = colorized(film, tmp_path, point() + gray)
    assert on_square(found, 10) > 128 + 25
    assert on_square(found, BACK + 5) == pytest.approx(128, abs=3)
