"""Dissolves and fades: one shot turns into another over some frames.

Between two frames of a dissolve every frame is a mixture of these two, with more and more of the second. A camera that moves makes two
frames as unlike, but what lies between them is no mixture of them, unless the picture is all waves; then it was as unlike before, and
will be after. A fade is a mixture of which nothing is left in the middle. (The model is that of Lienhart, "Reliable dissolve detection",
2001; fitted here to structure without mean and contrast, so that flickering exposure does not matter.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from .similarity import Item, Marked, dissimilarity

_REACHES = (6, 10, 16)  # frames on either side of a dissolve's middle
_UNLIKE = 0.75  # its two ends
_UNEXPLAINED = 0.12  # share of a frame's structure that no mixture explains: the median over the frames between
_TURNED = 0.6  # mean surplus of the near end in the first quarter and in the last one
_MOVED = 0.6  # how unlike frames just outside may be, as a share of how unlike the ends are
_APART = _REACHES[-1]  # frames between the beginnings of shots


def with_dissolves(frames: Iterable[Marked[Item]]) -> Iterator[Marked[Item]]:
    """The same frames, up to 32 behind; those in the middle of a dissolve begin a shot as well."""
    reach = 2 * _REACHES[-1]
    window: deque[Marked[Item]] = deque()
    center = 0  # of the window: the frame in question
    since = 0  # frames since a shot began

    def judged() -> Marked[Item]:
        nonlocal center, since
        frame = window[center]
        starts_shot = frame.starts_shot or (since >= _APART and _is_middle(window, center))
        since = 0 if starts_shot else since + 1
        if center == reach:
            window.popleft()
        else:
            center += 1
        return frame._replace(starts_shot=starts_shot)

    for frame in frames:
        window.append(frame)
        if len(window) > center + reach:
            yield judged()
    while center < len(window):
        yield judged()


def _is_middle(window: deque[Marked[Item]], center: int) -> bool:
    for reach in _REACHES:
        first, last = center - reach, center + reach
        if first < 0 or last >= len(window):
            continue
        a, b = window[first].signature, window[last].signature
        turned = dissimilarity(a, b)
        if turned < _UNLIKE or max(_before(window, first, reach), _after(window, last, reach)) > _MOVED * turned:
            continue
        between = [window[n] for n in range(first + 1, last + 1)]
        if not any(frame.starts_shot for frame in between) and _is_mixture(a, b, np.stack([f.signature for f in between[:-1]])):
            return True
    return False


def _before(window: deque[Marked[Item]], n: int, reach: int) -> float:
    """How unlike frame n and the one `reach` frames earlier are, as far as its shot goes back."""
    start = n
    while start > max(0, n - reach) and not window[start].starts_shot:
        start -= 1
    return dissimilarity(window[start].signature, window[n].signature)


def _after(window: deque[Marked[Item]], n: int, reach: int) -> float:
    """As `_before`, of a later one."""
    end = n
    while end < min(len(window) - 1, n + reach) and not window[end + 1].starts_shot:
        end += 1
    return dissimilarity(window[n].signature, window[end].signature)


def _is_mixture(a: np.ndarray, b: np.ndarray, between: np.ndarray) -> bool:
    """Whether the frames `(n, 768)` lead from a to b by mixing them."""
    ends = np.stack([a, b])
    parts = between @ ends.T
    shares = parts @ np.linalg.inv(ends @ ends.T + 1e-2 * np.eye(2))  # least squares; a flat end must not divide by nothing
    unexplained = np.square(between).sum(1) - (shares * parts).sum(1)
    surplus = shares[:, 0] - shares[:, 1]
    quarter = len(surplus) // 4 + 1
    return bool(
        np.median(unexplained) < _UNEXPLAINED
        and surplus[:quarter].mean() > _TURNED
        and surplus[-quarter:].mean() < -_TURNED
        and abs(surplus[len(surplus) // 2]) < _TURNED
    )
