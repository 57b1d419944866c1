"""Chosen colours in films: through their shot, whatever the chunks, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from batchcolor.colours.files import ColoursFolder
from batchcolor.errors import UsageError
from batchcolor.executors import Executor, ProcessExecutor, SerialExecutor
from batchcolor.films import FilmResult, colorize_film
from batchcolor.films.chunks import plan
from batchcolor.films.chunks.plan import ChunkLength
from batchcolor.settings import ColorSettings, FilmSettings, Settings
from tests.films.made import Made, make_film
from tests.support import formula_colorizer

FRAMES, CUT = 330, 40
SETTINGS = Settings(film=FilmSettings(codec="ffv1"))


def picture(n: int, height: int, width: int) -> np.ndarray:
    """Forty frames of one scene; then another in which a bright square moves slowly over a textured ground."""
    rng = np.random.default_rng(n < CUT)
    made = cv2.resize(rng.uniform(30, 80, (8, 12)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    square = cv2.resize(rng.uniform(110, 160, (5, 5)).astype(np.float32), (28, 28), interpolation=cv2.INTER_CUBIC)
    if n >= CUT:
        x, y = square_at(n)
        made[y : y + 28, x : x + 28] = square
    return np.clip(made, 0, 255).astype(np.uint8)


def square_at(n: int) -> tuple[int, int]:
    return 20 + (n - CUT) // 6, 18


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Made(width=128, height=64, picture=picture, pts=tuple(range(0, 40 * FRAMES, 40)))
    return make_film(tmp_path_factory.mktemp("film") / "reel.mkv", made)


def colorize(
    film: Path, target: Path, text: str, executor: Executor | None = None, settings: Settings = SETTINGS, **more: object
) -> FilmResult:
    """Colorize with what `text` says was chosen."""
    file = target.parent / "reel.mkv.colours.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"version = 1\n{text}\n")
    chosen = ColoursFolder.open(file).chosen(Path("reel.mkv"))
    colorizer: Callable[[], object] = partial(formula_colorizer, network_size=128)
    return colorize_film(film, target, settings, colours=chosen, colorizer=colorizer, executor=executor, **more)  # type: ignore[arg-type]


def cr(target: Path) -> list[np.ndarray]:
    """Cr of every frame, around 128, `(32, 64)`."""
    found = []
    with av.open(str(target)) as container:
        for frame in container.decode(video=0):
            plane = frame.reformat(format="yuv420p").planes[2]
            found.append(np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width].astype(int))
    return found


def on_square(planes: list[np.ndarray], n: int) -> float:
    x, y = (each // 2 for each in square_at(n))
    return float(planes[n][y + 4 : y + 10, x + 4 : x + 10].mean())


def point(n: int, more: str = "") -> str:
    x, y = square_at(n)
    return f'[[point]]\nframe = {n}\nat = [{(x + 14) / 128:.4f}, {(y + 14) / 64:.4f}]\ncolour = "#d02020"\n{more}\n'


@pytest.fixture(scope="module")
def plain(film: Path, tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    target = tmp_path_factory.mktemp("plain") / "reel.mkv"
    colorize(film, target, "")
    return cr(target)


@pytest.fixture(scope="module")
def chosen(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("chosen") / "reel.mkv"
    colorize(film, target, point(200))
    return target


def test_a_point_holds_through_its_shot_and_nowhere_else(film: Path, plain: list[np.ndarray], chosen: Path) -> None:
    red = cr(chosen)
    assert len(red) == FRAMES
    for n in (CUT + 2, 120, 200, FRAMES - 2):
        assert on_square(red, n) > on_square(plain, n) + 25
        assert abs(red[n][26:] - plain[n][26:]).mean() < 4  # the ground below
    for n in (0, CUT - 2):
        np.testing.assert_allclose(red[n], plain[n], atol=2)


def test_chunks_and_processes_make_no_difference(
    film: Path, chosen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProcessExecutor(2) as executor:
        colorize(film, tmp_path / "processes" / "reel.mkv", point(200), executor)
    seams, others = cr(chosen), cr(tmp_path / "processes" / "reel.mkv")
    for n in range(FRAMES):
        np.testing.assert_array_equal(seams[n], others[n])
    monkeypatch.setattr(plan, "_LEAST_OF_A_SHOT", 10**6)
    monkeypatch.setattr(ChunkLength, "of_film", classmethod(lambda cls, frames: ChunkLength(250, 10**6)))
    colorize(film, tmp_path / "whole" / "reel.mkv", point(200))
    whole = cr(tmp_path / "whole" / "reel.mkv")
    for n in range(0, FRAMES, 10):
        assert abs(seams[n] - whole[n]).max() <= 12
        assert abs(seams[n] - whole[n]).mean() < 0.6


class _Counting(SerialExecutor):
    """Remembers which chunks were really made."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    def map(self, work: object, jobs: object, *more: object) -> object:  # type: ignore[override]
        def remembered() -> object:
            for job in jobs:  # type: ignore[attr-defined]
                self.made.append(type(job).__name__)
                yield job

        return super().map(work, remembered(), *more)  # type: ignore[arg-type]


