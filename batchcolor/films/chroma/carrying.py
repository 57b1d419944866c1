"""Chosen colours carried along motion, from the frame on which they were chosen to the ends of its shot.

Points go by their coordinates, pictures (references, masks) by a map that says for each pixel where on the chosen frame it was. Both stop
where the flow there and back do not meet (occlusion), and at the picture's border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...colours.pictures import Layer
from ...colours.spread import Spot
from ...colours.still import ChosenSpot, PictureColours
from ...runtime.atomic_write import atomic_write
from .motion import Motion, MotionEstimator, motion_size

_POINT_LOST = 0.3  # trust in the motion, the median around a point, under which it is lost
_PIXEL_LOST, _PIXEL_SURE = 0.2, 0.6  # of a picture's pixels: nothing is left, nothing is lost
_FARTHEST = 1500  # frames either way: a minute; beyond, drift outweighs what is carried
_LEAST_LEFT = 0.01  # mean weight of a picture under which there is nothing left to carry


@dataclass(frozen=True)
class Carried:
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
    keys: frames on which something was chosen, which are key frames. saturation: factor on all of the shot's colour.
    """

    tracks: np.ndarray
    sizes: np.ndarray
    colours: np.ndarray
    keys: tuple[int, ...] = ()
    references: tuple[Carried, ...] = ()
    masks: tuple[Carried, ...] = ()
    saturation: float = 1.0

    def at(self, frame: int, shape: tuple[int, int]) -> PictureColours:
        """What holds on one frame of the shot, for a picture that the network sees at `shape` = (h, w)."""
        points = tuple(
            ChosenSpot(Spot(float(x), float(y), float(size)), (float(a), float(b)))
            for (x, y), size, (a, b) in zip(self.tracks[frame], self.sizes, self.colours, strict=True)
            if np.isfinite(x)
        )
        references = tuple(layer for each in self.references if (layer := each.at(frame, shape)) is not None)
        masks = tuple(layer for each in self.masks if (layer := each.at(frame, shape)) is not None)
        return PictureColours(points, references, masks)

    def save(self, path: Path) -> None:
        """Write it to `path`, whole or not at all. Raises `OutputError`."""
        arrays: dict[str, Any] = {"tracks": self.tracks, "sizes": self.sizes, "colours": self.colours}
        arrays |= {"keys": np.array(self.keys, np.int64), "saturation": np.array(self.saturation)}
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
                    Carried(int(found[f"{name}{n}_first"]), found[f"{name}{n}_ab"], found[f"{name}{n}_weight"])
                    for n in range(count)
                )
            return cls(
                found["tracks"],
                found["sizes"],
                found["colours"],
                tuple(int(n) for n in found["keys"]),
                layers["reference"],
                layers["mask"],
                float(found["saturation"]),
            )


@dataclass(frozen=True, slots=True)
class PlacedPoint:
    """A point on a frame of a shot. reach: frames to which it may be carried, first and last. place: how its file calls it."""

    frame: int
    spot: ChosenSpot
    reach: tuple[int, int]
    place: str = ""


@dataclass(frozen=True)
class PlacedLayer:
    """A reference or mask on a frame of a shot; reach as a point's."""

    frame: int
    layer: Layer
    reach: tuple[int, int]


@dataclass
class Shot:
    """The lightness of a shot's frames: uint8 `(h, w)` each, as the network sees them, upright. Motion is estimated when asked for."""

    frames: Sequence[np.ndarray]
    _estimator: MotionEstimator = field(default_factory=MotionEstimator)

    def motion(self, frame: int, onward: int) -> tuple[Motion, Motion]:
        """(from `frame` to its neighbour `frame + onward`, and back), each a map for the frame that it leads to."""
        first, second = (self.frames[n].astype(np.float32) / np.float32(2.55) for n in sorted((frame, frame + onward)))
        step = self._estimator.step(first, second)
        return (step.forward, step.backward) if onward > 0 else (step.backward, step.forward)


