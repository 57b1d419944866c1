"""Films judged from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.films.made import Made, make_film
from tests.trainer.test_runs import trainer


def test_films_are_judged_one_by_one_and_together(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mkv"):
        make_film(tmp_path / "films" / name, Made(pts=range(0, 240, 40)))
    ran = trainer("evaluate-clips", tmp_path / "films", "--weights", "lite", "--frames", 4, "--size", 64, "--json")
    assert ran.returncode == 0, ran.stderr
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [row["name"] for row in rows] == ["a.mp4", "b.mkv", "mean"]
    assert [row["frames"] for row in rows] == [4, 4, 8]
    assert all(row["cdc_gray"] >= 0 and row["warp_error_true"] >= 0 for row in rows)
    for row in rows[:2]:
        if row["chroma_factor"] is not None:
            assert row["equal_warp_error"] == pytest.approx(row["warp_error"] * row["chroma_factor"] ** 2, rel=1e-3)
        else:
            assert row["equal_gain_pooled"] is row["equal_warp_error"] is None


def test_no_films_is_one_sentence(tmp_path: Path) -> None:
    ran = trainer("evaluate-clips", tmp_path, "--weights", "lite")
    assert ran.returncode == 3
    assert "no films" in ran.stderr
