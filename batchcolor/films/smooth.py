"""Smoothers keep colour steady within a shot.

The contract (tests/contracts/test_smoothers.py): one shot's frames in, as many ab out, in order; constant in gives constant out; a single
frame comes back unchanged; the window is bounded, so memory does not grow with the shot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import cv2
import numpy as np


class ShotFrame(NamedTuple):
    """L: float32 `(h, w)`, 0..100; ab: float32 `(2, h, w)`, as the generator saw this frame alone."""

    L: np.ndarray
    ab: np.ndarray


class Smoother(Protocol):
    def __call__(self, frames: Iterable[ShotFrame]) -> Iterator[np.ndarray]:
        """ab float32 `(2, h, w)` for every frame of one shot."""
        ...


def unsmoothed(frames: Iterable[ShotFrame]) -> Iterator[np.ndarray]:
    """Every frame by itself."""
    for frame in frames:
        yield frame.ab


def exponential(frames: Iterable[ShotFrame], weight: float = 0.25) -> Iterator[np.ndarray]:
    """A running mean in place; `weight` is that of the new frame. Cheap, and right only where nothing moves."""
    mean: np.ndarray | None = None
    for frame in frames:
        mean = frame.ab if mean is None else mean + np.float32(weight) * (frame.ab - mean)
        yield mean


_BLOCK = 16  # frames that go backward together; another block of lookahead behind them
_CAP = 12.0  # frames' worth that carried colour may weigh
_FLOW_ERROR = 1.0  # pixels of forward-backward disagreement at which trust falls to 1/e
_LIGHTNESS_ERROR = 8.0  # L units of difference at which trust falls to 1/e


class _Carried(NamedTuple):
    """Colour brought along and how many frames it is worth: ab `(2, h, w)`, weight `(h, w)`."""

    ab: np.ndarray
    weight: np.ndarray


class _Motion(NamedTuple):
    """How to bring one frame's planes to its neighbour: a map for cv2.remap and the trust in it, `(h, w)`, 0..1."""

    map: np.ndarray
    trust: np.ndarray


def along_motion(frames: Iterable[ShotFrame]) -> Iterator[np.ndarray]:
    """Colour carried along dense optical flow, in both directions.

    Forward: carried colour is warped to the next frame, its weight falls where the flow forth and back disagree or the lightness differs,
    and the frame's own colour joins with weight 1. Backward likewise, over blocks of 16 frames with up to 16 more of lookahead. Both
    are averaged, the own frame counted once. Flow: DIS (Kroeger et al. 2016, arXiv 1603.03590) between lightness planes whose mean and
    contrast are matched, so that exposure flicker is not motion.
    """
    waiting: list[ShotFrame] = []
    forward: list[_Carried] = []
    motions: list[tuple[_Motion, _Motion]] = []  # between waiting[n] and waiting[n + 1]: forth, back
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def take(frame: ShotFrame) -> None:
        if not waiting:
            forward.append(_Carried(frame.ab, np.ones_like(frame.L)))
        else:
            forth, back = _motions(flow, waiting[-1].L, frame.L)
            motions.append((forth, back))
            forward.append(_joined(_warped(forward[-1], forth), frame.ab))
        waiting.append(frame)

    def give(count: int) -> Iterator[np.ndarray]:
        backward = _Carried(waiting[-1].ab, np.ones_like(waiting[-1].L))
        both: list[np.ndarray] = []
        for n in reversed(range(len(waiting))):
            if n < len(waiting) - 1:
                backward = _joined(_warped(backward, motions[n][1]), waiting[n].ab)
            if n < count:
                ahead, behind = forward[n], backward
                total = ahead.weight + behind.weight - 1
                both.append((ahead.ab * ahead.weight + behind.ab * behind.weight - waiting[n].ab) / total)
        del waiting[:count], motions[:count], forward[:count]
        yield from reversed(both)

    for frame in frames:
        take(frame)
        if len(waiting) == 2 * _BLOCK:
            yield from give(_BLOCK)
    if waiting:
        yield from give(len(waiting))


def _joined(carried: _Carried, own: np.ndarray) -> _Carried:
    """The frame's own colour, weight 1, averaged into what was carried to it."""
    weight = carried.weight + 1
    return _Carried((carried.ab * carried.weight + own) / weight, weight)


def _warped(carried: _Carried, motion: _Motion) -> _Carried:
    ab = np.stack([_remap(plane, motion.map) for plane in carried.ab])
    return _Carried(ab, np.minimum(_remap(carried.weight, motion.map), _CAP) * motion.trust)


def _remap(plane: np.ndarray, where: np.ndarray) -> np.ndarray:
    warped: np.ndarray = cv2.remap(plane, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped


def _motions(flow: cv2.DISOpticalFlow, a: np.ndarray, b: np.ndarray) -> tuple[_Motion, _Motion]:
    """From a to b and from b to a: what carries planes of a onto b, and planes of b onto a."""
    matched = _exposed_like(a, b)
    a8, b8 = _eight_bit(matched), _eight_bit(b)
    b_to_a = flow.calc(b8, a8, None)  # (h, w, 2): where each pixel of b was in a
    a_to_b = flow.calc(a8, b8, None)
    identity = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in a.shape[::-1])), -1)
    forth, back = identity + b_to_a, identity + a_to_b
    return (
        _Motion(forth, _trust(b_to_a, a_to_b, forth, matched, b)),
        _Motion(back, _trust(a_to_b, b_to_a, back, b, matched)),
    )


def _trust(there: np.ndarray, return_: np.ndarray, where: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    returned = np.stack([_remap(np.ascontiguousarray(return_[..., n]), where) for n in range(2)], -1)
    astray = np.square(there + returned).sum(-1)
    unlike = np.square(_remap(source, where) - target)
    trust: np.ndarray = np.exp(-astray / np.float32(_FLOW_ERROR**2) - unlike / np.float32(_LIGHTNESS_ERROR**2))
    return trust


def _exposed_like(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a with the mean and contrast of b; old film flickers, and that is neither motion nor another object."""
    gain = np.clip((b.std() + 1) / (a.std() + 1), 0.7, 1.4)
    matched: np.ndarray = (a - a.mean()) * np.float32(gain) + b.mean()
    return matched


def _eight_bit(L: np.ndarray) -> np.ndarray:
    return np.clip(L * np.float32(2.55), 0, 255).astype(np.uint8)


SMOOTHERS: dict[str, Smoother] = {"none": unsmoothed, "exponential": exponential, "flow": along_motion}
