"""A first look at all of a film, without colour: when every frame is shown, where shots begin, whether pictures are interlaced."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ...runtime.thread_budget import allowed
from ..input.clock import ClockChange, SyncPoint
from ..input.damage import Damage
from ..input.decode import FrameDecoder
from ..input.interlacing import FieldDetector
from ..input.lightness import lightness
from ..input.part import frames_within
from ..input.planes import fingerprint, luma_plane, to_picture_format
from ..input.probe import FilmInfo
from ..input.time_range import TimeRange
from ..picture_format import PictureFormat
from .color import ShotColor, frame_color, with_colors
from .cuts import shots
from .returning import ReturningShots

_SHARE = 4  # of the cores, one in so many decodes for the survey, which is as far ahead of the rest with it
_STEPS_BACK_S = (0, 10, 60)
_SIZE = (256, 192)  # a first, quick reduction; cuts are looked for in less


class FrameInfo(NamedTuple):
    """A frame, as the first pass has seen it.

    pts, duration: film time, in ticks of its stream. shot: number of its shot. fingerprint: of its luma, to recognize it when it is
    decoded again. order: of its fields, as `FieldDetector` tells. stamp: its time as decoded, as `TimedFrame` has it. places: in the
    file from which it can be decoded, the nearest first, as far as they are known. color: of its shot. chosen: file
    of the colours that somebody chose for its shot, "" for none, and in_shot: its place there (`chunks.chosen.marked`). returns:
    number of the shot to which its own returns (`ReturningShots`).
    """

    pts: int
    duration: int
    shot: int
    fingerprint: int
    order: int | None
    stamp: int | None = None
    places: tuple[SyncPoint, ...] = ()
    color: ShotColor = ShotColor.GRAY
    chosen: str = ""
    in_shot: int = 0
    returns: int | None = None


class _FrameScan(NamedTuple):
    """As `FrameInfo`, before shots are known; color: of this frame alone."""

    seconds: Fraction
    pts: int
    duration: int
    L: np.ndarray
    fingerprint: int
    order: int | None
    stamp: int | None
    places: tuple[SyncPoint, ...]
    color: ShotColor | None


class FirstPass:
    """Iterating gives a `FrameInfo` a frame, once. Raises `SourceError`.

    Known when it is over: damage, untimed as `FrameDecoder` has them; changes: the clocks of the film, as `FilmClock` has them; ends_s:
    film time at which the last frame ends.
    """

    def __init__(
        self, source: Path, info: FilmInfo, picture: PictureFormat, window: TimeRange, cuts: Sequence[float] | None = None
    ) -> None:
        """cuts: seconds at which shots begin; None: to be found."""
        self.damage: tuple[Damage, ...] = ()
        self.untimed = 0
        self.changes: tuple[ClockChange, ...] = (ClockChange(Fraction(0), -info.origin),)
        self.ends_s = 0.0
        self._source, self._info, self._picture, self._window, self._cuts = source, info, picture, window, cuts

    def __iter__(self) -> Iterator[FrameInfo]:
        scans = self._scans()
        numbered = shots(scans, lambda scan: scan.L) if self._cuts is None else _numbered(scans, self._cuts)
        seen = ((shot, scan, scan.color) for shot, scan in numbered)
        returning = ReturningShots()
        for shot, scan, color in with_colors(seen):
            yield FrameInfo(
                scan.pts,
                scan.duration,
                shot,
                scan.fingerprint,
                scan.order,
                scan.stamp,
                scan.places,
                color,
                returns=returning.of(shot, scan.L, color),
            )

    def _scans(self) -> Iterator[_FrameScan]:
        fields = FieldDetector()
        with frames_within(
            self._source, self._info, self._window, threads=max(1, allowed() // _SHARE), positions=self._info.bytes_seekable
        ) as (decoder, tick, frames):
            for frame, stamp in frames:
                order, color = fields.order(frame), frame_color(frame, self._info)
                luma = luma_plane(to_picture_format(frame, self._info, self._picture))
                small = cv2.resize(luma, _SIZE, interpolation=cv2.INTER_LINEAR)
                self.ends_s = float((frame.pts + (frame.duration or 0)) * tick)
                self._learn(decoder)
                yield _FrameScan(
                    frame.pts * tick,
                    frame.pts,
                    frame.duration or 0,
                    lightness(small, self._picture.coding),
                    fingerprint(luma),
                    order,
                    stamp,
                    _places(decoder.clock.sync_points, frame.pts, round(1 / tick)),
                    color,
                )
            self._learn(decoder)

    def _learn(self, decoder: FrameDecoder) -> None:
        window = self._window
        self.damage = tuple(
            one
            for one in decoder.damage.found
            if one.end_s >= window.start and (window.end is None or one.start_s < window.end)
        )
        self.untimed = decoder.untimed
        self.changes = tuple(decoder.clock.changes)


def _places(points: Sequence[SyncPoint], pts: int, second: int) -> tuple[SyncPoint, ...]:
    """Places to decode a frame from: not the nearest one, whose first pictures may need those before it, but the one before; then
    some seconds earlier."""
    found = []
    for back in _STEPS_BACK_S:
        at = bisect.bisect_right(points, pts - back * second, key=lambda point: point.time) - 2
        if at >= 0 and points[at] not in found:
            found.append(points[at])
    return tuple(found)


def _numbered(scans: Iterable[_FrameScan], cuts: Sequence[float]) -> Iterator[tuple[int, _FrameScan]]:
    """Shots that begin with the first frame at or after each cut; a millisecond is forgiven, lists are rounded."""
    starts = sorted(cuts)
    shot = passed = 0
    for number, scan in enumerate(scans):
        reached = bisect.bisect_right(starts, float(scan.seconds) + 1e-3)
        shot += reached > passed and number > 0
        passed = reached
        yield shot, scan
