"""What a shot takes over from an earlier one: for good where colours were chosen, for a while where they were guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from batchcolor.films.chroma.motion import Motion, Step
from batchcolor.films.chroma.returning import EarlierFrame, TakenOver

SIZE = (16, 24)


def still(trust: float = 1.0) -> Step:
    """A step without motion."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    motion = Motion(np.dstack([x, y]), np.full(SIZE, trust, np.float32))
    return Step(motion, motion)


def changes(chosen: bool, frames: int, trust: float = 1.0) -> list[float]:
    """What is added to ab on each frame, of a change of 10."""
    taken = TakenOver(np.dstack([np.full(SIZE, 10.0), np.zeros(SIZE), np.ones(SIZE)]).astype(np.float32), chosen)
    nothing, found = np.zeros((2, *SIZE), np.float32), []
    for _ in range(frames):
        found.append(float(taken.added_to(nothing)[0].mean()))
        taken.onward(still(trust))
    return found


def test_guessed_colours_fade_without_a_jump_and_chosen_ones_stay() -> None:
    guessed, chosen = changes(False, 200), changes(True, 200)
    assert guessed[0] == chosen[0] == pytest.approx(10)
    assert guessed[-1] == pytest.approx(0, abs=0.01)
    assert 0 < max(np.diff(guessed) * -1) < 0.2 * guessed[0]
    assert chosen[-1] == pytest.approx(10)


def test_all_of_it_fades_where_motion_cannot_be_trusted() -> None:
    assert changes(True, 60, trust=0.0)[-1] < 0.1


@pytest.mark.parametrize("chosen", [False, True])
def test_an_earlier_frame_is_read_as_it_was_stored(tmp_path: Path, chosen: bool) -> None:
    frame = EarlierFrame(np.full(SIZE, 40.0, np.float32), np.ones((2, *SIZE), np.float32), chosen)
    frame.save(tmp_path / "earlier.npz")
    found = EarlierFrame.load(tmp_path / "earlier.npz")
    np.testing.assert_array_equal(found.ab, frame.ab)
    assert found.chosen is chosen
