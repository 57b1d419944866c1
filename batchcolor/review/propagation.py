"""What was chosen on one frame of a film, on another frame of its shot, found as a run finds it (`films/chroma/propagation.py`)."""

from __future__ import annotations

import bisect
import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..colours.model import ItemColours, Mask, Point, Reference
from ..colours.pictures import Layer, read_mask, read_reference
from ..colours.spread import Disc
from ..colours.still import Hint, PictureColours, one_colour
from ..engines.colorizer import Colorizer
from ..films.chroma.propagation import (
    LayerOnFrame,
    PointOnFrame,
    PropagatedLayer,
    ShotFrames,
    propagate_layer,
    propagate_points,
    reach_of,
)
from ..films.input.part import frames_within
from ..films.input.planes import small_lightness, to_picture_format
from ..films.input.probe import probe
from ..films.input.time_range import TimeRange
from ..films.output.encode import picture_format
from ..films.output.encoders import CODECS
from ..runtime.thread_budget import allowed

_ROUNDING_S = 1e-3  # times are rounded to milliseconds
_MOST_SHOTS = 3  # that stay in memory
_WINDOW_S = 60.0  # either way: of a longer shot, only frames as near as this are read


@dataclasses.dataclass
class _Frames:
    """A shot, or what is read of it. times: seconds since the film begins; first: number of its first frame in the film."""

    shot: ShotFrames
    times: list[float]
    first: int
    tracks: dict[Point, np.ndarray] = dataclasses.field(default_factory=dict)
    layers: dict[tuple[Reference | Mask, int], PropagatedLayer] = dataclasses.field(default_factory=dict)

    def index(self, seconds: float) -> int | None:
        """Of the frame that is shown at a time; None where that is another shot's."""
        if not self.times or seconds < self.times[0] - _ROUNDING_S:
            return None
        return bisect.bisect_right(self.times, seconds + _ROUNDING_S) - 1

    def chosen_on(self, each: Point | Reference | Mask) -> int | None:
        """Index of the frame on which something was chosen; None where that is another shot's."""
        if each.frame is None:
            return self.index(each.time or 0.0) if _within(each.time or 0.0, self.times) else None
        at = each.frame - self.first
        return at if self.first >= 0 and 0 <= at < len(self.times) else None


Shot = dict[str, Any]  # its start and end in seconds since the film begins, and the number of its first frame


