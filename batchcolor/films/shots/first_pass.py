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
from ..input.decode import FrameDecoder
from ..input.interlacing import FieldDetector
from ..input.lightness import lightness
from ..input.planes import fingerprint, luma_plane, to_picture_format
from ..input.probe import FilmInfo, picture_stream, reading
from ..output.encode import PictureFormat
from ..time_range import TimeRange
from .cuts import shots

_SHARE = 4  # of the cores, one in so many decodes for the survey, which is as far ahead of the rest with it
_SIZE = (256, 192)  # a first, quick reduction; cuts are looked for in less


class FrameInfo(NamedTuple):
    """A frame, as a survey has seen it.

    pts, duration: in ticks of its stream. shot: number of its shot. fingerprint: of its luma, to recognize it when it is decoded again.
    order: of its fields, as `FieldDetector` tells.
    """

    pts: int
    duration: int
    shot: int
    fingerprint: int
    order: int | None


class _Look(NamedTuple):
    """As `FrameInfo`, before shots are known."""

    seconds: Fraction
    pts: int
    duration: int
    L: np.ndarray
    fingerprint: int
    order: int | None


class FirstPass:
    """Iterating gives a `FrameInfo` a frame, once. broken, timeless: as `FrameDecoder` has them. Raises `SourceError`."""

    def __init__(
        self, source: Path, info: FilmInfo, picture: PictureFormat, window: TimeRange, cuts: Sequence[float] | None = None
    ) -> None:
        """cuts: seconds at which shots begin; None: to be found."""
        self.damaged = self.untimed = 0
        self._source, self._info, self._picture, self._window, self._cuts = source, info, picture, window, cuts

    def __iter__(self) -> Iterator[FrameInfo]:
        looks = self._looks()
        numbered = shots(looks, lambda look: look.L) if self._cuts is None else _numbered(looks, self._cuts)
        for shot, look in numbered:
            yield FrameInfo(look.pts, look.duration, shot, look.fingerprint, look.order)

    def _looks(self) -> Iterator[_Look]:
        detector = FieldDetector()
        with reading(self._source) as container:
            stream = picture_stream(self._source, container)
            pictures = FrameDecoder(self._source, container, stream, threads=max(1, allowed() // _SHARE))
            if self._window.start > 0:
                pictures.seek(self._window.start)
            for frame in pictures:
                seconds = frame.pts * stream.time_base
                if self._window.is_over(seconds):
                    break
                if not self._window.holds(seconds):
                    continue
                order = detector.order(frame)
                luma = luma_plane(to_picture_format(frame, self._info, self._picture))
                small = cv2.resize(luma, _SIZE, interpolation=cv2.INTER_LINEAR)
                self.damaged, self.untimed = pictures.damaged, pictures.untimed
                yield _Look(
                    seconds, frame.pts, frame.duration or 0, lightness(small, self._picture.coding), fingerprint(luma), order
                )
            self.damaged, self.untimed = pictures.damaged, pictures.untimed


def _numbered(looks: Iterable[_Look], cuts: Sequence[float]) -> Iterator[tuple[int, _Look]]:
    """Shots that begin with the first frame at or after each cut; a millisecond is forgiven, lists are rounded."""
    starts = sorted(cuts)
    shot = passed = 0
    for number, look in enumerate(looks):
        reached = bisect.bisect_right(starts, float(look.seconds) + 1e-3)
        shot += reached > passed and number > 0
        passed = reached
        yield shot, look
