"""Shots that return to an earlier one are recognized, and others are not."""

from __future__ import annotations

import cv2
import numpy as np

from batchcolor.films.shots.color import ShotColor
from batchcolor.films.shots.returning import ReturningShots

GRAY, TINTED, COLOR = ShotColor.GRAY, ShotColor.TINTED, ShotColor.COLOR


def scene(seed: int, shift: int = 0) -> np.ndarray:
    """L float32 `(96, 128)`: structure of several scales, in a slow pan."""
    rng = np.random.default_rng(seed)
    whole = np.mean([cv2.resize(rng.uniform(0, 100, (n, 2 * n)).astype(np.float32), (256, 96)) for n in (3, 6, 16)], axis=0)
    return np.ascontiguousarray(whole[:, shift : shift + 128])


def returns(shots: list[tuple[np.ndarray, ShotColor]]) -> list[int | None]:
    """For each shot of two frames, all of whose frames say the same."""
    finder = ReturningShots()
    found = [{finder.of(n, L, color) for _ in range(2)} for n, (L, color) in enumerate(shots)]
    assert all(len(each) == 1 for each in found)
    return [each.pop() for each in found]


def test_all_returns_refer_to_the_first_shot() -> None:
    film = [(scene(1, n) if n % 2 == 0 else scene(2, n), GRAY) for n in range(6)]
    assert returns(film) == [None, None, 0, 1, 0, 1]


def test_exposure_does_not_matter() -> None:
    assert returns([(scene(1), GRAY), (scene(2), GRAY), (scene(1) * 0.7 + 10, GRAY)]) == [None, None, 0]


def test_unlike_shots_refer_to_none() -> None:
    assert returns([(scene(n), GRAY) for n in range(40)]) == [None] * 40


def test_neither_the_shot_before_nor_shots_of_another_kind_count() -> None:
    assert returns([(scene(1), GRAY), (scene(1), GRAY)]) == [None, None]
    assert returns([(scene(1), TINTED), (scene(2), GRAY), (scene(1), GRAY)]) == [None, None, None]
    assert returns([(scene(1), COLOR), (scene(2), GRAY), (scene(1), COLOR)]) == [None, None, None]


def test_black_leader_does_not_return() -> None:
    black = np.zeros((96, 128), np.float32)
    assert returns([(black, GRAY), (scene(2), GRAY), (black, GRAY)]) == [None, None, None]
