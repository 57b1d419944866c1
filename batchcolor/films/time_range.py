"""The part of a film that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..settings import FilmSettings
from .input.probe import FilmInfo


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The part of a film that is wanted, in seconds of film time; None: to its end."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None

    @classmethod
    def of(cls, film: FilmSettings, info: FilmInfo) -> TimeRange:
        """The settings count from where the film begins, whatever its clock says there."""
        if not film.start and film.duration is None:
            return cls()
        start = info.begins + Fraction(film.start).limit_denominator(10**6)
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
        first, last = float(info.begins), float(info.begins) + info.duration_s
        start, end = float(self.start), last if self.end is None else float(self.end)
        share = (min(end, last) - max(start, first)) / info.duration_s
        return max(0, round(info.frames * min(1.0, share)))

    def is_over(self, seconds: Fraction) -> bool:
        return self.end is not None and seconds >= self.end
