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
_MAX_DISTANCE = 12  # frames between key frames: half a second, well within the smoother's window


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
    """A key frame wherever carried colour is no longer reliable: fast motion, new content, failing flow."""

    def __init__(self) -> None:
        self._trust: np.ndarray | None = None  # (h, w), 0..1: in colours of the last key frame; None on that frame itself
        self._since = 0

    def is_key(self, step: Step | None) -> bool:
        if step is not None:
            trust = step.forward.trust
            self._trust = trust if self._trust is None else warp(self._trust, step.forward) * trust
            self._since += 1
            if self._since < _MAX_DISTANCE and float(self._trust.mean()) >= 1 - _MAX_TRUST_LOSS:
                return False
        self._trust, self._since = None, 0
        return True


def key_frames(choice: str) -> Callable[[], KeyFrames]:
    """A factory of the decision for each shot: `auto`, `every`, or a number n for every n-th frame. Raises `UsageError`."""
    if choice == "auto":
        return AdaptiveKeyFrames
    n = 1 if choice == "every" else int(choice) if choice.isdecimal() else 0
    if not 1 <= n <= _MAX_DISTANCE:
        raise UsageError(f"--key-frames {choice}: give auto, every, or a number from 1 to {_MAX_DISTANCE}")
    return lambda: EveryNth(n)
