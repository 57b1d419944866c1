"""Each smoother by itself: what it keeps, what it carries along, what it forgets. What all promise: tests/contracts/test_smoothers.py."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from batchcolor.films.chroma.motion import MotionEstimator, motion_size
from batchcolor.films.chroma.smoothing import ShotFrame, Smoother, along_motion, exponential, unsmoothed

HEIGHT, WIDTH = 96, 160
SIDE, SPEED = 32, 2  # pixels of the moving square, and pixels a frame

GROUND = (5.0, -12.0)
SQUARE = (45.0, 30.0)


def textured(seed: int, height: int, width: int) -> np.ndarray:
    """Soft noise, float32 `(H, W)`, about 0..100: something that optical flow can hold on to."""
    noise = np.random.default_rng(seed).uniform(-1, 1, (height, width)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return 50 + 12 * soft / soft.std()


STILL, THING = textured(1, HEIGHT, WIDTH), textured(2, SIDE, SIDE)


def place(n: int) -> tuple[slice, slice]:
    left = 12 + SPEED * n
    return slice(32, 32 + SIDE), slice(left, left + SIDE)


def lightness(n: int) -> np.ndarray:
    """A textured square that moves over a still, textured ground."""
    L = STILL.copy()
    L[place(n)] = THING + 15
    return L.clip(0, 100)


def truth(n: int) -> np.ndarray:
    """The square's own colour and the ground's, `(2, H, W)`."""
    ab = np.empty((2, HEIGHT, WIDTH), np.float32)
    ab[:] = np.reshape(GROUND, (2, 1, 1))
    ab[:, *place(n)] = np.reshape(SQUARE, (2, 1, 1))
    return ab


def at_motion_size(ab: np.ndarray) -> np.ndarray:
    height, width = motion_size(STILL)
    return np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA) for plane in ab])


def flat(a: float, b: float = 0.0) -> np.ndarray:
    return np.stack([np.full((8, 8), a, np.float32), np.full((8, 8), b, np.float32)])


def test_none_holds_each_key_frames_colour_until_the_next() -> None:
    shot = [ShotFrame(STILL, flat(n) if n % 4 == 0 else None) for n in range(10)]
    assert [float(ab[0, 0, 0]) for ab in unsmoothed(shot)] == [0, 0, 0, 0, 4, 4, 4, 4, 8, 8]


def test_exponential_is_a_running_mean() -> None:
    answers = exponential([ShotFrame(STILL, flat(value)) for value in (0, 8, 8, 0)], weight=0.25)
    assert [float(ab[0, 0, 0]) for ab in answers] == [0, 2, 3.5, 2.625]


def inside(n: int) -> tuple[slice, slice]:
    """The square's place at motion size, without its rim."""
    return tuple(slice(side.start // 2 + 2, side.stop // 2 - 2) for side in place(n))


@pytest.mark.parametrize("every", [1, 6, 12])
def test_colour_moves_with_its_object(every: int) -> None:
    """Smoothed in place, the square's colours stay behind; along motion they keep up with it."""
    shot = [ShotFrame(lightness(n), truth(n) if n % every == 0 else None) for n in range(36)]

    def error(smooth: Smoother) -> float:
        """In ab units, of the moving square."""
        answers = [ab if ab.shape[1:] == motion_size(STILL) else at_motion_size(ab) for ab in smooth(shot)]
        off = [np.abs(ab - at_motion_size(truth(n)))[:, *inside(n)].mean() for n, ab in enumerate(answers)]
        return float(np.mean(off))

    assert error(along_motion) < 1.5
    assert error(along_motion) < 0.2 * error(exponential)


def test_the_colour_of_one_frame_reaches_the_frames_before_it() -> None:
    """The square is gray to the generator in all frames but one late one: the backward pass brings its colour back."""
    gray = [truth(n) for n in range(24)]
    for n in range(24):
        gray[n][:, *place(n)] = 0
    gray[20] = truth(20)
    answers = list(along_motion([ShotFrame(lightness(n), gray[n]) for n in range(24)]))

    def in_square(n: int) -> float:
        return float(answers[n][0][inside(n)].mean())

    assert in_square(20) > in_square(17) > in_square(12) > 0.5


def test_new_objects_get_their_own_colour() -> None:
    """PropagatedLayer colour is believed only where the lightness agrees."""
    before, after = textured(1, HEIGHT, WIDTH).clip(0, 60), textured(9, HEIGHT, WIDTH).clip(40, 100)[::-1].copy()
    shot = [ShotFrame(before, flat(-30))] * 8 + [ShotFrame(after, flat(30))] * 8
    answers = [float(ab[0].mean()) for ab in along_motion(shot)]
    assert max(answers[:8]) < -15
    assert min(answers[8:]) > 15


def test_an_old_colour_is_forgotten() -> None:
    """On a still picture carried colour weighs 12 frames at most, so a change of the generator's mind gets through."""
    shot = [ShotFrame(STILL, flat(0 if n < 30 else 40)) for n in range(120)]
    answers = [float(ab[0].mean()) for ab in along_motion(shot)]
    assert answers[0] == pytest.approx(0, abs=2)
    assert 5 < answers[30] < 35  # not at once
    assert answers[-1] == pytest.approx(40, abs=0.5)
    assert all(later >= earlier - 0.01 for earlier, later in itertools.pairwise(answers))


def test_noise_of_single_frames_is_averaged_out_where_nothing_moves() -> None:
    rng = np.random.default_rng(4)
    size = motion_size(STILL)
    noisy = [np.full((2, *size), 10, np.float32) + rng.normal(0, 4, (2, *size)).astype(np.float32) for _ in range(48)]
    answers = list(along_motion([ShotFrame(STILL, ab) for ab in noisy]))
    middle = np.stack(answers[12:-12])
    assert float(middle.std()) < 0.3 * 4
    assert float(middle.mean()) == pytest.approx(10, abs=0.2)


def test_motion_that_is_already_known_gives_the_same_colours() -> None:
    estimator = MotionEstimator()
    bare = [ShotFrame(lightness(n), truth(n)[:, ::4, ::4] if n % 3 == 0 else None) for n in range(20)]
    known = [bare[0]] + [b._replace(step=estimator.step(a.L, b.L)) for a, b in itertools.pairwise(bare)]
    for first, second in zip(along_motion(bare), along_motion(known), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("size", [(96, 160), (24, 40), (13, 21), (1, 1)])
def test_chroma_of_any_size_is_taken(size: tuple[int, int]) -> None:
    ab = np.stack([np.full(size, 20, np.float32), np.full(size, -20, np.float32)])
    for answer in along_motion([ShotFrame(lightness(n), ab) for n in range(3)]):
        assert answer.shape == (2, *motion_size(STILL))
        np.testing.assert_allclose(answer[0], 20, atol=1e-3)
        np.testing.assert_allclose(answer[1], -20, atol=1e-3)


@pytest.mark.parametrize(("memory", "least", "most"), [(1.0, 8, 30), (0.95, 0, 4)])
def test_colour_is_forgotten_where_frames_say_so(memory: float, least: float, most: float) -> None:
    """A window of 64 frames with a key frame in eight, after a long shot of another colour, and the same window alone."""
    ab = {n: flat(40.0 if n < 200 else 10.0) for n in range(0, 296, 8)}
    frames = [ShotFrame(STILL, ab.get(n), None, 1.0, memory if 200 <= n < 264 else 1.0) for n in range(296)]
    whole, alone = list(along_motion(frames)), list(along_motion(frames[200:]))
    assert least <= np.abs(whole[263] - alone[63]).mean() * 2 <= most
