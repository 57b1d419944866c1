"""Motion is found where there is some, distrusted where it fails, and decides where the generator runs."""

from __future__ import annotations

import numpy as np
import pytest

from batchcolor.errors import UsageError
from batchcolor.films.chroma.key_frames import AdaptiveKeyFrames, EveryNth, key_frames
from batchcolor.films.chroma.motion import MotionEstimator, warp
from tests.films.made import moving

HEIGHT, WIDTH = 128, 192


def texture(shift: float = 0.0, seed: int = 1) -> np.ndarray:
    """A wide pan over one texture, float32 `(H, W)`, 0..100."""
    phases = np.random.default_rng(seed).uniform(0, 6, 6)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    waves = [np.sin((x + shift) / (5 + 3 * n) + y / (9 - n) + phase) for n, phase in enumerate(phases)]
    return (50 + 8 * np.sum(waves, 0)).clip(0, 100).astype(np.float32)


def inner(plane: np.ndarray) -> np.ndarray:
    return plane[8:-8, 8:-8]


def test_a_pan_is_found_and_trusted() -> None:
    step = MotionEstimator().step(texture(0), texture(6))
    x = np.arange(WIDTH // 2, dtype=np.float32)
    forward, back = (float(np.median(inner(motion.positions[..., 0] - x))) for motion in step)
    assert abs(forward - 3) < 0.5  # half of 6, at half the size
    assert abs(back + 3) < 0.5
    assert float(inner(step.forward.trust).mean()) > 0.8


def test_exposure_flicker_is_no_motion_and_costs_no_trust() -> None:
    dim = (texture() * 0.8 + 4).astype(np.float32)
    step = MotionEstimator().step(texture(), dim)
    assert float(step.forward.trust.mean()) > 0.9


def test_another_picture_is_not_trusted() -> None:
    step = MotionEstimator().step(texture(seed=1), texture(seed=2)[::-1].copy())
    assert float(step.forward.trust.mean()) < 0.4


def test_planes_are_carried_with_the_picture() -> None:
    before, after = texture(0), texture(6)
    step = MotionEstimator().step(before, after)
    brought = warp(before[::2, ::2].copy(), step.forward)
    still = np.abs(inner(before[::2, ::2] - after[::2, ::2])).mean()
    assert np.abs(inner(brought - after[::2, ::2])).mean() < 0.3 * still


def keys_of(decider: EveryNth | AdaptiveKeyFrames, pictures: list[np.ndarray]) -> list[int]:
    estimator = MotionEstimator()
    found = []
    for n, L in enumerate(pictures):
        step = estimator.step(pictures[n - 1], L) if n else None
        if decider.is_key(step):
            found.append(n)
    return found


def test_a_still_shot_needs_few_key_frames() -> None:
    assert keys_of(AdaptiveKeyFrames(), [texture()] * 50) == [0, 24, 48]


def test_new_content_is_a_key_frame() -> None:
    shot = [texture()] * 7 + [texture(seed=2)[::-1].copy()] * 5
    assert keys_of(AdaptiveKeyFrames(), shot) == [0, 7]


def test_unrelated_frames_have_a_key_frame_in_six() -> None:
    assert keys_of(AdaptiveKeyFrames(), [texture(seed=n) for n in range(13)]) == [0, 6, 12]


def test_every_nth_counts_from_the_start_of_the_shot() -> None:
    frames = [moving(n, HEIGHT, WIDTH).astype(np.float32) / 2.55 for n in range(9)]
    assert keys_of(EveryNth(4), frames) == [0, 4, 8]
    assert keys_of(EveryNth(1), frames) == list(range(9))


@pytest.mark.parametrize(("choice", "kind"), [("auto", AdaptiveKeyFrames), ("every", EveryNth), ("6", EveryNth)])
def test_choices_have_their_deciders(choice: str, kind: type) -> None:
    assert isinstance(key_frames(choice)(), kind)


@pytest.mark.parametrize("choice", ["0", "-1", "13", "often", "", "1.5"])
def test_other_choices_are_refused(choice: str) -> None:
    with pytest.raises(UsageError, match="--key-frames"):
        key_frames(choice)
