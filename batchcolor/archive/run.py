"""Running a plan: jobs through executors, one outcome an item."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import ClusterError, WorkerLost
from ..executors import Executor, Executors, JobContext
from ..settings import ModelSettings, Settings
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
    settings: Settings,
    executors: Executors,
    *,
    should_stop: Callable[[], bool],
    measure: bool = False,
    on_engine: Callable[[EngineInfo], None] | None = None,
    on_film_progress: Callable[[Item, FilmProgress], None] | None = None,
) -> Iterator[Outcome]:
    """Colorize every item of `plan`, photos first; yields one outcome an item as each is finished.

    Photos go several to a job; films go one by one, each in chunks. When `should_stop` answers yes, photos under way are finished, the
    film under way stays as far as its chunks are finished, and the rest has no outcome. measure: whether figures of films are taken for
    the report. on_computed: told what the network runs on, once it is known. Raises what keeps the network from running at all:
    `ModelError`, `DeviceError`, `WorkerLost`, `ClusterError`.
    """
    for item, error in plan.refused:
        yield failed(item, error)
    if not plan.items:
        return
    engine_info = _computed(settings.model, executors.photos, should_stop)
    if engine_info is None:
        return
    if on_engine is not None:
        on_engine(engine_info)
    settings = replace(settings, model=engine_info.resolve_auto(settings.model))

    photos = plan.of_kind(Kind.PHOTO)
    if photos:
        provenance = _provenance(settings) if settings.photo.provenance else None
        count = _PHOTOS_PER_JOB if engine_info.device == "cpu" else max(_PHOTOS_PER_JOB, settings.model.batch_size)
        batches = (photos[n : n + count] for n in range(0, len(photos), count))
        for outcome in executors.photos.map(PhotoWork(settings, provenance), batches, should_stop):
            if outcome.error is not None:
                found = [failed(item, _named(item, outcome.error)) for item in outcome.job]
            else:
                found = outcome.result or []
            yield from (replace(item, lost=outcome.lost) for item in found)

    films = plan.of_kind(Kind.FILM)
    weights = sha256_of(find_weights(settings.model.weights)) if films else ""
    for item in films:
        if should_stop():
            return
        film = _colorize_film(item, settings, weights, executors.films, measure, should_stop, on_film_progress)
        if film is not None:
            yield film


def _computed(model: ModelSettings, executor: Executor, should_stop: Callable[[], bool]) -> EngineInfo | None:
    """What the settings come to where the jobs will run; None where the run ends before that is known."""
    for outcome in executor.map(_open, [model], should_stop):
        if outcome.error is not None:
            raise outcome.error
        return outcome.result
    return None


def _open(model: ModelSettings, _desk: JobContext) -> EngineInfo:
    from ..engines.colorizer import EngineInfo, cached_colorizer

    return EngineInfo.by(cached_colorizer(model))


def _named(item: Item, error: Exception) -> Exception:
    """A lost worker's error knows no path."""
    return WorkerLost(f"{item.source}: {error}") if isinstance(error, WorkerLost) else error


def _provenance(settings: Settings) -> Provenance:
    from ..photos import Provenance

    path = find_weights(settings.model.weights)
    return Provenance(settings.model.weights if is_name(settings.model.weights) else path.name, sha256_of(path))


@dataclass(frozen=True, slots=True)
class PhotoWork:
    """What all photos have in common; may be sent to other processes."""

    settings: Settings
    provenance: Provenance | None

    def __call__(self, batch: Sequence[Item], context: JobContext) -> list[Outcome]:
        """The outcome of each photo of `batch`, in order; of fewer where the run is about to end."""
        from ..engines.colorizer import cached_colorizer

        return list(self._outcomes(batch, cached_colorizer(self.settings.model), context))

    def _outcomes(self, batch: Sequence[Item], colorizer: Colorizer, context: JobContext) -> Iterator[Outcome]:
        from ..photos import Treatment, colorize_photos

        statuses = {Treatment.COLORIZED: Status.DONE, Treatment.COPIED: Status.COPIED, Treatment.SKIPPED: Status.SKIPPED}
        results = colorize_photos(
            [(item.source, item.target) for item in batch],
            colorizer,
            self.settings.photo,
            saturation=self.settings.saturation,
            provenance=self.provenance,
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
