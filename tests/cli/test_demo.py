"""`batchcolor demo` with short shots: gray input, coloured results, contact sheets, no network access."""

from __future__ import annotations

import contextlib
import io
import socket
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from batchcolor.cli import main
from batchcolor.demo import film, pictures
from batchcolor.demo.film import MOVES
from batchcolor.demo.pictures import PICTURES
from batchcolor.errors import ExitCode
from tests.films.made import packets
from tests.films.made import pictures as frames_of
from tests.support import results

SHOT_FRAMES = 6
PHOTOS = [picture.name for picture in PICTURES]


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory: pytest.TempPathFactory, shared_folder: Path) -> tuple[Path, str]:
    """The folder of one demo and what it said on stdout, run once for all tests here with a network that refuses every connection."""

    def refuse(*_: object) -> None:
        raise AssertionError("the network was touched")

    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(io.StringIO()) as said:
        patched.setenv("BATCHCOLOR_CACHE", str(shared_folder / "cache"))
        patched.setattr(socket.socket, "connect", refuse)
        patched.setattr(socket, "getaddrinfo", refuse)
        patched.setattr(film, "SHOT_FRAMES", SHOT_FRAMES)
        with pytest.raises(SystemExit) as stopped:
            main(["demo", "--output", str(folder / "demo")])
    assert stopped.value.code == ExitCode.OK
    return folder / "demo", said.getvalue()


@pytest.fixture
def demo(demo_run: tuple[Path, str]) -> Path:
    return demo_run[0]


@pytest.fixture
def said(demo_run: tuple[Path, str]) -> str:
    return demo_run[1]


def read(path: Path) -> np.ndarray:
    """Pixels as stored, uint8 or uint16, `(H, W)` or `(H, W, 3)`."""
    return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)


def colourfulness(pixels: np.ndarray) -> float:
    """Mean distance of the channels from each other, as part of the range."""
    return float(np.ptp(pixels.astype(float), axis=2).mean() / np.iinfo(pixels.dtype).max)


def test_it_leaves_input_colour_truth_and_two_sheets(demo: Path) -> None:
    assert sorted(path.name for path in demo.iterdir()) == ["colour", "film.png", "input", "photos.png", "truth"]
    for folder in ("input", "colour", "truth"):
        assert results(demo / folder) == sorted([*PHOTOS, "film.mp4"])


@pytest.mark.parametrize("name", PHOTOS)
def test_gray_photos_came_out_in_colour(demo: Path, name: str) -> None:
    before, after, truth = (read(demo / folder / name) for folder in ("input", "colour", "truth"))
    if before.ndim == 3:  # WebP knows no gray
        assert colourfulness(before) < 0.01
    assert before.shape[:2] == after.shape[:2] == truth.shape[:2]
    assert after.dtype == before.dtype == (np.uint16 if "16bit" in name else np.uint8)
    assert colourfulness(after) > 0.03
    assert colourfulness(truth) > 0.03


def test_the_gray_has_the_lightness_of_the_truth() -> None:
    rgb = np.array([[[255, 0, 0], [0, 0, 255], [90, 90, 90]]], np.uint8)
    np.testing.assert_allclose(pictures.gray_of(rgb)[0] * 255, [127.0, 76.0, 90.0], atol=1.0)  # L 53.2, 32.3, 38.4


def test_the_film_is_in_colour_and_has_its_sound(demo: Path) -> None:
    before, after = (frames_of(demo / folder / "film.mp4") for folder in ("input", "colour"))
    assert len(before) == len(after) == SHOT_FRAMES * len(MOVES)
    assert [time for time, _ in before] == [time for time, _ in after]
    assert packets(demo / "colour" / "film.mp4", "audio") == packets(demo / "input" / "film.mp4", "audio")
    with av.open(str(demo / "colour" / "film.mp4")) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert min(colourfulness(frame) for frame in shown) > 0.02


def test_sheets_show_gray_colour_and_truth_side_by_side(demo: Path) -> None:
    for name, rows in (("photos.png", len(PHOTOS)), ("film.png", len(MOVES))):
        sheet = read(demo / name)
        assert sheet.shape[0] > rows * 200
        assert sheet.ndim == 3
        before, after, truth = np.array_split(sheet[40:], 3, axis=1)
        assert colourfulness(before) < min(colourfulness(after), colourfulness(truth)) / 2


def test_it_says_where_to_look(demo: Path, said: str) -> None:
    for name in ("photos.png", "film.png", "colour/film.mp4"):
        assert str(demo / name) in said


def test_missing_weights_are_named_before_any_file_is_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--output", str(tmp_path / "here"), "--weights", "siggraph17"])
    assert stopped.value.code == ExitCode.MODEL
    assert "batchcolor models fetch siggraph17" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