def carry_points(shot: Shot, points: Sequence[PlacedPoint]) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """Tracks `(frames, points, 2)` as `ShotColours` has them; and for each point that was lost on its way onward, its place and frame."""
    tracks = np.full((len(shot.frames), len(points), 2), np.nan, np.float32)
    lost: list[tuple[str, int]] = []
    for n, point in enumerate(points):
        tracks[point.frame, n] = point.spot.spot.x, point.spot.spot.y
    for onward in (1, -1):
        alive = {n: point.frame for n, point in enumerate(points)}
        starts = [point.frame for point in points]
        if not starts:
            break
        frame = min(starts) if onward > 0 else max(starts)
        while alive and 0 <= frame + onward < len(shot.frames):
            here = [n for n, at in alive.items() if at == frame]
            here = [
                n
                for n in here
                if _within(points[n].reach, frame + onward) and abs(frame + onward - points[n].frame) <= _FARTHEST
            ]
            for n in [n for n, at in alive.items() if at == frame and n not in here]:
                del alive[n]
            if here:
                _, back = shot.motion(frame, onward)  # where each pixel of this frame is on the next
                for n in here:
                    moved = _moved(tracks[frame, n], back)
                    if moved is None:
                        del alive[n]
                        if onward > 0:
                            lost.append((points[n].place, frame + onward))
                    else:
                        tracks[frame + onward, n], alive[n] = moved, frame + onward
            frame += onward
    return tracks, lost


def carry_layer(shot: Shot, placed: PlacedLayer) -> Carried:
    """The layer on every frame of the shot that it reaches, at the size at which motion is estimated."""
    size = motion_size(shot.frames[0])
    planes = np.stack([cv2.resize(np.ascontiguousarray(p), size[::-1], interpolation=cv2.INTER_AREA) for p in placed.layer.ab])
    weight = cv2.resize(placed.layer.weight, size[::-1], interpolation=cv2.INTER_AREA)
    still = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in size[::-1])), -1)
    found = {placed.frame: (planes, weight)}
    for onward in (1, -1):
        frame, origin, left = placed.frame, still, weight
        while 0 <= frame + onward < len(shot.frames) and _within(placed.reach, frame + onward):
            there, _ = shot.motion(frame, onward)
            origin = cv2.remap(origin, there.map, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            kept = cv2.remap(left, there.map, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
            trust = np.clip((there.trust - _PIXEL_LOST) / (_PIXEL_SURE - _PIXEL_LOST), 0, 1)
            left = np.minimum(kept, trust)
            frame += onward
            if float(left.mean()) < _LEAST_LEFT or abs(frame - placed.frame) > _FARTHEST:
                break
            ab = cv2.remap(planes.transpose(1, 2, 0), origin, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            found[frame] = ab.transpose(2, 0, 1), left
    first, last = min(found), max(found)
    ab = np.stack([found[n][0] for n in range(first, last + 1)])
    weights = np.stack([found[n][1] for n in range(first, last + 1)])
    return Carried(first, np.clip(np.rint(ab), -127, 127).astype(np.int8), np.rint(255 * weights).astype(np.uint8))


def _within(reach: tuple[int, int], frame: int) -> bool:
    return reach[0] <= frame <= reach[1]


def _moved(place: np.ndarray, motion: Motion) -> np.ndarray | None:
    """Where a place (x, y as shares) has gone by `motion`, whose map says where each pixel goes; None where it is lost.

    The median over the pixels around it: a point on a coat goes with the coat.
    """
    height, width = motion.trust.shape
    x, y = float(place[0]) * width - 0.5, float(place[1]) * height - 0.5
    column, row = min(max(round(x), 0), width - 1), min(max(round(y), 0), height - 1)
    around = np.s_[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    if float(np.median(motion.trust[around])) < _POINT_LOST:
        return None
    rows, columns = np.mgrid[around]
    dx = float(np.median(motion.map[around][..., 0] - columns))
    dy = float(np.median(motion.map[around][..., 1] - rows))
    moved = np.array([(x + dx + 0.5) / width, (y + dy + 0.5) / height], np.float32)
    return moved if bool(((moved >= 0) & (moved <= 1)).all()) else None
