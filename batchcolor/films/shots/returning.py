"""Shots that return to an earlier one: a cut back to the same scene, as in a conversation."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from .color import ShotColor
from .similarity import dissimilarity, signature

LOOKBACK = 32  # shots before this one that are compared
_ALIKE = 0.15  # dissimilarity of the earlier shot's last frame and this one's first, at most
_FLAT = 0.5  # squared length of a signature under which a frame shows too little to be recognized


class _Ended(NamedTuple):
    shot: int
    color: ShotColor
    signature: np.ndarray


class ReturningShots:
    """Tells for each frame of a film, in order, to which earlier shot its own shot returns."""

    def __init__(self) -> None:
        self._ended: deque[_Ended] = deque(maxlen=LOOKBACK)
        self._shot = -1
        self._returns: int | None = None
        self._last: tuple[ShotColor, np.ndarray] | None = None

    def of(self, shot: int, L: np.ndarray, color: ShotColor) -> int | None:
        """Number of the shot whose last frame resembles the first of this one; None where there is none.

        The shot right before does not count: a dissolve mixes its frames with this one's. Nor do shots that return themselves: all of
        them refer to the first. L: float32 `(h, w)`, 0..100; color: of the shot.
        """
        if shot != self._shot:
            before = self._shot
            if self._last is not None and self._returns is None:
                self._ended.append(_Ended(before, self._last[0], signature(self._last[1])))
            self._shot = shot
            self._returns = self._match(signature(L), color, before)
        self._last = color, L
        return self._returns

    def _match(self, here: np.ndarray, color: ShotColor, before: int) -> int | None:
        if color is ShotColor.COLOR or float(here @ here) < _FLAT:
            return None
        apart = {
            ended.shot: dissimilarity(ended.signature, here)
            for ended in self._ended
            if ended.shot != before and ended.color is color and float(ended.signature @ ended.signature) >= _FLAT
        }
        nearest = min(apart, key=lambda number: apart[number], default=None)
        return nearest if nearest is not None and apart[nearest] <= _ALIKE else None
