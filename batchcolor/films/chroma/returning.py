"""Colours of an earlier shot, taken over by one that returns to it.

The earlier shot's last frame is aligned with the first of this one by dense motion. Where both agree, its colours are a reference; the
network's features spread what that reference changes to the rest of the frame, as they do for a reference with transparent parts. The
change is then carried along motion through the shot and fades where motion cannot be trusted.

Where nobody chose a colour, the earlier shot's colours are no better a guess than this one's: they only must not change at the cut.
So the change falls slowly, and this shot's own colours take its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ...colours.pictures import Layer
from ...colours.still import PictureColours, Still
from ...engines.colorizer import Colorizer
from ...runtime.atomic_write import atomic_write
from .motion import MotionEstimator, Step, motion_size, warp
from .smoothing import weighted

_LOST, _SURE = 0.05, 0.3  # trust in motion at which a pixel is lost, and from which nothing of it is
_FADING = np.float32(0.9)  # of the weight that is left, a frame, where motion cannot be trusted
_RELAXING = np.float32(0.92)  # of a change to guessed colours: the share that is left, a frame
_LEAST_AGREEING = 0.4  # mean weight of the aligned frame under which it shows something else


class EarlierFrame(NamedTuple):
    """A frame with its final colours, as stored: L float32 `(h, w)`, 0..100; ab float32 `(2, h', w')`. chosen: whether somebody chose
    colours of its shot."""

    L: np.ndarray
    ab: np.ndarray
    chosen: bool = False

    def save(self, path: Path) -> None:
        """Write it to `path`, whole or not at all. Raises `OutputError`."""
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, L=self.L, ab=self.ab, chosen=np.array(self.chosen))

    @classmethod
    def load(cls, path: Path) -> EarlierFrame:
        """Raises `OSError`, `ValueError` or `KeyError` for a file that is missing or damaged."""
        with np.load(path, allow_pickle=False) as found:
            return cls(found["L"], found["ab"], bool(found["chosen"]))


class TakenOver:
    """What an earlier shot changes on the current frame of a shot: planes `(h, w, 3)` at motion size, a, b and their weight, 0..1.

    chosen: whether somebody chose the earlier colours; others fade with time.
    """

    def __init__(self, planes: np.ndarray, chosen: bool = True) -> None:
        self._planes, self._chosen = planes, chosen

    @classmethod
    def on_first(
        cls, earlier: EarlierFrame, L: np.ndarray, colorizer: Colorizer, quarter_turns: int, chosen: PictureColours
    ) -> TakenOver | None:
        """On the first frame of a shot, L float32 `(h, w)`; None where the earlier frame does not agree with it.

        quarter_turns: as `colorize_frames` has them. chosen: what holds for the whole film. Raises `OutOfMemory`.
        """
        if earlier.L.shape != L.shape:
            return None
        motion = MotionEstimator().step(earlier.L, L).forward
        weight = _certain(motion.trust)
        if float(weight.mean()) < _LEAST_AGREEING:
            return None
        ab = warp(weighted(earlier.ab, motion_size(L))[..., :2], motion).transpose(2, 0, 1)
        upright = np.ascontiguousarray(np.rot90(L, quarter_turns))
        layer = Layer(_turned(ab, quarter_turns, upright.shape), _turned(weight[None], quarter_turns, upright.shape)[0])
        still = Still.of(colorizer, upright)
        below = PictureColours(rules=chosen.rules)
        change = still.ab(below + PictureColours(references=(layer,))) - still.ab(below)
        planes = weighted(np.rot90(change, -quarter_turns, axes=(1, 2)), motion_size(L))
        return cls(planes, earlier.chosen)

    def onward(self, step: Step) -> None:
        """Go on to the next frame."""
        self._planes = warp(self._planes, step.forward)
        self._planes[..., 2] *= np.maximum(_certain(step.forward.trust), _FADING)
        if not self._chosen:
            self._planes[..., 2] *= _RELAXING

    def added_to(self, ab: np.ndarray) -> np.ndarray:
        """ab `(2, h', w')` of the current frame with the change."""
        change = (self._planes[..., :2] * self._planes[..., 2:]).transpose(2, 0, 1)
        sized = [cv2.resize(np.ascontiguousarray(plane), ab.shape[:0:-1], interpolation=cv2.INTER_AREA) for plane in change]
        return np.asarray(ab + np.stack(sized), np.float32)


def _certain(trust: np.ndarray) -> np.ndarray:
    return np.clip((trust - np.float32(_LOST)) / np.float32(_SURE - _LOST), 0, 1)


def _turned(planes: np.ndarray, quarter_turns: int, shape: tuple[int, ...]) -> np.ndarray:
    """Planes `(C, h, w)`, turned, at the size of the upright picture."""
    turned = np.rot90(planes, quarter_turns, axes=(1, 2))
    return np.stack([cv2.resize(np.ascontiguousarray(p), shape[::-1], interpolation=cv2.INTER_LINEAR) for p in turned])
