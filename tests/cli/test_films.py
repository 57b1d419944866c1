"""`batchcolor colorize` and `probe` on films."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.cli.test_colorize import batchcolor, colorize
from tests.films.made import Made, make_film
from tests.films.test_resume import shots
from tests.support import results


@pytest.fixture
def reel(tmp_path: Path) -> Path:
    """Two shots; the second begins at 10.4 s."""
    return make_film(tmp_path / "in" / "reel.mkv", Made(picture=shots, pts=tuple(range(0, 12_000, 40))))


def test_probe_lists_shots_that_colorize_obeys(reel: Path, tmp_path: Path, weights: Path) -> None:
    listed = batchcolor("probe", "--shots", reel)
    assert listed.returncode == 0, listed.stderr
    rows = list(csv.DictReader(listed.stdout.splitlines()))
    assert [row["start_s"] for row in rows] == ["0.000", "10.400"]
    edited = tmp_path / "edited.csv"
    edited.write_text("start_s\n0\n2.5\n10.4\n")
    ran = colorize(reel, "-o", tmp_path / "out", "--shots", edited, "--json", weights=weights)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[0])["film"]["shots"] == 3


def test_a_list_of_shots_is_for_one_film(reel: Path, tmp_path: Path, weights: Path) -> None:
    make_film(tmp_path / "in" / "other.mkv", Made())
    (tmp_path / "shots.csv").write_text("start_s\n0\n")
    ran = colorize(tmp_path / "in", "-o", tmp_path / "out", "--shots", tmp_path / "shots.csv", weights=weights)
    assert ran.returncode == 2
    assert "is a list for one film, but there are 2; give a folder of lists" in ran.stderr
    assert reel.exists()


def test_a_preview_is_a_sheet_and_no_film(reel: Path, tmp_path: Path, weights: Path) -> None:
    ran = colorize(reel, "-o", tmp_path / "out", "--preview", weights=weights)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [str(tmp_path / "out" / "reel.mkv.preview.jpg")]
    assert results(tmp_path / "out") == ["reel.mkv.preview.jpg"]


def test_measured_figures_are_in_the_json(reel: Path, tmp_path: Path, weights: Path) -> None:
    ran = colorize(reel, "-o", tmp_path / "out", "--measure", "--json", weights=weights)
    assert ran.returncode == 0, ran.stderr
    film = json.loads(ran.stdout.splitlines()[0])["film"]
    assert set(film) == {
        "account",
        "shots",
        "key_frames",
        "frames_per_second",
        "colourfulness",
        "cdc",
        "warp_error",
        "psnr_luma",
    }
    assert film["shots"] == 2
    assert 0 < film["key_frames"] < 300
    assert film["psnr_luma"] > 35


def test_a_part_of_a_film(reel: Path, tmp_path: Path, weights: Path) -> None:
    ran = colorize(reel, "-o", tmp_path / "out", "--start", "10s", "--duration", "1s", "--json", weights=weights)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[0])["frames"] == 25
