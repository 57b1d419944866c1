"""Smoothers keep colour steady within a shot, and fill in the frames that the generator did not see.

The contract (tests/contracts/test_smoothers.py): one shot's frames in, as many ab out, in order; constant in gives constant out; a single
frame comes back unchanged; the window is bounded, so memory does not grow with the shot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from .motion import Motion, MotionEstimator, Step, motion_size, warp


class ShotFrame(NamedTuple):
    """L: float32 `(h, w)`, 0..100. ab: float32 `(2, h', w')`, h' <= h, as the generator saw this frame alone; None between key frames.

    step: the motion from the frame before, where it is already known.
    """

    L: np.ndarray
    ab: np.ndarray | None
    step: Step | None = None


class Smoother(Protocol):
    def __call__(self, frames: Iterable[ShotFrame]) -> Iterator[np.ndarray]:
        """ab float32 `(2, h', w')`, h' <= h, for every frame of one shot, whose first frame has an ab."""
        ...


def unsmoothed(frames: Iterable[ShotFrame]) -> Iterator[np.ndarray]:
    """Every frame by itself; without an own colour, that of the last key frame in place."""
    last: np.ndarray | None = None
    for frame in frames:
        last = frame.ab if frame.ab is not None else last
        assert last is not None, "the first frame of a shot is a key frame"
        yield last


def exponential(frames: Iterable[ShotFrame], weight: float = 0.25) -> Iterator[np.ndarray]:
    """A running mean in place; `weight` is that of the new frame. Cheap, and right only where nothing moves."""
    mean: np.ndarray | None = None
    for ab in unsmoothed(frames):
        mean = ab if mean is None else mean + np.float32(weight) * (ab - mean)
        yield mean


_BLOCK = 16  # frames that go backward together; another block of lookahead behind them
_CAP = np.float32(12.0)  # frames' worth that carried colour may weigh
_SOME = np.float32(1e-3)  # the weight of colour that nothing speaks for, where there is no other


class _Seen(NamedTuple):
    """A frame on its way through the smoother, planes `(h, w, 3)` at motion size: a, b and how many frames' colours they are worth.

    own: of this frame alone, weight 1, None between key frames; ahead: carried from the frames before it, its own joined in.
    back: the motion from this frame to the one before.
    """

    own: np.ndarray | None
    forward: np.ndarray
    backward: Motion | None


def along_motion(frames: Iterable[ShotFrame]) -> Iterator[np.ndarray]:
    """Colour carried along dense optical flow, in both directions, at half the network's size.

    Forward: carried colour is laid onto the next frame, its weight falls with the trust in the motion, and the frame's own colour, if it
    has one, joins with weight 1. Backward likewise, over blocks of 16 frames with up to 16 more of lookahead. Both are averaged, the
    own colour counted once. Where the weight of carried colour ends, it still beats none: nothing turns gray between key frames.
    """
    estimator = MotionEstimator()
    waiting: list[_Seen] = []
    before: np.ndarray | None = None
    for frame in frames:
        own = None if frame.ab is None else _weighted(frame.ab, motion_size(frame.L))
        if before is None:
            assert own is not None, "the first frame of a shot is a key frame"
            waiting.append(_Seen(own, own, None))
        else:
            step = frame.step or estimator.step(before, frame.L)
            waiting.append(_Seen(own, _joined(_carried(waiting[-1].forward, step.forward), own), step.backward))
        before = frame.L
        if len(waiting) == 2 * _BLOCK:
            yield from _both_ways(waiting, _BLOCK)
            del waiting[:_BLOCK]
    yield from _both_ways(waiting, len(waiting))


def _both_ways(waiting: list[_Seen], count: int) -> Iterator[np.ndarray]:
    """ab of the first `count` frames: what comes from before, and what comes from behind, back to the first of them."""
    behind: np.ndarray | None = None
    answers: list[np.ndarray] = []
    for n in reversed(range(len(waiting))):
        seen = waiting[n]
        if behind is not None:
            backward = waiting[n + 1].backward
            assert backward is not None, "only the first frame of a shot has no motion that leads to it"
            behind = _carried(behind, backward)
        if n < count:
            answers.append(seen.forward if behind is None else _average(seen.forward, behind))
        behind = seen.own if behind is None else _joined(behind, seen.own)
    for answer in reversed(answers):
        yield np.ascontiguousarray(answer[..., :2].transpose(2, 0, 1))  # (2, h, w)


def _weighted(ab: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """ab `(2, h', w')` -> `(h, w, 3)` of `size`, weight 1."""
    smaller = size[0] < ab.shape[1]
    planes = [cv2.resize(p, size[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC) for p in ab]
    return np.dstack([*planes, np.ones(size, np.float32)])


def _carried(planes: np.ndarray, motion: Motion) -> np.ndarray:
    brought = warp(planes, motion)
    brought[..., 2] = np.minimum(brought[..., 2], _CAP) * motion.trust
    return brought


def _joined(planes: np.ndarray, own: np.ndarray | None) -> np.ndarray:
    return planes if own is None else _average(planes, own)


def _average(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The weighted mean of two `(h, w, 3)`; their weights add up."""
    weight = a[..., 2] + b[..., 2]
    share = ((b[..., 2] + _SOME / 2) / (weight + _SOME))[..., None]
    mean = a + share * (b - a)
    mean[..., 2] = weight
    return mean
