"""What every smoother promises (batchcolor/films/chroma/smoothing.py)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from batchcolor.films.chroma.smoothers import SMOOTHERS, smoother_of
from batchcolor.films.chroma.smoothing import ShotFrame, Smoother
from tests.films.made import moving

HEIGHT, WIDTH = 64, 96


@pytest.fixture(params=SMOOTHERS, ids=str)
def smooth(request: pytest.FixtureRequest) -> Smoother:
    return smoother_of(request.param)


def lightness(n: int) -> np.ndarray:
    return moving(n, HEIGHT, WIDTH).astype(np.float32) / 2.55


def ab_of(n: int) -> np.ndarray:
    """Chroma that goes with the lightness, at a quarter of its size, and flickers from frame to frame."""
    small = lightness(n).reshape(HEIGHT // 4, 4, WIDTH // 4, 4).mean((1, 3))
    flicker = np.random.default_rng(n).normal(0, 3)
    return np.stack([small / 4 + flicker, 20 - small / 5 - flicker]).astype(np.float32)


def frames(count: int, every: int = 1) -> Iterator[ShotFrame]:
    for n in range(count):
        yield ShotFrame(lightness(n), ab_of(n) if n % every == 0 else None)


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 31, 32, 33, 50])
def test_every_frame_is_answered_once(smooth: Smoother, count: int) -> None:
    answers = list(smooth(frames(count)))
    assert len(answers) == count
    assert {answer.dtype for answer in answers} == {np.dtype(np.float32)}
    assert len({answer.shape for answer in answers}) == 1


def test_no_frame_no_answer(smooth: Smoother) -> None:
    assert list(smooth([])) == []


@pytest.mark.parametrize("every", [1, 5])
def test_constant_colour_stays_constant(smooth: Smoother, every: int) -> None:
    constant = np.stack([np.full((16, 24), 12.5, np.float32), np.full((16, 24), -30.0, np.float32)])
    shot = (ShotFrame(lightness(n), constant if n % every == 0 else None) for n in range(40))
    for answer in smooth(shot):
        np.testing.assert_allclose(answer[0], 12.5, atol=1e-3)
        np.testing.assert_allclose(answer[1], -30.0, atol=1e-3)


def test_a_single_frame_comes_back_unchanged(smooth: Smoother) -> None:
    flat = np.stack([np.full((HEIGHT // 2, WIDTH // 2), v, np.float32) for v in (7.0, -9.0)])
    flat[:, 5:9, 7:20] = 33.0  # at the size that smoothers work at, nothing is resampled
    (answer,) = smooth([ShotFrame(lightness(0), flat)])
    np.testing.assert_allclose(answer, flat, atol=1e-4)


def test_frames_without_own_colour_get_one(smooth: Smoother) -> None:
    for answer in smooth(frames(30, every=6)):
        assert np.isfinite(answer).all()
        assert np.abs(answer).max() > 5


def test_the_window_is_bounded(smooth: Smoother) -> None:
    taken = 0

    def counted() -> Iterator[ShotFrame]:
        nonlocal taken
        for frame in frames(120):
            taken += 1
            yield frame

    answered = 0
    for _ in smooth(counted()):
        answered += 1
        assert taken - answered < 40
    assert answered == 120


def test_the_same_shot_gives_the_same_answers(smooth: Smoother) -> None:
    for first, second in zip(smooth(frames(40, 4)), smooth(frames(40, 4)), strict=True):
        np.testing.assert_array_equal(first, second)


def test_nothing_crosses_a_cut(smooth: Smoother) -> None:
    """A shot's answers are its own, though another shot is under way with the same smoother."""
    alone = list(smooth(frames(40, 4)))
    other = smooth(ShotFrame(100 - lightness(n), -2 * ab_of(n)) for n in itertools.count())
    together = []
    for answer in smooth(frames(40, 4)):
        next(other)
        together.append(answer)
    np.testing.assert_array_equal(np.stack(together), np.stack(alone))


def test_frames_beyond_the_window_have_no_effect(smooth: Smoother) -> None:
    """So a chunk needs no more than this many frames behind its end."""
    whole = list(smooth(frames(64, 4)))
    for given in (32, 48):
        part = list(smooth(frames(given, 4)))
        answered = given - 16
        np.testing.assert_array_equal(np.stack(part[:answered]), np.stack(whole[:answered]))


def test_old_colour_fades(smooth: Smoother) -> None:
    """A chunk that begins in the middle of a shot gives nearly the same colours some frames later."""
    whole, part = list(smooth(frames(96))), list(smooth(itertools.islice(frames(96), 48, None)))
    late = np.abs(np.stack(whole[-24:]) - np.stack(part[-24:])).mean()
    assert late < 0.15


@pytest.mark.parametrize("name", ["exponential", "flow"])
def test_flicker_of_the_generator_is_taken_out(name: str) -> None:
    def restlessness(answers: list[np.ndarray]) -> float:
        means = [float(answer.mean((1, 2))[0]) for answer in answers]
        return float(np.abs(np.diff(means[4:-4])).mean())

    raw, steadied = list(smoother_of("none")(frames(48))), list(smoother_of(name)(frames(48)))
    assert restlessness(steadied) < 0.4 * restlessness(raw)
