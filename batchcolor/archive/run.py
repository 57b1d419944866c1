"""Running a plan: jobs through executors, one outcome an item."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BatchcolorError, ExitCode
from ..settings import Settings
from .executors import SerialExecutor, local_executor
from .plan import Item, Plan
from .walk import Kind

if TYPE_CHECKING:
    from ..colorizer import Colorizer
    from ..films import FilmProgress

_PHOTOS_PER_JOB = 8


class Status(StrEnum):
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item. error: the sentence for the user; code: the exit code of that kind of error; frames: of a film."""

    source: Path
    target: Path
    kind: Kind
    status: Status
    seconds: float = 0.0
    frames: int | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    code: ExitCode = ExitCode.OK

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
        if self.warnings:
            row["warnings"] = list(self.warnings)
        if self.error is not None:
            row |= {"error": self.error, "code": int(self.code)}
        return row


def failed(item: Item, error: Exception, seconds: float = 0.0) -> Outcome:
    """The outcome of an item that `error` ended; an error that is not ours is a bug, and says so."""
    ours = isinstance(error, BatchcolorError)
    sentence = str(error) if ours else f"{item.source}: internal error ({type(error).__name__}: {error}); please report it"
    code = error.exit_code if isinstance(error, BatchcolorError) else ExitCode.SOME_FAILED
    return Outcome(item.source, item.target, item.kind, Status.FAILED, seconds, error=sentence, code=code)


@dataclass(slots=True)
class Tally:
    """Counts outcomes, for the summary and the exit code."""

    up_to_date: int = 0
    done: int = 0
    failed: int = 0
    codes: set[ExitCode] | None = None

    def add(self, outcome: Outcome) -> None:
        if outcome.status is Status.DONE:
            self.done += 1
        else:
            self.failed += 1
            self.codes = (self.codes or set()) | {outcome.code}

    @property
    def exit_code(self) -> ExitCode:
        """OK, or the kind of error that ended every single item, or SOME_FAILED. Nothing at all: NOTHING_READABLE."""
        if self.failed == 0:
            return ExitCode.OK if self.done or self.up_to_date else ExitCode.NOTHING_READABLE
        if self.done == self.up_to_date == 0 and self.codes is not None and len(self.codes) == 1:
            return next(iter(self.codes))
        return ExitCode.SOME_FAILED


def run(
    plan: Plan,
    colorizer: Colorizer,
    settings: Settings,
    *,
    workers: int,
    should_stop: Callable[[], bool],
    on_film_progress: Callable[[Item, FilmProgress], None] | None = None,
) -> Iterator[Outcome]:
    """Colorize every item of `plan`, photos first; yields one outcome an item as each is finished.

    Photos go through `workers` threads; a film keeps all cores busy by itself, so films go one by one. When `should_stop` answers
    yes, photos under way are finished, a film under way is dropped, and the rest has no outcome.
    """
    for item, error in plan.refused:
        yield failed(item, error)

    def photo_job(batch: Sequence[Item]) -> list[Outcome]:
        return list(_colorize_photos(batch, colorizer, settings, should_stop))

    photos = plan.of_kind(Kind.PHOTO)
    batches = (photos[n : n + _PHOTOS_PER_JOB] for n in range(0, len(photos), _PHOTOS_PER_JOB))
    for outcome in local_executor(workers).map(photo_job, batches, should_stop):
        if outcome.error is not None:
            yield from (failed(item, outcome.error) for item in outcome.job)
        yield from outcome.result or []

    def film_job(item: Item) -> Outcome | None:
        return _colorize_film(item, colorizer, settings, should_stop, on_film_progress)

    for film in SerialExecutor().map(film_job, plan.of_kind(Kind.FILM), should_stop):
        if film.error is not None:
            yield failed(film.job, film.error)
        elif film.result is not None:
            yield film.result


def _colorize_photos(
    batch: Sequence[Item], colorizer: Colorizer, settings: Settings, should_stop: Callable[[], bool]
) -> Iterator[Outcome]:
    from ..photos import colorize_photos

    pairs = [(item.source, item.target) for item in batch]
    started = time.monotonic()
    for item, error in zip(
        batch, colorize_photos(pairs, colorizer, settings.photo, saturation=settings.saturation), strict=True
    ):
        seconds, started = time.monotonic() - started, time.monotonic()
        if error is not None:
            yield failed(item, error, seconds)
        else:
            yield Outcome(item.source, item.target, item.kind, Status.DONE, seconds)
        if should_stop():
            return


def _colorize_film(
    item: Item,
    colorizer: Colorizer,
    settings: Settings,
    should_stop: Callable[[], bool],
    on_progress: Callable[[Item, FilmProgress], None] | None,
) -> Outcome | None:
    """None for a film that was stopped."""
    from ..films import FilmStopped, colorize_film

    started = time.monotonic()
    try:
        result = colorize_film(
            item.source,
            item.target,
            colorizer,
            settings=settings.film,
            saturation=settings.saturation,
            upscaling=settings.photo.upscaling,
            on_progress=(lambda progress: on_progress(item, progress)) if on_progress else None,
            should_stop=should_stop,
        )
    except FilmStopped:
        return None
    return Outcome(
        item.source,
        item.target,
        item.kind,
        Status.DONE,
        time.monotonic() - started,
        frames=result.frames,
        warnings=result.warnings,
    )
