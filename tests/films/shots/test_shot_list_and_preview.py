"""Lists of shots are written, edited and read again; contact sheets show one frame of each."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from batchcolor.errors import SourceError, UsageError
from batchcolor.films import colorize_film, find_shots, preview, read_cuts, write_shots
from batchcolor.settings import FilmSettings, Settings
from tests.films.made import Made, make_film
from tests.films.test_resume import shots
from tests.support import formula_colorizer

COUNT = 600


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Made(width=160, height=120, picture=shots, pts=tuple(range(0, 40 * COUNT, 40)))
    return make_film(tmp_path_factory.mktemp("film") / "reel.mkv", made)


def listed(film: Path) -> str:
    text = io.StringIO()
    write_shots(find_shots(film), text)
    return text.getvalue()


def test_shots_are_listed_with_their_times(film: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(listed(film))))
    assert [row["start_s"] for row in rows] == ["0.000", "10.400", "20.800", "21.800"]
    assert [row["end_s"] for row in rows] == ["10.400", "20.800", "21.800", "24.000"]
    assert [int(row["frames"]) for row in rows] == [260, 260, 25, 55]


def test_the_list_as_it_is_changes_nothing(film: Path, tmp_path: Path) -> None:
    (tmp_path / "shots.csv").write_text(listed(film))
    cuts = read_cuts(tmp_path / "shots.csv")
    assert cuts == (0.0, 10.4, 20.8, 21.8)
    settings = Settings(film=FilmSettings(cuts=cuts))
    assert colorize_film(film, tmp_path / "out.mkv", settings, colorizer=formula_colorizer).shots == 4


def test_an_edited_list_is_obeyed(film: Path, tmp_path: Path) -> None:
    (tmp_path / "shots.csv").write_text("\ufeffstart_s,what\n12,a cut that nobody would find\n0,\n", encoding="utf-8")
    settings = Settings(film=FilmSettings(cuts=read_cuts(tmp_path / "shots.csv")))
    assert colorize_film(film, tmp_path / "out.mkv", settings, colorizer=formula_colorizer).shots == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a,b\n1,2\n", "no column start_s"), ("start_s\nsoon\n", "line 2"), ("start_s,x\n1,2\n,3\n", "line 3"), ("", "start_s")],
)
def test_an_invalid_list_of_shots_is_refused_in_one_sentence(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "shots.csv").write_text(text)
    with pytest.raises(UsageError, match=reason) as caught:
        read_cuts(tmp_path / "shots.csv")
    assert "shots.csv" in str(caught.value)


def test_a_missing_list_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"shots\.csv"):
        read_cuts(tmp_path / "shots.csv")


def test_a_sheet_shows_every_shot_before_and_after(film: Path, tmp_path: Path) -> None:
    (page,) = preview(film, tmp_path / "reel.jpg", formula_colorizer(), Settings())
    sheet = cv2.imread(str(page)).astype(int)
    cell = sheet.shape[0] // 2, sheet.shape[1] // 3  # four shots: three and one
    for shot in range(4):
        row, column = divmod(shot, 3)
        whole = sheet[row * cell[0] : (row + 1) * cell[0], column * cell[1] : (column + 1) * cell[1]]
        before, after = (half[40:-20, 30:-30] for half in np.array_split(whole, 2, axis=1))
        assert np.abs(before - before.mean(2, keepdims=True)).mean() < 3
        assert np.abs(after - after.mean(2, keepdims=True)).mean() > 6


def test_many_shots_make_several_sheets(tmp_path: Path) -> None:
    film = make_film(
        tmp_path / "in.mkv",
        Made(
            codec="ffv1",
            pts=tuple(range(0, 40 * 700, 40)),
            picture=lambda n, h, w: shots(0, h, w) if n // 10 % 2 else 255 - shots(0, h, w)[::-1],
        ),
    )
    pages = preview(film, tmp_path / "out" / "film.jpg", formula_colorizer(), Settings())
    assert [page.name for page in pages] == ["film.jpg", "film-2.jpg", "film-3.jpg"]  # 70 shots, 30 a sheet
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(page.name for page in pages)


def test_a_rotated_film_is_shown_upright(tmp_path: Path) -> None:
    film = make_film(tmp_path / "in.mp4", Made(rotation=90))
    (page,) = preview(film, tmp_path / "film.jpg", formula_colorizer(), Settings())
    height, width = cv2.imread(str(page)).shape[:2]
    assert height > width / 2 * 1.2  # two pictures side by side, each taller than wide


def test_a_failed_preview_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "text.mkv").write_bytes(b"no film" * 99)
    with pytest.raises(SourceError):
        preview(tmp_path / "text.mkv", tmp_path / "out" / "film.jpg", formula_colorizer(), Settings())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("start", ["1e99999999", "1e400", "nan", "inf", "-", "1" * 5000, "1/0", "0x10", "1e9999/3", ""])
def test_a_time_that_no_film_has_is_refused_at_once(tmp_path: Path, start: str) -> None:
    (tmp_path / "shots.csv").write_text(f"start_s\n0.5\n{start}\n9\n" if start else "start_s,x\n,1\n")
    with pytest.raises(UsageError, match="line"):
        read_cuts(tmp_path / "shots.csv")


def test_times_may_be_decimals_and_fractions(tmp_path: Path) -> None:
    (tmp_path / "shots.csv").write_text("start_s\n1001/24\n-0.5\n1e2\n3.\n")
    assert read_cuts(tmp_path / "shots.csv") == (-0.5, 3.0, 1001 / 24, 100.0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
def test_a_list_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "shots.csv")
    with pytest.raises(UsageError, match="is a pipe"):
        read_cuts(tmp_path / "shots.csv")
