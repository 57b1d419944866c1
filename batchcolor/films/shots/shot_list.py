"""Lists of shots as CSV: found by `batchcolor probe --shots`, edited by anybody, obeyed by `batchcolor colorize --shots`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TextIO

from ...errors import UsageError
from ..input.probe import probe, tick
from ..output.encode import picture_format
from ..output.encoders import CODECS
from ..time_range import TimeRange
from .first_pass import FirstPass

COLUMNS = ("shot", "start_s", "end_s", "frames")


@dataclass(frozen=True, slots=True)
class Shot:
    """start, end: seconds of film time, end exclusive."""

    start: float
    end: float
    frames: int


def find_shots(source: Path) -> Iterator[Shot]:
    """The shots of a film, in order, as `colorize` would find them. Raises `SourceError`."""
    info = probe(source)
    picture = picture_format(info, CODECS["ffv1"])
    clock = tick(source)
    begun = last = None
    frames = 0
    for frame in FirstPass(source, info, picture, TimeRange()):
        if begun is None or frame.shot != begun.shot:
            if begun is not None and last is not None:
                yield Shot(float(begun.pts * clock), float(frame.pts * clock), frames)
            begun, frames = frame, 0
        last, frames = frame, frames + 1
    if begun is not None and last is not None:
        yield Shot(float(begun.pts * clock), float((last.pts + last.duration) * clock), frames)


def write_shots(shots: Iterable[Shot], file: TextIO) -> None:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for number, shot in enumerate(shots, 1):
        rows.writerow((number, f"{shot.start:.3f}", f"{shot.end:.3f}", shot.frames))


def read_cuts(path: Path) -> tuple[float, ...]:
    """Seconds at which shots begin, from a list of shots: the column `start_s` alone counts. Raises `UsageError`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if "start_s" not in (rows.fieldnames or ()):
                raise UsageError(f"{path}: has no column start_s; make a list with: batchcolor probe --shots FILM")
            starts = [(rows.line_num, row["start_s"]) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise UsageError(f"{path}: cannot be read as a list of shots ({exc})") from exc
    cuts = []
    for line, start in starts:
        try:
            cuts.append(float(Fraction(start)))
        except (ValueError, TypeError, ZeroDivisionError) as exc:
            raise UsageError(f"{path}, line {line}: {start!r} is no time in seconds") from exc
    return tuple(sorted(cuts))
