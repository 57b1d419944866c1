"""A first look at all of a film, without colour: when every frame is shown, where shots begin, whether pictures are interlaced."""

from __future__ import annotations

import bisect
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..settings import FilmSettings
from ..threads import allowed
from .cuts import shots
from .encode import PictureFormat
from .fields import FieldDetector
from .lightness import lightness
from .planes import luma_plane, normalized
from .probe import FilmInfo, picture_stream, reading
from .read import Pictures

_SHARE = 4  # of the cores, one in so many decodes for the survey, which is as far ahead of the rest with it
_SIZE = (256, 192)  # a first, quick reduction; cuts are looked for in less


class Glance(NamedTuple):
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
    """As `Glance`, before shots are known."""

    seconds: Fraction
    pts: int
    duration: int
    L: np.ndarray
    fingerprint: int
    order: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a film that is wanted, in seconds of its own clock; None: to its end."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None

    @classmethod
    def of(cls, film: FilmSettings) -> Window:
        start = Fraction(film.start).limit_denominator(10**6)
        return cls(start, None if film.duration is None else start + Fraction(film.duration).limit_denominator(10**6))

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.end is None

    def holds(self, seconds: Fraction) -> bool:
        return self.whole or (seconds >= self.start and not self.is_over(seconds))

    def frames(self, info: FilmInfo) -> int | None:
        """About how many frames of a film lie within; None where its headers say nothing."""
        if self.whole or info.frames is None or not info.duration_s:
            return info.frames
        start, end = float(self.start), float(self.end or info.duration_s)
        share = (min(end, info.duration_s) - start) / info.duration_s
        return max(0, round(info.frames * min(1.0, share)))

    def is_over(self, seconds: Fraction) -> bool:
        return self.end is not None and seconds >= self.end


class Survey:
    """Iterating gives a `Glance` a frame, once. broken, timeless: as `Pictures` has them. Raises `SourceError`."""

    def __init__(
        self, source: Path, info: FilmInfo, picture: PictureFormat, window: Window, cuts: Sequence[float] | None = None
    ) -> None:
        """cuts: seconds at which shots begin; None: to be found."""
        self.broken = self.timeless = 0
        self._source, self._info, self._picture, self._window, self._cuts = source, info, picture, window, cuts

    def __iter__(self) -> Iterator[Glance]:
        looks = self._looks()
        numbered = shots(looks, lambda look: look.L) if self._cuts is None else _numbered(looks, self._cuts)
        for shot, look in numbered:
            yield Glance(look.pts, look.duration, shot, look.fingerprint, look.order)

    def _looks(self) -> Iterator[_Look]:
        detector = FieldDetector()
        with reading(self._source) as container:
            stream = picture_stream(self._source, container)
            pictures = Pictures(self._source, container, stream, threads=max(1, allowed() // _SHARE))
            if self._window.start > 0:
                pictures.seek(self._window.start)
            for frame in pictures:
                seconds = frame.pts * stream.time_base
                if self._window.is_over(seconds):
                    break
                if not self._window.holds(seconds):
                    continue
                order = detector.order(frame)
                luma = luma_plane(normalized(frame, self._info, self._picture))
                small = cv2.resize(luma, _SIZE, interpolation=cv2.INTER_LINEAR)
                self.broken, self.timeless = pictures.broken, pictures.timeless
                yield _Look(
                    seconds, frame.pts, frame.duration or 0, lightness(small, self._picture.coding), fingerprint(luma), order
                )
            self.broken, self.timeless = pictures.broken, pictures.timeless


def fingerprint(luma: np.ndarray) -> int:
    """Equal for equal luma `(H, W)`, nearly always different else; of every eighth sample, for speed."""
    return zlib.crc32(luma[::8, ::8].tobytes())


def _numbered(looks: Iterable[_Look], cuts: Sequence[float]) -> Iterator[tuple[int, _Look]]:
    """Shots that begin with the first frame at or after each cut; a millisecond is forgiven, lists are rounded."""
    starts = sorted(cuts)
    shot = passed = 0
    for number, look in enumerate(looks):
        reached = bisect.bisect_right(starts, float(look.seconds) + 1e-3)
        shot += reached > passed and number > 0
        passed = reached
        yield shot, look
