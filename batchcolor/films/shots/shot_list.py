"""Lists of shots as CSV: written by `batchcolor probe --shots`, edited by the user, read by `batchcolor colorize --shots`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TextIO

from ...errors import SourceError, UsageError
from ...runtime.regular_file import require_regular_file
from ..input.probe import probe, tick
from ..input.time_range import TimeRange
from ..output.encode import picture_format
from ..output.encoders import CODECS
from .first_pass import FirstPass

_MAX_LIST_BYTES = 64 << 20
_TIME = re.compile(r"-?\d{1,9}(\.\d{0,30})?(e[+-]?\d)?|\d{1,15}/\d{1,15}", re.ASCII | re.IGNORECASE)
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
    first = last = None
    frames = 0
    for frame in FirstPass(source, info, picture, TimeRange()):
        if first is None or frame.shot != first.shot:
            if first is not None and last is not None:
                yield Shot(float(first.pts * clock), float(frame.pts * clock), frames)
            first, frames = frame, 0
        last, frames = frame, frames + 1
    if first is not None and last is not None:
        yield Shot(float(first.pts * clock), float((last.pts + last.duration) * clock), frames)


def write_shots(shots: Iterable[Shot], file: TextIO) -> None:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for number, shot in enumerate(shots, 1):
        rows.writerow((number, f"{shot.start:.3f}", f"{shot.end:.3f}", shot.frames))


def _seconds(text: str) -> float:
    """A decimal number or a fraction such as 1001/24. Raises `ValueError`."""
    # Fraction computes powers of ten in full: 1e99999999 would take days.
    if _TIME.fullmatch(text.strip()) is None:
        raise ValueError("not a time in a film")
    return float(Fraction(text.strip()))


def read_cuts(path: Path) -> tuple[float, ...]:
    """Seconds at which shots begin, from a list of shots: the column `start_s` alone counts. Raises `UsageError`."""
    try:
        require_regular_file(path)
    except SourceError as exc:
        raise UsageError(str(exc)) from exc
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            raise UsageError(f"{path}: is larger than a list of shots is ({_MAX_LIST_BYTES >> 20} MB)")
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
            cuts.append(_seconds(start))
        except (ValueError, TypeError, ZeroDivisionError) as exc:
            raise UsageError(f"{path}, line {line}: {str(start)[:40]!r} is not a time in seconds") from exc
    return tuple(sorted(cuts))
