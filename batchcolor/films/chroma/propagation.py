"""Chosen colours carried along motion, from the frame on which they were chosen to the ends of its shot.

Points go by their coordinates (`point_tracking`), pictures (references, masks) by a map that says for each pixel where it was on the
chosen frame. Both stop where the flow there and back do not meet (occlusion), and at the picture's border.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...colours.pictures import Layer
from ...colours.spread import Disc
from ...colours.still import Hint, PictureColours
from ...colours.values import Span
from ...imaging.optical_flow import MEDIUM
from ...runtime.atomic_write import atomic_write
from .motion import Motion, MotionEstimator, Step, motion_size
from .point_spread import PointSpread
from .point_tracking import PointTracker

_PIXEL_LOST, _PIXEL_SURE = 0.2, 0.6  # of a picture's pixels: nothing is left, nothing is lost
_FARTHEST = 1500  # frames either way: a minute; beyond, drift outweighs what is carried
_ROUNDING_S = 1e-3  # times in files are rounded to milliseconds
_LEAST_LEFT = 0.01  # mean weight of a picture under which there is nothing left to carry


@dataclass(frozen=True)
class PropagatedLayer:
    """A picture on the frames of a shot. first: the frame of its first plane. ab: int8 `(frames, 2, h, w)`, ab units. weight: uint8
    `(frames, h, w)`, 255: all of it."""

    first: int
    ab: np.ndarray
    weight: np.ndarray

    def at(self, frame: int, shape: tuple[int, int]) -> Layer | None:
        """The layer on one frame of the shot at `shape` = (h, w); None where nothing of it is left."""
        n = frame - self.first
        if not 0 <= n < len(self.weight) or not self.weight[n].any():
            return None
        size = shape[::-1]
        ab = [cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) for plane in self.ab[n]]
        weight = cv2.resize(self.weight[n].astype(np.float32) / 255, size, interpolation=cv2.INTER_LINEAR)
        return Layer(np.stack(ab), weight)


@dataclass(frozen=True)
class ShotColours:
    """What was chosen for the frames of one shot, ready for its key frames. Places are those of the upright picture.

    tracks: float32 `(frames, points, 2)`, x and y as shares, NaN where a point is not. sizes: `(points,)`; colours: ab `(points, 2)`.
    keys: frames on which something was chosen, which are key frames. breaks: frames at which a choice that does not hold through the shot
    begins or has ended; steady colour is not carried across them. saturation: factor on all of the shot's colour. spread: the points,
    spread over the shot; None: each frame spreads its own.
    """

    tracks: np.ndarray
    sizes: np.ndarray
    colours: np.ndarray
    keys: tuple[int, ...] = ()
    breaks: tuple[int, ...] = ()
    references: tuple[PropagatedLayer, ...] = ()
    masks: tuple[PropagatedLayer, ...] = ()
    saturation: float = 1.0
    spread: PointSpread | None = None

    def at(self, frame: int, shape: tuple[int, int]) -> PictureColours:
        """What holds on one frame of the shot, for a picture that the network sees at `shape` = (h, w)."""
        points = tuple(
            Hint(Disc(float(x), float(y), float(size)), (float(a), float(b)))
            for (x, y), size, (a, b) in zip(self.tracks[frame], self.sizes, self.colours, strict=True)
            if np.isfinite(x)
        )
        references = tuple(layer for each in self.references if (layer := each.at(frame, shape)) is not None)
        masks = tuple(layer for each in self.masks if (layer := each.at(frame, shape)) is not None)
        if self.spread is not None:
            return PictureColours((), references, masks, correction=self.spread.at(frame, shape))
        return PictureColours(points, references, masks)

    def save(self, path: Path) -> None:
        """Write it to `path`, whole or not at all. Raises `OutputError`."""
        arrays: dict[str, Any] = {"tracks": self.tracks, "sizes": self.sizes, "colours": self.colours}
        arrays |= {name: np.array(getattr(self, name), np.int64) for name in ("keys", "breaks")}
        arrays |= {"saturation": np.array(self.saturation)}
        if self.spread is not None:
            arrays |= {"spread_first": np.array(self.spread.first), "spread_ab": self.spread.ab}
        for name, layers in (("reference", self.references), ("mask", self.masks)):
            for n, layer in enumerate(layers):
                arrays |= {f"{name}{n}_{field}": getattr(layer, field) for field in ("first", "ab", "weight")}
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> ShotColours:
        """Raises `OSError`, `ValueError` or `KeyError` for a file that is missing or damaged."""
        with np.load(path, allow_pickle=False) as found:
            layers = {}
            for name in ("reference", "mask"):
                count = sum(key.startswith(name) and key.endswith("_first") for key in found)
                layers[name] = tuple(
                    PropagatedLayer(int(found[f"{name}{n}_first"]), found[f"{name}{n}_ab"], found[f"{name}{n}_weight"])
                    for n in range(count)
                )
            return cls(
                found["tracks"],
                found["sizes"],
                found["colours"],
                tuple(int(n) for n in found["keys"]),
                tuple(int(n) for n in found["breaks"]),
                layers["reference"],
                layers["mask"],
                float(found["saturation"]),
                PointSpread(int(found["spread_first"]), found["spread_ab"]) if "spread_ab" in found else None,
            )


@dataclass(frozen=True, slots=True)
class PointOnFrame:
    """A point on a frame of a shot. reach: frames to which it may be carried, first and last. place: how its file calls it."""

    frame: int
    hint: Hint
    reach: tuple[int, int]
    place: str = ""


@dataclass(frozen=True)
class LayerOnFrame:
    """A reference or mask on a frame of a shot; reach as a point's."""

    frame: int
    layer: Layer
    reach: tuple[int, int]


