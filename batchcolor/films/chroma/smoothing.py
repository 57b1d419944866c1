"""Smoothers keep colour steady within a shot and fill in the frames between key frames.

The contract (tests/contracts/test_smoothers.py): one ab for each frame of a shot, in order; constant colour stays constant; a single
frame comes back unchanged; the window is bounded, so memory does not grow with the shot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from .motion import Motion, MotionEstimator, Step, motion_size, warp


class ShotFrame(NamedTuple):
    """L: float32 `(h, w)`, 0..100. ab: float32 `(2, h', w')`, h' <= h, the generator's output for this frame; None between key frames.

    step: the motion from the previous frame, if it is already known. weight: of the frame's ab, in frames, for smoothers that weigh
    them. memory: the share of its weight that colour keeps when it is carried to this frame.
    """

    L: np.ndarray
    ab: np.ndarray | None
    step: Step | None = None
    weight: float = 1.0
    memory: float = 1.0


class Smoother(Protocol):
    def __call__(self, frames: Iterable[ShotFrame]) -> Iterator[np.ndarray]:
        """ab float32 `(2, h', w')`, h' <= h, for every frame of one shot, whose first frame has an ab."""
        ...


def unsmoothed(frames: Iterable[ShotFrame]) -> Iterator[np.ndarray]:
    """No smoothing; a frame between key frames repeats the colour of the last one."""
    last: np.ndarray | None = None
    for frame in frames:
        last = frame.ab if frame.ab is not None else last
        assert last is not None, "the first frame of a shot is a key frame"
        yield last


def exponential(frames: Iterable[ShotFrame], weight: float = 0.25) -> Iterator[np.ndarray]:
    """An exponential moving average of each pixel; `weight` is that of the new frame. Cheap, and correct only without motion."""
    mean: np.ndarray | None = None
    for ab in unsmoothed(frames):
        mean = ab if mean is None else mean + np.float32(weight) * (ab - mean)
        yield mean


_BLOCK = 16  # frames of a backward pass; it looks ahead by another block
MAX_WEIGHT = np.float32(12.0)  # of carried colour, in frames
_MIN_WEIGHT = np.float32(1e-3)  # of colour without any trust, where there is no other


class _WindowFrame(NamedTuple):
    """A frame in the smoother's window. Planes are `(h, w, 3)` at motion size: a, b, and their weight in frames.

    own: of this frame alone, weight 1; None between key frames. forward: carried from previous frames, averaged with its own. backward:
    the motion from this frame to the previous one.
    """

    own: np.ndarray | None
    forward: np.ndarray
    backward: Motion | None


def along_motion(frames: Iterable[ShotFrame]) -> Iterator[np.ndarray]:
    """Colour carried along dense optical flow, in both directions, at half the network's size.

    Forward: carried colour is warped onto the next frame, its weight is multiplied by the trust in the motion, and the frame's own
    colour, if it has one, is averaged in with weight 1. Backward likewise, over blocks of 16 frames with up to 16 more of lookahead.
    Both are averaged, the own colour counted once. Colour without any trust still counts where there is no other, so that nothing
    turns gray.
    """
    estimator = MotionEstimator()
    waiting: list[_WindowFrame] = []
    before: np.ndarray | None = None
    for frame in frames:
        own = None if frame.ab is None else weighted(frame.ab, motion_size(frame.L), frame.weight)
        if before is None:
            assert own is not None, "the first frame of a shot is a key frame"
            waiting.append(_WindowFrame(own, own, None))
        else:
            step = frame.step or estimator.step(before, frame.L)
            carried = _carried(waiting[-1].forward, step.forward, frame.memory)
            waiting.append(_WindowFrame(own, _joined(carried, own), step.backward))
        before = frame.L
        if len(waiting) == 2 * _BLOCK:
            yield from _both_ways(waiting, _BLOCK)
            del waiting[:_BLOCK]
    yield from _both_ways(waiting, len(waiting))


def _both_ways(waiting: list[_WindowFrame], count: int) -> Iterator[np.ndarray]:
    """ab of the first `count` frames: the forward pass averaged with a backward pass over the whole window."""
    carried: np.ndarray | None = None
    answers: list[np.ndarray] = []
    for n in reversed(range(len(waiting))):
        frame = waiting[n]
        if carried is not None:
            backward = waiting[n + 1].backward
            assert backward is not None, "only the first frame of a shot has no motion that leads to it"
            carried = _carried(carried, backward)
        if n < count:
            answers.append(frame.forward if carried is None else average(frame.forward, carried))
        carried = frame.own if carried is None else _joined(carried, frame.own)
    for answer in reversed(answers):
        yield np.ascontiguousarray(answer[..., :2].transpose(2, 0, 1))  # (2, h, w)


def weighted(ab: np.ndarray, size: tuple[int, int], weight: float = 1.0) -> np.ndarray:
    """ab `(2, h', w')` -> `(h, w, 3)` of `size`, all of this weight."""
    smaller = size[0] < ab.shape[1]
    planes = [cv2.resize(p, size[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC) for p in ab]
    return np.dstack([*planes, np.full(size, weight, np.float32)])


def _carried(planes: np.ndarray, motion: Motion, memory: float = 1.0) -> np.ndarray:
    warped = warp(planes, motion)
    warped[..., 2] = np.minimum(warped[..., 2], MAX_WEIGHT) * motion.trust * np.float32(memory)
    return warped


def _joined(planes: np.ndarray, own: np.ndarray | None) -> np.ndarray:
    return planes if own is None else average(planes, own)


def average(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The weighted mean of two `(h, w, 3)`; their weights add up."""
    weight = a[..., 2] + b[..., 2]
    share = ((b[..., 2] + _MIN_WEIGHT / 2) / (weight + _MIN_WEIGHT))[..., None]
    mean = a + share * (b - a)
    mean[..., 2] = weight
    return mean
