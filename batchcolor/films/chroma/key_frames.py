"""Key frames: where the generator runs. Between them colour is carried along motion by the smoother.

The same carrying that makes colour steady makes it cheap: a colour that can be trusted on the next frame need not be predicted there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from ...errors import UsageError
from .motion import Step, warp

_LOST = 0.3  # mean loss of trust since the last key frame at which a new one is due
_FARTHEST = 12  # frames after which one is due in any case: half a second, and well within the smoother's window


class KeyFrames(Protocol):
    """Decides for one shot, frame by frame."""

    def is_key(self, step: Step | None) -> bool:
        """Whether the generator runs on this frame; step: the motion that leads to it, None at the start of the shot."""
        ...


class EveryNth:
    """Every n-th frame of a shot, from its first on."""

    def __init__(self, n: int) -> None:
        self._n, self._count = n, 0

    def is_key(self, step: Step | None) -> bool:
        self._count += 1
        return (self._count - 1) % self._n == 0


class AdaptiveKeyFrames:
    """Where what was carried along has lost its trust: fast motion, new things in the picture, a failing flow."""

    def __init__(self) -> None:
        self._trust: np.ndarray | None = None  # (h, w), 0..1: in colours of the last key frame; None on that frame itself
        self._since = 0

    def is_key(self, step: Step | None) -> bool:
        if step is not None:
            arrived = step.forward.trust
            self._trust = arrived if self._trust is None else warp(self._trust, step.forward) * arrived
            self._since += 1
            if self._since < _FARTHEST and float(self._trust.mean()) >= 1 - _LOST:
                return False
        self._trust, self._since = None, 0
        return True


def key_frames(choice: str) -> Callable[[], KeyFrames]:
    """What decides about each shot: `auto`, `every`, or a number n for every n-th frame. Raises `UsageError`."""
    if choice == "auto":
        return AdaptiveKeyFrames
    n = 1 if choice == "every" else int(choice) if choice.isdecimal() else 0
    if not 1 <= n <= _FARTHEST:
        raise UsageError(f"--key-frames {choice}: give auto, every, or a number from 1 to {_FARTHEST}")
    return lambda: EveryNth(n)
