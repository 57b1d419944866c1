"""Cuts, found while frames stream by.

Two neighbouring frames of one shot show the same structure, whatever the exposure does; so lightness is compared after its mean and
contrast are taken out. A cut is a dissimilarity that stands out from those around it *and* stays: the frame after the suspect must be
unlike the frame before it too, or it was a flash, a scratch or one damaged frame.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import cv2
import numpy as np

_CLEANED = (64, 48)
_SIDE = (32, 24)
_FLOOR = 2.0  # L units of contrast under which a frame counts as flat: black leader is not structure
_UNLIKE = 0.25  # dissimilarity (1 - correlation) that a cut must reach
_STANDS_OUT = 3.0  # times the largest of its neighbours
_LOOKAHEAD = 2

Item = TypeVar("Item")


def _signature(L: np.ndarray) -> np.ndarray:
    """float32 `(768,)` of unit length (shorter for flat frames) from L `(h, w)`."""
    # The median takes out dust and scratches, which are the same size on every scan and another one on every frame.
    cleaned = cv2.medianBlur(cv2.resize(L, _CLEANED, interpolation=cv2.INTER_AREA), 5)
    small = cv2.resize(cleaned, _SIDE, interpolation=cv2.INTER_AREA).ravel()
    small = small - small.mean()
    return small / np.float32(np.hypot(np.linalg.norm(small), _FLOOR * small.size**0.5))


def _unlikeness(a: np.ndarray, b: np.ndarray) -> float:
    """0 for the same structure, 1 for unrelated ones; two flat frames are alike."""
    flat = (1 - np.dot(a, a)) * (1 - np.dot(b, b))
    return float(1 - np.dot(a, b) - flat**0.5)


def shots(items: Iterable[Item], lightness: Callable[[Item], np.ndarray]) -> Iterator[tuple[int, Item]]:
    """(number of the shot, item) for each item, in order, two items behind the input. lightness: L float32 `(h, w)`, 0..100."""
    window: deque[tuple[Item, np.ndarray]] = deque()  # the item in question and those after it
    before: deque[np.ndarray] = deque(maxlen=3)  # signatures of the frames before it
    shot = 0

    def is_cut() -> bool:
        if not before:
            return False
        here = window[0][1]
        step = _unlikeness(before[-1], here)
        if step < _UNLIKE:
            return False
        if len(window) > 1 and _unlikeness(before[-1], window[1][1]) < _UNLIKE:
            return False  # a flash: the film goes on as before
        around = [_unlikeness(a, b) for a, b in itertools.pairwise(before)]
        after = [signature for _, signature in window]
        around += [_unlikeness(a, b) for a, b in itertools.pairwise(after)]
        return step > _STANDS_OUT * max(around, default=0.0)

    def pop() -> tuple[int, Item]:
        nonlocal shot
        if is_cut():
            shot += 1
            before.clear()
        item, signature = window.popleft()
        before.append(signature)
        return shot, item

    for item in items:
        window.append((item, _signature(lightness(item))))
        if len(window) > _LOOKAHEAD:
            yield pop()
    while window:
        yield pop()
