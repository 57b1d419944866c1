"""Chosen colours on their way through a shot."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from batchcolor.colours.pictures import Layer
from batchcolor.colours.spread import Disc
from batchcolor.colours.still import Hint
from batchcolor.films.chroma.propagation import (
    LayerOnFrame,
    PointOnFrame,
    ShotColours,
    ShotFrames,
    propagate_layer,
    propagate_points,
)

HEIGHT, WIDTH, FRAMES = 128, 192, 20


def ground() -> np.ndarray:
    rng = np.random.default_rng(2)
    return cv2.resize(rng.uniform(60, 120, (16, 24)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def square_at(frame: int) -> tuple[int, int]:
    return 30 + 4 * frame, 40


def frames(count: int = FRAMES) -> list[np.ndarray]:
    """A textured square that moves 4 pixels a frame to the right over a still ground."""
    square = cv2.resize(
        np.random.default_rng(3).uniform(150, 250, (6, 6)).astype(np.float32), (40, 40), interpolation=cv2.INTER_CUBIC
    )
    made = []
    for n in range(count):
        picture = ground().copy()
        x, y = square_at(n)
        picture[y : y + 40, x : x + 40] = square[:, : max(0, min(40, WIDTH - x))]
        made.append(picture.clip(0, 255).astype(np.uint8))
    return made


def middle(frame: int) -> tuple[float, float]:
    x, y = square_at(frame)
    return (x + 20) / WIDTH, (y + 20) / HEIGHT


def placed(frame: int, x: float, y: float, reach: tuple[int, int] = (0, FRAMES - 1)) -> PointOnFrame:
    return PointOnFrame(frame, Hint(Disc(x, y, 0.02), (50.0, 0.0)), reach, "point 1")


def test_a_point_goes_with_what_it_lies_on_both_ways() -> None:
    tracks, lost = propagate_points(ShotFrames(frames()), [placed(9, *middle(9))])
    for n in (0, 4, 14, 19):
        assert tracks[n, 0] == pytest.approx(middle(n), abs=0.03)
    assert lost == []


def test_points_set_on_different_frames_do_not_disturb_each_other() -> None:
    shot = ShotFrames(frames())
    both, _ = propagate_points(shot, [placed(3, *middle(3)), placed(15, 0.1, 0.9)])
    for n, point in enumerate([placed(3, *middle(3)), placed(15, 0.1, 0.9)]):
        alone, _ = propagate_points(shot, [point])
        np.testing.assert_array_equal(both[:, n], alone[:, 0])


def test_a_covered_point_is_lost_and_said_to_be() -> None:
    x, y = (square_at(12)[0] + 30) / WIDTH, 0.47
    tracks, lost = propagate_points(ShotFrames(frames()), [placed(0, x, y)])
    assert lost[0][0] == "point 1"
    assert 1 <= lost[0][1] <= 14
    assert np.isnan(tracks[-1]).all()


def test_a_point_stays_within_its_reach() -> None:
    tracks, _ = propagate_points(ShotFrames(frames()), [placed(9, *middle(9), reach=(7, 11))])
    there = np.flatnonzero(np.isfinite(tracks[:, 0, 0]))
    assert (there[0], there[-1]) == (7, 11)


def test_a_picture_goes_with_what_it_shows() -> None:
    ab = np.zeros((2, HEIGHT, WIDTH), np.float32)
    x, y = square_at(0)
    ab[0, y : y + 40, x : x + 40] = 60
    carried = propagate_layer(
        ShotFrames(frames()), LayerOnFrame(0, Layer(ab, np.ones((HEIGHT, WIDTH), np.float32)), (0, FRAMES - 1))
    )
    layer = carried.at(12, (HEIGHT, WIDTH))
    assert layer is not None
    x, y = square_at(12)
    assert layer.ab[0, y + 8 : y + 32, x + 8 : x + 32].mean() > 50
    assert layer.weight[y + 8 : y + 32, x + 8 : x + 32].mean() > 0.8
    assert layer.weight[100:, :].mean() > 0.9  # the ground stands still
    assert layer.ab[0, 100:, :].mean() < 1


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    shot = ShotFrames(frames(5))
    layer = Layer(np.full((2, HEIGHT, WIDTH), 20, np.float32), np.ones((HEIGHT, WIDTH), np.float32))
    tracks, _ = propagate_points(shot, [placed(2, *middle(2), reach=(0, 4))])
    carried = propagate_layer(shot, LayerOnFrame(2, layer, (0, 4)))
    saved = ShotColours(tracks, np.array([0.02]), np.array([[50.0, 0.0]]), (2,), (1, 4), (carried,), (), 0.5)
    saved.save(tmp_path / "shot.npz")
    loaded = ShotColours.load(tmp_path / "shot.npz")
    assert (loaded.keys, loaded.breaks, loaded.saturation, loaded.masks) == ((2,), (1, 4), 0.5, ())
    assert loaded.at(3, (64, 96)).points == saved.at(3, (64, 96)).points
    np.testing.assert_array_equal(loaded.at(3, (64, 96)).references[0].ab, saved.at(3, (64, 96)).references[0].ab)
