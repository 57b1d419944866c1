"""Where the points of a film are on another frame of their shot, found as a run finds it (`films/chroma/propagation.py`)."""

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

from ..colours.model import Point
from ..colours.spread import Spot
from ..colours.still import ChosenSpot
from ..engines.colorizer import Colorizer
from ..films.chroma.propagation import PlacedPoint, ShotFrames, propagate_points
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

    def index(self, seconds: float) -> int | None:
        """Of the frame that is shown at a time; None where that is another shot's."""
        if not self.times or seconds < self.times[0] - _ROUNDING_S:
            return None
        return bisect.bisect_right(self.times, seconds + _ROUNDING_S) - 1


class PointPropagation:
    """Follows points through shots. Safe to be used from several threads; one shot at a time is read."""

    def __init__(self, colorizer: Callable[[], Colorizer]) -> None:
        self._colorizer = colorizer
        self._frames: OrderedDict[tuple[Path, float, float], _Frames] = OrderedDict()
        self._lock = threading.Lock()

    def on_frame(
        self, film: Path, shot: dict[str, Any] | None, points: Sequence[Point], seconds: float
    ) -> list[tuple[float, float] | None]:
        """Where each point is on the frame at `seconds`; None where it does not come.

        shot: its start and end in seconds since the film begins, and the number of its first frame; None: not known yet, so that only
        points of this very frame count. Raises `SourceError`.
        """
        near = [point for point in points if _is_at(point, seconds)]
        if shot is None or len(near) == len(points):
            return [point.at if point in near else None for point in points]
        with self._lock:
            frames = self._of(film, shot, seconds)
            return [self._place(frames, point, seconds) for point in points]

    def _of(self, film: Path, shot: dict[str, Any], seconds: float) -> _Frames:
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
        here = frames.index(seconds)
        if point.frame is not None:
            chosen = point.frame - frames.first if frames.first >= 0 else None
        else:
            chosen = frames.index(point.time or 0.0) if _within(point.time or 0.0, frames.times) else None
        if here is None or chosen is None or not 0 <= chosen < len(frames.times):
            return None
        same = dataclasses.replace(point, note="")
        if same not in frames.tracks:
            reach = _reach(point, chosen, frames.times)
            placed = PlacedPoint(chosen, ChosenSpot(Spot(*point.at, point.size), point.colour.ab), reach)
            frames.tracks[same] = propagate_points(frames.shot, [placed])[0][:, 0]
        x, y = frames.tracks[same][here]
        return (float(x), float(y)) if np.isfinite(x) else None


def _is_at(point: Point, seconds: float) -> bool:
    return point.time is not None and abs(point.time - seconds) <= _ROUNDING_S


def _within(seconds: float, times: Sequence[float]) -> bool:
    """Whether a time lies in a shot; its last frame lasts about as long as its others."""
    step = (times[-1] - times[0]) / max(1, len(times) - 1)
    return times[0] - _ROUNDING_S <= seconds < times[-1] + step


def _reach(point: Point, frame: int, times: Sequence[float]) -> tuple[int, int]:
    if point.through.kind == "frame":
        return frame, frame
    if point.through.kind == "duration":
        first = bisect.bisect_left(times, times[frame] - point.through.seconds - _ROUNDING_S)
        return first, bisect.bisect_right(times, times[frame] + point.through.seconds + _ROUNDING_S) - 1
    return 0, len(times)


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