def reach_of(through: Span, frame: int, times: Sequence[float]) -> tuple[int, int]:
    """The first and the last frame that a choice on `frame` may be carried to, borders of shots left aside. times: of the frames."""
    if through.kind == "frame":
        return frame, frame
    if through.kind == "duration":
        first = bisect.bisect_left(times, times[frame] - through.seconds - _ROUNDING_S)
        return first, bisect.bisect_right(times, times[frame] + through.seconds + _ROUNDING_S) - 1
    return 0, len(times)


@dataclass
class ShotFrames:
    """The lightness of a shot's frames: uint8 `(h, w)` each, as the network sees them, upright. Motion is estimated when asked for."""

    frames: Sequence[np.ndarray]
    _estimator: MotionEstimator = field(default_factory=MotionEstimator)
    _careful: MotionEstimator = field(default_factory=lambda: MotionEstimator(MEDIUM))

    def motion(self, frame: int, onward: int) -> Motion:
        """Motion from `frame` to its neighbour `frame + onward`, at the frames' own size: its map is for the neighbour."""
        height, width = self.frames[frame].shape
        first, second = (
            # The estimator works at half the size that it is given, where small fast things lag behind.
            cv2.resize(self.frames[n], (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
            / np.float32(2.55)
            for n in sorted((frame, frame + onward))
        )
        step = self._estimator.step(first, second)
        return step.forward if onward > 0 else step.backward

    def step(self, frame: int) -> Step:
        """Motion between a frame and the one before, at half the frames' size, with less error than chunks need."""
        before, after = (self.frames[n].astype(np.float32) / np.float32(2.55) for n in (frame - 1, frame))
        return self._careful.step(before, after)


def propagate_points(shot: ShotFrames, points: Sequence[PointOnFrame]) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """Tracks `(frames, points, 2)` as `ShotColours` has them; and for each point that was lost on its way onward, its place and frame."""
    tracks = np.full((len(shot.frames), len(points), 2), np.nan, np.float32)
    lost: list[tuple[str, int]] = []
    for n, point in enumerate(points):
        tracks[point.frame, n] = point.hint.disc.x, point.hint.disc.y
        for onward in (1, -1):
            frame = point.frame
            tracker = PointTracker(shot.frames[frame], point.hint.disc)
            while 0 <= frame + onward < len(shot.frames) and _within(point.reach, frame + onward):
                frame += onward
                place = tracker.place_on(shot.frames[frame]) if abs(frame - point.frame) <= _FARTHEST else None
                if place is None:
                    if onward > 0:
                        lost.append((point.place, frame))
                    break
                tracks[frame, n] = place
    return tracks, lost


def propagate_layer(shot: ShotFrames, placed: LayerOnFrame) -> PropagatedLayer:
    """The layer on every frame of the shot that it reaches."""
    size, small = shot.frames[0].shape, motion_size(shot.frames[0])
    planes, weight = np.ascontiguousarray(placed.layer.ab), placed.layer.weight
    still = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in size[::-1])), -1)
    found = {placed.frame: _stored(planes, weight, small)}
    for onward in (1, -1):
        frame, origin, left = placed.frame, still, weight
        while 0 <= frame + onward < len(shot.frames) and _within(placed.reach, frame + onward):
            there = shot.motion(frame, onward)
            origin = cv2.remap(origin, there.positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            kept = cv2.remap(left, there.positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
            trust = np.clip((there.trust - _PIXEL_LOST) / (_PIXEL_SURE - _PIXEL_LOST), 0, 1)
            left = np.minimum(kept, trust)
            frame += onward
            if float(left.mean()) < _LEAST_LEFT or abs(frame - placed.frame) > _FARTHEST:
                break
            ab = cv2.remap(planes.transpose(1, 2, 0), origin, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            found[frame] = _stored(ab.transpose(2, 0, 1), left, small)
    first, last = min(found), max(found)
    ab, weights = (np.stack([found[n][each] for n in range(first, last + 1)]) for each in (0, 1))
    return PropagatedLayer(first, ab, weights)


def _within(reach: tuple[int, int], frame: int) -> bool:
    return reach[0] <= frame <= reach[1]


def _stored(ab: np.ndarray, weight: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """ab as int8 and the weight as uint8, at half the size: there are many frames."""
    planes = [cv2.resize(np.ascontiguousarray(plane), size[::-1], interpolation=cv2.INTER_AREA) for plane in ab]
    small = cv2.resize(weight, size[::-1], interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(planes), -127, 127).astype(np.int8), np.rint(255 * small).astype(np.uint8)