def test_an_edit_makes_only_the_chunks_of_its_shot_again(film: Path, tmp_path: Path) -> None:
    """Points in the first shot and in the second; the second one's is edited."""
    first = '[[point]]\nframe = 3\nat = [0.5, 0.5]\ncolour = "#20a020"\n'
    target = tmp_path / "reel.mkv"
    executors = [_Counting() for _ in range(3)]
    lists = FilmSettings(codec="ffv1", cuts=(CUT * 0.04,))
    settings = Settings(film=lists)
    colorize(film, target, first + point(200), executors[0], settings)
    before = cr(target)
    colorize(film, target, first + point(200), executors[1], settings)
    assert executors[1].made == []
    assert cr(target)[300].tolist() == before[300].tolist()
    colorize(film, target, first.replace("20a020", "2020a0") + point(200), executors[2], settings)
    chunks = [sum(name == "Chunk" for name in each.made) for each in (executors[0], executors[2])]
    assert 1 <= chunks[1] < chunks[0]
    after = cr(target)
    assert abs(after[10] - before[10]).mean() > 3
    for n in range(210, FRAMES, 20):
        np.testing.assert_array_equal(after[n], before[n])


def test_an_edit_in_a_film_of_sixty_chunks_makes_one_of_them_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty shots, a chunk each; a point in the thirtieth is edited."""
    shots, frames, edited = 60, 6, 29

    def scenes(n: int, height: int, width: int) -> np.ndarray:
        small = np.random.default_rng(n // frames).uniform(30, 200, (4, 6)).astype(np.float32)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)

    film = make_film(
        tmp_path / "reel.mkv", Made(width=64, height=32, picture=scenes, pts=tuple(range(0, 40 * shots * frames, 40)))
    )
    settings = Settings(film=FilmSettings(codec="ffv1", cuts=tuple(n * frames * 0.04 for n in range(1, shots))))
    monkeypatch.setattr(ChunkLength, "of_film", classmethod(lambda cls, frames: ChunkLength(1, 10**6)))
    text = f'[[point]]\nframe = {edited * frames + 2}\nat = [0.5, 0.5]\ncolour = "#20a020"\n'
    executors = [_Counting() for _ in range(2)]
    colorize(film, tmp_path / "out" / "reel.mkv", text, executors[0], settings)
    before = cr(tmp_path / "out" / "reel.mkv")
    colorize(film, tmp_path / "out" / "reel.mkv", text.replace("20a020", "2020a0"), executors[1], settings)
    after = cr(tmp_path / "out" / "reel.mkv")
    assert [each.made.count("Chunk") for each in executors] == [shots, 1]
    for n in range(shots * frames):
        if n // frames == edited:
            assert abs(after[n] - before[n]).mean() > 3
        else:
            np.testing.assert_array_equal(after[n], before[n])


def test_through_limits_how_far_a_point_is_carried(film: Path, plain: list[np.ndarray], tmp_path: Path) -> None:
    colorize(film, tmp_path / "reel.mkv", point(200, 'through = "2s"'))
    red = cr(tmp_path / "reel.mkv")
    assert on_square(red, 210) > on_square(plain, 210) + 25
    assert on_square(red, 290) < on_square(plain, 290) + 6
    assert on_square(red, 80) < on_square(plain, 80) + 6


def test_a_reference_frame_colours_its_shot(film: Path, plain: list[np.ndarray], tmp_path: Path) -> None:
    gray = picture(200, 64, 128).astype(np.float32)
    bgr = np.dstack([gray, gray, gray])
    x, y = square_at(200)
    bgr[y : y + 28, x : x + 28] *= (0.6, 0.6, 1.25)
    bgr = np.dstack([bgr]).clip(0, 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "frame.png"), cv2.resize(bgr, (256, 128), interpolation=cv2.INTER_CUBIC))
    colorize(film, tmp_path / "reel.mkv", '[[reference]]\npicture = "frame.png"\nframe = 200\n')
    found = cr(tmp_path / "reel.mkv")
    for n in (CUT + 2, 200, 320):
        assert on_square(found, n) > 128 + 25
        assert abs(found[n][27:, 40:] - 128).mean() < 5  # gray there, as in the reference
    np.testing.assert_allclose(found[10], plain[10], atol=2)


def test_masks_and_settings_of_shots_hold(film: Path, plain: list[np.ndarray], tmp_path: Path) -> None:
    mask = np.zeros((64, 128), np.uint8)
    mask[:, 64:] = 255
    cv2.imwrite(str(tmp_path / "half.png"), mask)
    colorize(film, tmp_path / "reel.mkv", '[[mask]]\npicture = "half.png"\n[[shot]]\ntime = "00:00:03"\nsaturation = 0\n')
    found = cr(tmp_path / "reel.mkv")
    assert abs(found[10][:, 36:] - 128).max() <= 2
    np.testing.assert_allclose(found[10][:, :26], plain[10][:, :26], atol=3)
    assert abs(found[300] - 128).max() <= 2


def test_a_turned_films_points_are_those_of_the_upright_picture(tmp_path: Path) -> None:
    made = Made(
        width=128, height=64, picture=lambda n, h, w: picture(CUT + 10, h, w), pts=tuple(range(0, 400, 40)), rotation=90
    )
    film = make_film(tmp_path / "turned.mp4", made)
    x, y = square_at(CUT + 10)
    across, down = (x + 14) / 128, (y + 14) / 64
    colorize(film, tmp_path / "out" / "reel.mkv", f'[[point]]\ntime = 0.2\nat = [{down}, {1 - across}]\ncolour = "#d02020"\n')
    found = cr(tmp_path / "out" / "reel.mkv")
    assert found[5][y // 2 + 5 : y // 2 + 9, x // 2 + 5 : x // 2 + 9].mean() > 150


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[[point]]\ntime = 99\nat = [0.5, 0.5]\ncolour = "gray"\n', "the film ends after"),
        ('[[point]]\nframe = 9999\nat = [0.5, 0.5]\ncolour = "gray"\n', "the film has 330 frames"),
        ('[[reference]]\nframe = 200\npicture = "other.png"\n', "does not show the same picture"),
    ],
)
def test_what_cannot_be_followed_is_said(film: Path, tmp_path: Path, text: str, sentence: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (8, 16, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "other.png"), cv2.resize(noise, (128, 64), interpolation=cv2.INTER_NEAREST))
    with pytest.raises(UsageError, match=sentence):
        colorize(film, tmp_path / "reel.mkv", text)


def test_a_chosen_colour_is_the_same_whatever_the_saturation(film: Path, chosen: Path, tmp_path: Path) -> None:
    half = Settings(film=SETTINGS.film, color=ColorSettings(saturation=0.5))
    colorize(film, tmp_path / "reel.mkv", point(200), settings=half)
    assert on_square(cr(tmp_path / "reel.mkv"), 200) == pytest.approx(on_square(cr(chosen), 200), abs=4)
