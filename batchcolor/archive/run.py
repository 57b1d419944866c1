"""Running a plan: jobs through executors, one outcome an item."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import ClusterError
from ..executors import Executor, Executors, JobContext
from ..settings import ModelSettings
from ..weights.store import find_weights, is_name, sha256_of
from .outcome import Outcome, Status, failed
from .plan import Item, Plan
from .walk import Kind

if TYPE_CHECKING:
    from ..engines.colorizer import Colorizer, EngineInfo
    from ..films import FilmProgress
    from ..photos import Provenance

_PHOTOS_PER_JOB = 8  # few enough that a stop is prompt; a GPU gets full batches, which take it no longer


def run(
    plan: Plan,
    model: ModelSettings,
    executors: Executors,
    *,
    should_stop: Callable[[], bool],
    measure: bool = False,
    on_engine: Callable[[EngineInfo], None] | None = None,
    on_film_progress: Callable[[Item, FilmProgress], None] | None = None,
) -> Iterator[Outcome]:
    """Colorize every item of `plan` by its own settings, photos first; yields the outcome of each item as it is finished.

    A job takes several photos, or a chunk of a film. When `should_stop` returns true, the photos in progress are finished, a film in
    progress keeps its finished chunks, and the rest has no outcome. model: the network for all of them. measure: whether to measure films
    for the report. on_engine: called once it is known what the network runs on. Raises what keeps the network from running at all:
    `ModelError`, `DeviceError`, `WorkerLost`, `ClusterError`.
    """
    for item, error in plan.refused:
        yield failed(item, error)
    if not plan.items:
        return
    engine_info = _engine_info(model, executors.photos, should_stop)
    if engine_info is None:
        return
    if on_engine is not None:
        on_engine(engine_info)
    model = engine_info.resolve_auto(model)

    photos = plan.of_kind(Kind.PHOTO)
    if photos:
        count = _PHOTOS_PER_JOB if engine_info.device == "cpu" else max(_PHOTOS_PER_JOB, model.batch_size)
        for outcome in executors.photos.map(PhotoWork(model, _provenance(model)), _batches(photos, count), should_stop):
            error = outcome.error
            found = (outcome.result or []) if error is None else [failed(item, error) for item in outcome.job]
            yield from (replace(item, lost=outcome.lost) for item in found)

    films = plan.of_kind(Kind.FILM)
    weights = sha256_of(find_weights(model.weights)) if films else ""
    for item in films:
        if should_stop():
            return
        film = _colorize_film(item, model, weights, executors.films, measure, should_stop, on_film_progress)
        if film is not None:
            yield film


def _batches(photos: Sequence[Item], count: int) -> Iterator[list[Item]]:
    """Photos in order, up to `count` neighbours that have the same settings."""
    for _, same in itertools.groupby(photos, key=lambda item: item.settings):
        waiting = iter(same)
        while batch := list(itertools.islice(waiting, count)):
            yield batch


def _engine_info(model: ModelSettings, executor: Executor, should_stop: Callable[[], bool]) -> EngineInfo | None:
    """What the network runs on where the jobs will run; None if the run ends before that is known."""
    for outcome in executor.map(_open, [model], should_stop):
        if outcome.error is not None:
            raise outcome.error
        return outcome.result
    return None


def _open(model: ModelSettings, _context: JobContext) -> EngineInfo:
    from ..engines.colorizer import EngineInfo, cached_colorizer

    return EngineInfo.by(cached_colorizer(model))


def _provenance(model: ModelSettings) -> Provenance:
    from ..photos import Provenance

    path = find_weights(model.weights)
    return Provenance(model.weights if is_name(model.weights) else path.name, sha256_of(path))


@dataclass(frozen=True, slots=True)
class PhotoWork:
    """What all photos have in common; may be sent to other processes."""

    model: ModelSettings
    provenance: Provenance

    def __call__(self, batch: Sequence[Item], context: JobContext) -> list[Outcome]:
        """The outcome of each photo of `batch`, in order; of fewer if the run is about to end. Their settings are the same."""
        from ..engines.colorizer import cached_colorizer

        return list(self._outcomes(batch, cached_colorizer(self.model), context))

    def _outcomes(self, batch: Sequence[Item], colorizer: Colorizer, context: JobContext) -> Iterator[Outcome]:
        from ..photos import Treatment, colorize_photos

        statuses = {Treatment.COLORIZED: Status.DONE, Treatment.COPIED: Status.COPIED, Treatment.SKIPPED: Status.SKIPPED}
        settings = batch[0].settings
        results = colorize_photos(
            [(item.source, item.target) for item in batch],
            colorizer,
            settings.photo,
            color=settings.color,
            provenance=self.provenance if settings.photo.provenance else None,
        )
        started = time.monotonic()
        for item, result in zip(batch, results, strict=True):
            seconds, started = time.monotonic() - started, time.monotonic()
            if result.error is not None:
                yield failed(item, result.error, seconds)
            else:
                status = statuses[result.treatment]
                yield Outcome(item.source, item.target, item.kind, status, seconds, warnings=result.warnings)
            if context.should_stop():
                return


def _colorize_film(
    item: Item,
    model: ModelSettings,
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
            replace(item.settings, model=model),
            weights=weights,
            executor=executor,
            measure=measure,
            on_progress=(lambda progress: on_progress(item, progress)) if on_progress else None,
            should_stop=should_stop,
        )
    except FilmStopped:
        return None
    except ClusterError:
        raise  # it is not this film's, and the next one would fare no better
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
