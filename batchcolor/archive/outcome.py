"""What became of an item, and the count of a whole run."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import BatchcolorError, ExitCode
from ..runtime.file_stamp import FileStamp
from .plan import Item
from .walk import Kind


class Status(StrEnum):
    """What became of an item. copied, skipped: a photo or film that has colour already, as `PhotoSettings.color_pages` says."""

    DONE = "done"
    COPIED = "copied"
    SKIPPED = "skipped"
    FAILED = "failed"


class Thumbnail(NamedTuple):
    """address: a data URL; size: width and height in pixels."""

    address: str
    size: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item. error: the sentence for the user; code: the exit code of that kind of error; frames, film: of a film, and
    what else is known of it (`films.FilmResult.as_dict`). toned: whether it is black-and-white with a tint, a film in part. lost: workers
    that ended while they wrote it or its neighbours. traceback: of an error that was not expected, for the log. source_stamp: the
    source's size and time from before it was read; None: unknown. thumbnails: of source and result, as `thumbnails.thumbnails` makes
    them; None: not made yet."""

    source: Path
    target: Path
    kind: Kind
    status: Status
    seconds: float = 0.0
    frames: int | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    code: ExitCode = ExitCode.OK
    film: dict[str, Any] = field(default_factory=dict)
    toned: bool = False
    lost: int = 0
    traceback: str | None = None
    source_stamp: FileStamp | None = None
    thumbnails: tuple[Thumbnail | None, Thumbnail | None] | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON values, without what is empty."""
        row: dict[str, Any] = {
            "source": str(self.source),
            "target": str(self.target),
            "kind": self.kind.value,
            "status": self.status.value,
            "seconds": round(self.seconds, 3),
        }
        if self.frames is not None:
            row["frames"] = self.frames
        if self.film:
            row["film"] = self.film
        if self.toned:
            row["toned"] = True
        if self.warnings:
            row["warnings"] = list(self.warnings)
        if self.error is not None:
            row |= {"error": self.error, "code": int(self.code)}
        return row


def failed(item: Item, error: Exception, seconds: float = 0.0, source_stamp: FileStamp | None = None) -> Outcome:
    """The outcome of an item that `error` ended, whose sentence names the item; an error that is not ours is a bug, and says so."""
    ours = isinstance(error, BatchcolorError)
    sentence = str(error) if ours else f"internal error ({type(error).__name__}: {error}); please report it"
    if not any(str(path) in sentence for path in (item.source, item.target)):
        sentence = f"{item.source}: {sentence}"
    code = error.exit_code if isinstance(error, BatchcolorError) else ExitCode.SOME_FAILED
    trace = None if ours else "".join(traceback.format_exception(error)).rstrip()
    return Outcome(
        item.source,
        item.target,
        item.kind,
        Status.FAILED,
        seconds,
        error=sentence,
        code=code,
        traceback=trace,
        source_stamp=source_stamp,
    )


@dataclass(slots=True)
class Tally:
    """Counts outcomes, for the summary and the exit code."""

    up_to_date: int = 0
    counts: Counter[Status] = field(default_factory=Counter)
    codes: set[ExitCode] = field(default_factory=set)

    def add(self, outcome: Outcome) -> None:
        self.counts[outcome.status] += 1
        if outcome.status is Status.FAILED:
            self.codes.add(outcome.code)

    @property
    def failed(self) -> int:
        return self.counts[Status.FAILED]

    @property
    def finished(self) -> int:
        """Items that have an outcome, whichever."""
        return self.counts.total()

    @property
    def exit_code(self) -> ExitCode:
        """OK, or the kind of error that ended every single item, or SOME_FAILED. Nothing at all: NOTHING_READABLE."""
        well = self.finished - self.failed + self.up_to_date
        if self.failed == 0:
            return ExitCode.OK if well else ExitCode.NOTHING_READABLE
        if not well and len(self.codes) == 1:
            return next(iter(self.codes))
        return ExitCode.SOME_FAILED
