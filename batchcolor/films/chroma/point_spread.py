"""Points spread over a whole shot: one correction of ab that moves with the picture.

Spread on every key frame by itself, a point flickers, because the features of no two frames are the same. So points are spread on the
frames on which they were set and at regular distances, and these corrections are averaged along motion, in both directions. The
average remembers more frames than the smoother does, and trusts the frames on which points were set most.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .motion import Motion, Step, motion_size
from .smoothing import average, weighted

_SPACING = 12  # frames between two on which points are spread, as between key frames
_MEMORY = np.float32(60.0)  # largest weight of a carried correction, in frames
_SET_WEIGHT = np.float32(20.0)  # of a correction on a frame on which a point was set; of others 1
_BEYOND_WEIGHT = 0.5  # of no correction, on frames that no point reaches
_LEAST_TRUST = np.float32(0.95)  # in motion: a correction that lags behind is steadier than one that is spread anew
# Motion is less certain, frame by frame, from where a point was set on, and so is the outline of its colour: pixels at motion size, times
# the root of the distance in frames. Scaled up, colour follows edges of lightness again.
_BLUR, _LARGEST_BLUR = 1.1, 3.8
_FADE = 4 * _SPACING  # frames beyond the last one that a point reaches, over which its correction fades
_STEPS = 16  # of the stored correction, an ab unit: whole units would flicker


@dataclass(frozen=True)
class PointSpread:
    """The correction on the frames of a shot. first: the frame of its first plane. ab: int16 `(frames, 2, h, w)`, 1/16 ab units."""

    first: int
    ab: np.ndarray

    def at(self, frame: int, shape: tuple[int, int]) -> np.ndarray | None:
        """What to add to ab, float32 `(2, h, w)` of `shape`; None on frames that no point reaches."""
        n = frame - self.first
        if not 0 <= n < len(self.ab) or not self.ab[n].any():
            return None
        planes = self.ab[n].astype(np.float32) / _STEPS
        return np.stack([cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_LINEAR) for plane in planes])


def spread_over_shot(
    reached: np.ndarray,
    set_on: Sequence[int],
    breaks: Sequence[int],
    shape: tuple[int, int],
    corrections: Callable[[Sequence[int]], Iterable[np.ndarray]],
    step: Callable[[int], Step],
) -> PointSpread:
    """Spread a shot's points.

    reached: bool `(frames,)`, which frames a point reaches. set_on: frames on which points were set. breaks: frames across which nothing
    is carried. shape: (h, w) of the frames. corrections: of some frames that points reach, each float32 `(2, h', w')` in ab units.
    step: the motion that leads to a frame from the one before.
    """
    frames = np.flatnonzero(reached)
    first, end = max(0, int(frames[0]) - _FADE), min(len(reached), int(frames[-1]) + 1 + _FADE)
    size = motion_size(np.empty(shape, bool))
    stored = np.zeros((end - first, 2, *size), np.int16)
    bounds = [first, *(each for each in breaks if first < each < end), end]
    for start, stop in itertools.pairwise(bounds):
        if reached[start:stop].any():
            stored[start - first : stop - first] = _part(range(start, stop), reached, set(set_on), size, corrections, step)
    return PointSpread(first, stored)


def _part(
    part: range,
    reached: np.ndarray,
    set_on: set[int],
    size: tuple[int, int],
    corrections: Callable[[Sequence[int]], Iterable[np.ndarray]],
    step: Callable[[int], Step],
) -> np.ndarray:
    """int16 `(frames, 2, h, w)` of frames across which everything is carried."""
    spread_on = [n for n in part if n in set_on or (n - part.start) % _SPACING == 0]
    there = [n for n in spread_on if reached[n]]
    nothing = weighted(np.zeros((2, *size), np.float32), size, _BEYOND_WEIGHT)
    own = dict.fromkeys(spread_on, nothing)
    for n, correction in zip(there, corrections(there), strict=True):
        own[n] = _within(weighted(correction, size), correction.transpose(1, 2, 0))
        own[n][..., 2] = _SET_WEIGHT if n in set_on else 1
    steps = {n: step(n) for n in part[1:]}
    forward: list[np.ndarray] = []
    for n in part:
        before = _onward(forward[-1], steps[n].forward) if forward else None
        forward.append(_joined(before, own.get(n)))
    stored = np.empty((len(part), 2, *size), np.int16)
    behind: np.ndarray | None = None  # carried backwards, from frames after this one
    for n in reversed(part):
        behind = None if behind is None else _onward(behind, steps[n + 1].backward)
        both = _joined(behind, forward.pop())
        far = min((abs(n - each) for each in set_on), default=len(part))
        blur = min(_LARGEST_BLUR, _BLUR * far**0.5)
        blurred = cv2.GaussianBlur(both[..., :2], (0, 0), blur) if blur else both[..., :2]
        stored[n - part.start] = np.rint(blurred.transpose(2, 0, 1) * _STEPS)
        behind = _joined(behind, own[n]) if n in own else behind
    return stored


def _onward(planes: np.ndarray, motion: Motion) -> np.ndarray:
    """Planes `(h, w, 3)` on the neighbouring frame."""
    # Cubic: linear interpolation, frame after frame, would blur the correction away.
    moved = _within(cv2.remap(planes, motion.positions, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), planes)
    moved[..., 2] = moved[..., 2].clip(0, _MEMORY) * np.maximum(motion.trust, _LEAST_TRUST)
    return moved


def _within(planes: np.ndarray, source: np.ndarray) -> np.ndarray:
    """ab of planes `(h, w, 3)` within the range that it has in what they were interpolated from, `(h', w', 2 or 3)`.

    Cubic interpolation overshoots, frame after frame to the opposite colour.
    """
    ab = source[..., :2]
    planes[..., :2] = planes[..., :2].clip(ab.min((0, 1)), ab.max((0, 1)))
    return planes


def _joined(planes: np.ndarray | None, others: np.ndarray | None) -> np.ndarray:
    """The weighted mean of two of which one may be missing."""
    if planes is None or others is None:
        found = others if planes is None else planes
        assert found is not None, "the first frame of a part is one on which points are spread"
        return found
    return average(planes, others)
