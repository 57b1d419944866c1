"""Steadiness: nothing for what stands still or moves with its colours, something for flicker; and films judged from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.films.made import Made, make_film
from tests.trainer.test_runs import trainer
from trainer.steadiness import color_distribution_consistency, warp_error


def texture(shift: int) -> np.ndarray:
    """Smooth noise that moves to the left, float32 `(64, 96)`, 0..100."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, (64, 160)).astype(np.float32), (0, 0), 3)
    whole = cv2.normalize(noise, None, 5, 95, cv2.NORM_MINMAX)
    return np.ascontiguousarray(whole[:, shift : shift + 96])


def colours_of(L: np.ndarray, extra: float = 0.0) -> np.ndarray:
    return np.stack([L * 0.5 - 20 + extra, 30 - L * 0.4])


def test_colours_that_move_with_the_picture_have_nearly_no_warp_error_and_flicker_has_its_own() -> None:
    L = [texture(2 * n) for n in range(6)]
    steady = warp_error([colours_of(plane) for plane in L], L)
    flickering = warp_error([colours_of(plane, 4.0 * (n % 2)) for n, plane in enumerate(L)], L)
    assert steady < 0.5
    assert flickering == pytest.approx(16, rel=0.2)  # 4 squared, in a alone
    stuck = warp_error([colours_of(L[0])] * 6, L)  # colours that stay behind while the picture moves
    assert stuck > 10 * steady


def test_distributions_that_stay_are_consistent_and_others_diverge() -> None:
    frame = np.random.default_rng(0).integers(0, 100, (32, 32, 3)).astype(np.uint8)
    assert color_distribution_consistency([frame] * 6) == 0
    assert color_distribution_consistency([frame[::-1], frame]) == 0  # another order of the same pixels
    apart = color_distribution_consistency([frame, frame + 100])
    assert apart == pytest.approx(np.log(2))  # nothing in common: the largest there is


def test_films_are_judged_one_by_one_and_together(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mkv"):
        make_film(tmp_path / "films" / name, Made(pts=range(0, 240, 40)))
    ran = trainer("evaluate-clips", tmp_path / "films", "--weights", "lite", "--frames", 4, "--size", 64, "--json")
    assert ran.returncode == 0, ran.stderr
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [row["name"] for row in rows] == ["a.mp4", "b.mkv", "mean"]
    assert [row["frames"] for row in rows] == [4, 4, 8]
    assert all(row["cdc_gray"] >= 0 and row["warp_error_true"] >= 0 for row in rows)


def test_no_films_is_one_sentence(tmp_path: Path) -> None:
    ran = trainer("evaluate-clips", tmp_path, "--weights", "lite")
    assert ran.returncode == 3
    assert "no films" in ran.stderr
