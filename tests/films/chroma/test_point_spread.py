"""Points spread over a shot: steady, with the picture, and not across breaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pytest

from batchcolor.films.chroma.point_spread import PointSpread, spread_over_shot
from batchcolor.films.chroma.propagation import ShotFrames

HEIGHT, WIDTH, FRAMES = 64, 96, 40


def shot() -> ShotFrames:
    """A textured ground that moves a pixel a frame to the right."""
    ground = cv2.resize(
        np.random.default_rng(2).uniform(60, 200, (16, 40)).astype(np.float32), (160, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    return ShotFrames([ground[:, 50 - n : 50 - n + WIDTH].clip(0, 255).astype(np.uint8) for n in range(FRAMES)])


def spread(reached: np.ndarray, noise: float = 0.0, breaks: tuple[int, ...] = ()) -> PointSpread:
    """A correction of a = 20 on a disc that moves with the ground, from (30, 32) on; each frame's own has noise of this size."""
    rng = np.random.default_rng(3)
    frames = shot()

    def corrections(some: Sequence[int]) -> Iterator[np.ndarray]:
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        for n in some:
            disc = np.hypot(y - 32, x - 30 - n) < 20
            yield np.stack([(20 + (noise * rng.standard_normal() if n else 0)) * disc, 0 * y]).astype(np.float32)

    return spread_over_shot(reached, [0], breaks, (HEIGHT, WIDTH), corrections, frames.step)


def on_disc(found: PointSpread, n: int) -> float:
    correction = found.at(n, (HEIGHT, WIDTH))
    return 0.0 if correction is None else float(correction[0, 29:35, 27 + n : 33 + n].mean())


def test_a_correction_moves_with_the_picture() -> None:
    found = spread(np.ones(FRAMES, bool))
    for n in (0, 5, 18, 39):
        assert on_disc(found, n) == pytest.approx(20, abs=1.5)
        correction = found.at(n, (HEIGHT, WIDTH))
        assert correction is not None
        assert abs(correction[0, :, :7]).max() < 1.5


def test_frames_that_disagree_do_not_make_it_flicker() -> None:
    found = spread(np.ones(FRAMES, bool), noise=8.0)
    on = [on_disc(found, n) for n in range(FRAMES)]
    assert max(abs(np.diff(on))) < 0.5
    assert on[0] == pytest.approx(20, abs=2)


def test_it_fades_where_no_point_reaches_any_more() -> None:
    reached = np.arange(FRAMES) < 6
    on = [on_disc(spread(reached), n) for n in (3, 20, 39)]
    assert on[0] == pytest.approx(20, abs=1.5)
    assert on[0] > on[1] > on[2] > 0


def test_nothing_is_carried_across_a_break() -> None:
    found = spread(np.arange(FRAMES) < 15, breaks=(15,))
    assert on_disc(found, 14) == pytest.approx(20, abs=1.5)
    assert found.at(15, (HEIGHT, WIDTH)) is None


def test_carrying_a_correction_does_not_turn_it_into_its_opposite() -> None:
    found = spread(np.ones(FRAMES, bool))
    assert found.ab[:, 0].min() >= 0
    assert found.ab[:, 0].max() <= 20 * 16
    assert not found.ab[:, 1].any()
