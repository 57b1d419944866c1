"""Running a plan: jobs through executors, one outcome an item."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BatchcolorError, ExitCode
from ..executors import Desk, Executor, ProcessExecutor, SerialExecutor, local_executor
from ..settings import Settings
from ..weights.store import find_weights, is_name, sha256_of
from .plan import Item, Plan
from .walk import Kind

if TYPE_CHECKING:
    from ..colorizer import Colorizer
    from ..films import FilmProgress
    from ..photos import Provenance

_PHOTOS_PER_JOB = 8


class Status(StrEnum):
    """What became of an item. copied, skipped: a photo that has colour already, as `PhotoSettings.color_pages` says."""

    DONE = "done"
    COPIED = "copied"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item. error: the sentence for the user; code: the exit code of that kind of error; frames, film: of a film, and
    what else is known of it (`films.FilmResult.as_dict`)."""

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


def run(
    plan: Plan,
    colorizer: Colorizer,
    settings: Settings,
    *,
    workers: int,
    should_stop: Callable[[], bool],
    measure: bool = False,
    on_film_progress: Callable[[Item, FilmProgress], None] | None = None,
) -> Iterator[Outcome]:
    """Colorize every item of `plan`, photos first; yields one outcome an item as each is finished.

    Photos go through `workers` threads; films go one by one, each in chunks through as many processes. When `should_stop` answers yes,
    photos under way are finished, the film under way stays as far as its chunks are finished, and the rest has no outcome. measure:
    whether figures of films are taken for the report.
    """
    for item, error in plan.refused:
        yield failed(item, error)

    photos = plan.of_kind(Kind.PHOTO)
    provenance = _provenance(settings) if photos and settings.photo.provenance else None

    def photo_job(batch: Sequence[Item], desk: Desk) -> list[Outcome]:
        return list(_colorize_photos(batch, colorizer, settings, provenance, desk.should_stop))

    batches = (photos[n : n + _PHOTOS_PER_JOB] for n in range(0, len(photos), _PHOTOS_PER_JOB))
    for outcome in local_executor(workers).map(photo_job, batches, should_stop):
        if outcome.error is not None:
            yield from (failed(item, outcome.error) for item in outcome.job)
        yield from outcome.result or []

    films = plan.of_kind(Kind.FILM)
    weights = sha256_of(find_weights(settings.model.weights)) if films else ""
    executor: Executor = SerialExecutor() if workers == 1 else ProcessExecutor(workers)
    # What "auto" came to here, so that every process computes alike.
    engine = colorizer.engine
    model = replace(settings.model, engine=engine.name, device=engine.device, precision=engine.precision)
    settings = replace(settings, model=model)
    for item in films:
        if should_stop():
            return
        film = _colorize_film(item, settings, weights, executor, measure, should_stop, on_film_progress)
        if film is not None:
            yield film


def _provenance(settings: Settings) -> Provenance:
    from ..photos import Provenance

    path = find_weights(settings.model.weights)
    return Provenance(settings.model.weights if is_name(settings.model.weights) else path.name, sha256_of(path))


def _colorize_photos(
    batch: Sequence[Item],
    colorizer: Colorizer,
    settings: Settings,
    provenance: Provenance | None,
    should_stop: Callable[[], bool],
) -> Iterator[Outcome]:
    from ..photos import Treatment, colorize_photos

    statuses = {Treatment.COLORIZED: Status.DONE, Treatment.COPIED: Status.COPIED, Treatment.SKIPPED: Status.SKIPPED}
    results = colorize_photos(
        [(item.source, item.target) for item in batch],
        colorizer,
        settings.photo,
        saturation=settings.saturation,
        provenance=provenance,
    )
    started = time.monotonic()
    for item, result in zip(batch, results, strict=True):
        seconds, started = time.monotonic() - started, time.monotonic()
        if result.error is not None:
            yield failed(item, result.error, seconds)
        else:
            status = statuses[result.treatment]
            yield Outcome(item.source, item.target, item.kind, status, seconds, warnings=result.warnings)
        if should_stop():
            return


def _colorize_film(
    item: Item,
    settings: Settings,
    weights: str,
    executor: Executor,
    measure: bool,
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
            settings,
            weights=weights,
            executor=executor,
            measure=measure,
            on_progress=(lambda progress: on_progress(item, progress)) if on_progress else None,
            should_stop=should_stop,
        )
    except FilmStopped:
        return None
    except Exception as exc:
        return failed(item, exc, time.monotonic() - started)
    return Outcome(
        item.source,
        item.target,
        item.kind,
        Status.DONE,
        result.seconds,
        frames=result.frames,
        film=result.as_dict(),
        warnings=result.warnings,
    )
