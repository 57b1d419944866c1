"""The part of a film that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ...errors import SourceError, UsageError
from ...settings import FilmSettings
from .probe import FilmInfo


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The part of a film that is wanted, in seconds of film time; None: to its end."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None

    @classmethod
    def of(cls, film: FilmSettings, info: FilmInfo) -> TimeRange:
        """Settings count from where the film begins, whatever its clock says there. Raises `UsageError` for a start beyond the end."""
        if not film.start and film.duration is None:
            return cls()
        if info.duration_stated and info.duration_s and film.start >= info.duration_s:
            raise UsageError(f"--start {film.start:g}: the film is over by then; it lasts {info.duration_s:.2f} s")
        start = info.begins + Fraction(film.start).limit_denominator(10**6)
        return cls(start, None if film.duration is None else start + Fraction(film.duration).limit_denominator(10**6))

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.end is None

    def holds(self, seconds: Fraction) -> bool:
        return self.whole or (seconds >= self.start and not self.is_over(seconds))

    def without_frames(self, source: Path) -> SourceError | UsageError:
        """The error for a film of which not one frame lies within."""
        if self.whole:
            return SourceError(f"{source}: not one picture could be decoded; the file is damaged, cut off or shorter")
        return UsageError(f"{source}: has no frame from --start on within --duration; it is shorter, or damaged there")

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
