"""Key frames: where the generator runs. Between them colour is carried along motion by the smoother.

Carrying colour along motion makes it both steady and cheap: a reliable carried colour need not be predicted again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from ...errors import UsageError
from .motion import Step, warp

_MAX_TRUST_LOSS = 0.3  # mean loss of trust since the last key frame that requires a new one
# Frames between key frames. At most a second, within the smoother's window. At least six: what is new in between takes its colours from
# the key frame that follows, and on fast motion more frequent ones make colours neither truer nor steadier.
_MIN_DISTANCE, _MAX_DISTANCE = 6, 24
_MAX_N = 12  # of every n-th frame, which may be too rare for what moves in between


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
    """A key frame where carried colour is no longer reliable (fast motion, new content, failing flow), at most every sixth frame."""

    def __init__(self) -> None:
        self._trust: np.ndarray | None = None  # (h, w), 0..1: in colours of the last key frame; None on that frame itself
        self._since = 0

    def is_key(self, step: Step | None) -> bool:
        if step is not None:
            trust = step.forward.trust
            self._trust = trust if self._trust is None else warp(self._trust, step.forward) * trust
            self._since += 1
            reliable = self._since < _MAX_DISTANCE and float(self._trust.mean()) >= 1 - _MAX_TRUST_LOSS
            if self._since < _MIN_DISTANCE or reliable:
                return False
        self._trust, self._since = None, 0
        return True


def key_frames(choice: str) -> Callable[[], KeyFrames]:
    """A factory of the decision for each shot: `auto`, `every`, or a number n for every n-th frame. Raises `UsageError`."""
    if choice == "auto":
        return AdaptiveKeyFrames
    n = 1 if choice == "every" else int(choice) if choice.isdecimal() else 0
    if not 1 <= n <= _MAX_N:
        raise UsageError(f"--key-frames {choice}: give auto, every, or a number from 1 to {_MAX_N}")
    return lambda: EveryNth(n)