class Propagation:
    """Follows what was chosen through shots. Safe to be used from several threads; one shot at a time is read."""

    def __init__(self, colorizer: Callable[[], Colorizer]) -> None:
        self._colorizer = colorizer
        self._frames: OrderedDict[tuple[Path, float, float], _Frames] = OrderedDict()
        self._lock = threading.Lock()

    def points_on_frame(
        self, film: Path, shot: Shot | None, points: Sequence[Point], seconds: float
    ) -> list[tuple[float, float] | None]:
        """Where each point is on the frame at `seconds`; None where it does not come.

        shot: None: not known yet, so that only points of this very frame count. Raises `SourceError`.
        """
        near = [point for point in points if _is_at(point, seconds)]
        if shot is None or len(near) == len(points):
            return [point.at if point in near else None for point in points]
        with self._lock:
            frames = self._of(film, shot, seconds)
            return [self._place(frames, point, seconds) for point in points]

    def layers_on_frame(
        self, film: Path, shot: Shot | None, chosen: ItemColours, seconds: float, L: np.ndarray
    ) -> PictureColours:
        """References and masks on the frame at `seconds`, whose lightness is L, float32 `(h, w)`, 0..100.

        shot: as `points_on_frame` has it. Raises `SourceError`, and `UsageError` for pictures that cannot be used.
        """
        found: dict[type, list[Layer]] = {Reference: [], Mask: []}
        for each in chosen.layers:
            if _is_at(each, seconds) or (isinstance(each, Mask) and each.time is None and each.frame is None):
                found[type(each)].append(_layer(each, L))
            elif shot is not None:
                with self._lock:
                    layer = self._layer_at(self._of(film, shot, seconds), each, seconds, L.shape)
                found[type(each)] += [] if layer is None else [layer]
        return PictureColours(references=tuple(found[Reference]), masks=tuple(found[Mask]))

    def saturation(self, shot: Shot | None, chosen: ItemColours) -> float:
        """The factor that was chosen for the shot."""
        if shot is None:
            return 1.0
        for each in chosen.shots:
            if each.frame is not None:
                within = 0 <= each.frame - shot["first"] < shot["frames"]
            else:
                within = shot["start"] - _ROUNDING_S <= (each.time or 0.0) < shot["end"] - _ROUNDING_S
            if within:
                return each.saturation
        return 1.0

    @staticmethod
    def _layer_at(frames: _Frames, each: Reference | Mask, seconds: float, shape: tuple[int, ...]) -> Layer | None:
        here, at = frames.index(seconds), frames.chosen_on(each)
        if here is None or at is None:
            return None
        key = each, each.picture.stat().st_mtime_ns
        if key not in frames.layers:
            layer = _layer(each, frames.shot.frames[at].astype(np.float32) / np.float32(2.55))
            frames.layers[key] = propagate_layer(frames.shot, LayerOnFrame(at, layer, reach_of(each.through, at, frames.times)))
        return frames.layers[key].at(here, (shape[0], shape[1]))

    def _of(self, film: Path, shot: Shot, seconds: float) -> _Frames:
        start, end, first = float(shot["start"]), float(shot["end"]), int(shot["first"])
        if end - start > 2 * _WINDOW_S:
            middle = start + _WINDOW_S * round((seconds - start) / _WINDOW_S)
            start, end, first = max(start, middle - _WINDOW_S), min(end, middle + _WINDOW_S), -1
        key = (film, start, end)
        if key not in self._frames:
            self._frames[key] = _read(film, start, end, first, self._colorizer())
            while len(self._frames) > _MOST_SHOTS:
                self._frames.popitem(last=False)
        self._frames.move_to_end(key)
        return self._frames[key]

    def _place(self, frames: _Frames, point: Point, seconds: float) -> tuple[float, float] | None:
        here, chosen = frames.index(seconds), frames.chosen_on(point)
        if here is None or chosen is None:
            return None
        same = dataclasses.replace(point, note="")
        if same not in frames.tracks:
            reach = reach_of(point.through, chosen, frames.times)
            placed = PointOnFrame(chosen, Hint(Disc(*point.at, point.size), point.colour.ab), reach)
            frames.tracks[same] = propagate_points(frames.shot, [placed])[0][:, 0]
        x, y = frames.tracks[same][here]
        return (float(x), float(y)) if np.isfinite(x) else None


def _is_at(each: Point | Reference | Mask, seconds: float) -> bool:
    return each.time is not None and abs(each.time - seconds) <= _ROUNDING_S


def _layer(each: Reference | Mask, L: np.ndarray) -> Layer:
    if isinstance(each, Reference):
        return read_reference(each.picture, L)
    return one_colour(each.colour.ab, read_mask(each.picture, (L.shape[0], L.shape[1])))


def _within(seconds: float, times: Sequence[float]) -> bool:
    """Whether a time lies in a shot; its last frame lasts about as long as its others."""
    step = (times[-1] - times[0]) / max(1, len(times) - 1)
    return times[0] - _ROUNDING_S <= seconds < times[-1] + step


def _read(film: Path, start: float, end: float, first: int, colorizer: Colorizer) -> _Frames:
    info = probe(film)
    picture = picture_format(info, CODECS["ffv1"])
    window = TimeRange(
        info.begins + Fraction(max(0.0, start - _ROUNDING_S)).limit_denominator(10**6),
        info.begins + Fraction(end - _ROUNDING_S).limit_denominator(10**6),
    )
    turns, times, lightness = info.rotation // 90, [], []
    with frames_within(film, info, window, threads=allowed()) as (_, tick, frames):
        for timed in frames:
            L = small_lightness(to_picture_format(timed.frame, info, picture), info, picture, colorizer)
            lightness.append(np.rint(np.rot90(L, turns) * np.float32(2.55)).clip(0, 255).astype(np.uint8))
            times.append(float(timed.frame.pts * tick - info.begins))
    return _Frames(ShotFrames(lightness), times, first)
