"""Shots, found while frames stream by: they begin at hard cuts (here) and in the middle of dissolves and fades (`dissolves.py`).

Two neighbouring frames of one shot show the same structure, whatever the exposure does; so lightness is compared after its mean and
contrast are taken out. A cut is a dissimilarity that stands out from those around it *and* stays: the frame after the suspect must be
unlike the frame before it too, or it was a flash, a scratch or one damaged frame.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from .dissolves import with_dissolves
from .similarity import Item, Marked, dissimilarity, signature

_UNLIKE = 0.25  # dissimilarity of a cut, at least
_STANDS_OUT = 3.0  # times the largest of its neighbours
_LOOKAHEAD = 2


def shots(items: Iterable[Item], lightness: Callable[[Item], np.ndarray]) -> Iterator[tuple[int, Item]]:
    """(number of the shot, item) for each item, in order, some items behind the input. lightness: L float32 `(h, w)`, 0..100."""
    shot = 0
    for marked in with_dissolves(_with_cuts((item, signature(lightness(item))) for item in items)):
        shot += marked.starts_shot
        yield shot, marked.item


def _with_cuts(items: Iterable[tuple[Item, np.ndarray]]) -> Iterator[Marked[Item]]:
    window: deque[tuple[Item, np.ndarray]] = deque()  # the item in question and those after it
    before: deque[np.ndarray] = deque(maxlen=3)  # signatures of the frames before it

    def is_cut() -> bool:
        if not before:
            return False
        here = window[0][1]
        step = dissimilarity(before[-1], here)
        if step < _UNLIKE:
            return False
        if len(window) > 1 and dissimilarity(before[-1], window[1][1]) < _UNLIKE:
            return False  # a flash: the film goes on as before
        around = [dissimilarity(a, b) for a, b in itertools.pairwise(before)]
        after = [of_one for _, of_one in window]
        around += [dissimilarity(a, b) for a, b in itertools.pairwise(after)]
        return step > _STANDS_OUT * max(around, default=0.0)

    def pop() -> Marked[Item]:
        starts_shot = is_cut()
        if starts_shot:
            before.clear()
        marked = Marked(*window.popleft(), starts_shot)
        before.append(marked.signature)
        return marked

    for item in items:
        window.append(item)
        if len(window) > _LOOKAHEAD:
            yield pop()
    while window:
        yield pop()
