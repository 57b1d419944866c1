"""Cuts are found, and what only resembles one is not reported."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchcolor.films.shots.cuts import shots

HEIGHT, WIDTH = 96, 128


def scene(seed: int) -> np.ndarray:
    """A picture with structure at several scales, L float32 `(96, 256)`, 0..100: room for a pan."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.uniform(0, 100, (n, 2 * n)).astype(np.float32), (2 * WIDTH, HEIGHT)) for n in (3, 6, 16)]
    return np.mean(layers, axis=0)


def film(
    lengths: list[int], spoil: Callable[[int, np.ndarray], np.ndarray] = lambda n, L: L
) -> tuple[list[np.ndarray], list[int]]:
    """Shots of these lengths, each a slow pan over its own scene; the frames and where the cuts lie."""
    frames: list[np.ndarray] = []
    for seed, length in enumerate(lengths):
        whole = scene(seed)
        for n in range(length):
            frames.append(spoil(len(frames), whole[:, n : n + WIDTH].copy()))
    return frames, [sum(lengths[: n + 1]) for n in range(len(lengths) - 1)]


def found(frames: list[np.ndarray]) -> list[int]:
    numbers = [number for number, _ in shots(frames, lambda L: L)]
    return [n for n in range(1, len(numbers)) if numbers[n] != numbers[n - 1]]


def test_hard_cuts_are_found_where_they_are() -> None:
    frames, cuts = film([30, 12, 40, 9])
    assert found(frames) == cuts


def test_items_come_back_in_order_and_once() -> None:
    frames, _ = film([10, 10])
    assert [item is frame for (_, item), frame in zip(shots(frames, lambda L: L), frames, strict=True)] == [True] * 20


@given(seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_exposure_flicker_is_no_cut(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames, cuts = film([20, 20], lambda _, L: (L * rng.uniform(0.6, 1.2) + rng.uniform(-8, 8)).clip(0, 100).astype(np.float32))
    assert found(frames) == cuts


@pytest.mark.parametrize("level", [0.0, 100.0])
def test_a_flash_or_a_dark_frame_is_no_cut(level: float) -> None:
    frames, _ = film([30], lambda n, L: np.full_like(L, level) if n == 14 else L)
    assert found(frames) == []


def test_dust_and_scratches_are_no_cuts() -> None:
    def spoil(n: int, L: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(n)
        for _ in range(12):
            y, x = rng.integers(0, HEIGHT), rng.integers(0, WIDTH)
            cv2.circle(L, (int(x), int(y)), int(rng.integers(1, 5)), float(rng.choice([0.0, 100.0])), -1)
        L[:, int(rng.integers(0, WIDTH))] = 100
        return L

    frames, cuts = film([25, 25], spoil)
    assert found(frames) == cuts


def test_a_jump_of_the_film_in_the_gate_is_no_cut() -> None:
    frames, _ = film([30], lambda n, L: np.roll(L, 4, axis=0) if n % 7 == 3 else L)
    assert found(frames) == []


@pytest.mark.parametrize("steps", [8, 12, 24])
@pytest.mark.parametrize("through_black", [False, True], ids=["dissolve", "fade"])
@pytest.mark.parametrize("flickers", [False, True], ids=["steady", "flickering"])
def test_a_shot_begins_in_the_middle_of_a_dissolve(steps: int, through_black: bool, flickers: bool) -> None:
    rng = np.random.default_rng(3)
    scenes = scene(0), scene(1)
    first, second = ([whole[:, n // 3 : n // 3 + WIDTH] for n in range(50 + steps)] for whole in scenes)
    mixed = []
    for n in range(steps):
        share = (n + 1) / (steps + 1)
        out, into = (max(0, 1 - 2 * share), max(0, 2 * share - 1)) if through_black else (1 - share, share)
        mixed.append(out * first[50 + n] + into * second[n])
    whole = [*first[:50], *mixed, *second[steps:]]
    spoiled = [(L * rng.uniform(0.6, 1.1) if flickers else L).astype(np.float32) for L in whole]
    (place,) = found(spoiled)
    assert 50 <= place <= 50 + steps


def test_a_camera_that_moves_on_and_stops_is_no_dissolve() -> None:
    whole = scene(5)
    path = np.concatenate([np.zeros(40), np.linspace(0, WIDTH, 30), np.full(40, WIDTH)]).astype(int)
    assert found([whole[:, left : left + WIDTH] for left in path]) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 17, 40])
def test_very_short_films_pass(count: int) -> None:
    frames, _ = film([count])
    assert len(list(shots(frames, lambda L: L))) == count


def test_black_leader_is_a_shot_of_its_own_without_noise_cuts() -> None:
    rng = np.random.default_rng(0)
    leader = [rng.uniform(0, 1.5, (HEIGHT, WIDTH)).astype(np.float32) for _ in range(15)]
    frames, _ = film([20])
    assert found([*leader, *frames]) in ([15], [])
    assert found(leader) == []
