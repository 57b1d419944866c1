"""A point followed from frame to frame with what it lies on.

Sparse optical flow (Lucas and Kanade 1981, in pyramids: Bouguet 2001) follows a small thing better than dense flow does, which takes
over where there is too little texture. Each step is checked against the frame on which the point began, so that errors do not add up.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ...colours.spread import Disc

_WINDOW = 13  # pixels of the network's picture
_AROUND = np.array([[0, 0], [-3, 0], [3, 0], [0, -3], [0, 3]], np.float32)  # points that are followed together
_AGREEING = 3  # of them
_ASTRAY = 1.0  # pixels by which flow there and back may miss
_CORRECTED = 3.0  # pixels by which the first frame may correct a step
_PATCH = 4  # pixels around the point that are compared
_ALIKE, _SAME = 0.5, 0.8  # correlation of two patches under which something else is there, and from which the later one counts
_FLAT = 3.0  # gray levels of contrast under which a patch has nothing to compare
_MEAN, _CONTRAST = 128.0, 48.0  # of every frame: exposure flickers


class PointTracker:
    """Follows one point, frame by frame, in one direction."""

    def __init__(self, frame: np.ndarray, disc: Disc) -> None:
        """frame: lightness uint8 `(h, w)` on which the point was set."""
        height, width = frame.shape
        self._size = np.array([width, height], np.float32)
        self._first = self._before = _normalized(frame)
        self._origin = self._place = np.array([disc.x, disc.y], np.float32) * self._size - np.float32(0.5)
        self._patch = _patch(self._first, self._place)  # what it looks like
        self._dense = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def place_on(self, frame: np.ndarray) -> np.ndarray | None:
        """Where the point is on the next frame: x, y as shares, float32 `(2,)`; None where it is lost."""
        here = _normalized(frame)
        place = _sparse(self._before, here, self._place, self._place)
        if place is None:
            place = self._by_dense_flow(here)
        if place is None:
            return None
        again = _sparse(self._first, here, self._origin, place)
        if again is not None and float(np.hypot(*(again - place))) <= _CORRECTED:
            place = again
        if not (place >= -0.5).all() or not (place <= self._size - 0.5).all():
            return None
        patch = _patch(here, place)
        similarity = _similarity(self._patch, patch)
        if similarity < _ALIKE:
            return None
        if similarity >= _SAME:
            self._patch = patch
        self._before, self._place = here, place
        return np.asarray((place + np.float32(0.5)) / self._size, np.float32)

    def _by_dense_flow(self, here: np.ndarray) -> np.ndarray | None:
        there = self._dense.calc(self._before, here, None)
        back = self._dense.calc(here, self._before, None)
        moved = self._place + _at(there, self._place)
        astray = moved + _at(back, moved) - self._place
        return moved if float(np.hypot(*astray)) <= _ASTRAY else None


def _normalized(frame: np.ndarray) -> np.ndarray:
    mean, spread = (float(each[0, 0]) for each in cv2.meanStdDev(frame))
    gain = _CONTRAST / max(spread, 4.0)
    normalized: np.ndarray = cv2.convertScaleAbs(
        np.maximum((frame - np.float32(mean)) * np.float32(gain) + np.float32(_MEAN), 0)
    )
    return normalized


def _sparse(before: np.ndarray, after: np.ndarray, place: np.ndarray, guess: np.ndarray) -> np.ndarray | None:
    """Where `place` on the one frame is on the other, near `guess`: the median of points around it that are found there and back."""
    starts = (place + _AROUND)[:, None].astype(np.float32)
    options: dict[str, Any] = {"winSize": (_WINDOW, _WINDOW), "maxLevel": 3, "minEigThreshold": 1e-3}
    first = (guess + _AROUND)[:, None].astype(np.float32)
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, starts, first, flags=cv2.OPTFLOW_USE_INITIAL_FLOW, **options)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(
        after, before, there, starts.copy(), flags=cv2.OPTFLOW_USE_INITIAL_FLOW, **options
    )
    astray = np.hypot(*(back - starts)[:, 0].T)
    good = (found[:, 0] == 1) & (returned[:, 0] == 1) & (astray <= _ASTRAY)
    if int(good.sum()) < _AGREEING:
        return None
    moved = np.median((there - starts)[good, 0], axis=0)
    return np.asarray(place + moved, np.float32)


def _at(flow: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The median flow around a place."""
    height, width = flow.shape[:2]
    column, row = (min(max(round(float(v)), 0), limit - 1) for v, limit in zip(place, (width, height), strict=True))
    around = flow[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].reshape(-1, 2)
    return np.asarray(np.median(around, axis=0), np.float32)


def _patch(frame: np.ndarray, place: np.ndarray) -> np.ndarray:
    side = 2 * _PATCH + 1
    patch: np.ndarray = cv2.getRectSubPix(frame, (side, side), (float(place[0]), float(place[1]))).astype(np.float32)
    return patch


def _similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two patches; of flat ones, 1 where they are as bright, else 0."""
    if min(float(a.std()), float(b.std())) < _FLAT:
        return float(abs(float(a.mean() - b.mean())) < 4 * _FLAT and max(float(a.std()), float(b.std())) < 2 * _FLAT)
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum()) / float(np.linalg.norm(a) * np.linalg.norm(b))
