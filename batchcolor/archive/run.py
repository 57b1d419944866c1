"""Running a plan: jobs through executors, one outcome an item."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..executors import Executor, Executors, JobContext
from ..provenance import of_weights
from ..runtime.file_stamp import follow
from ..settings import ModelSettings, Times
from ..weights.store import find_weights, sha256_of
from .film_jobs import FilmWork, OnFilmProgress, film_outcomes
from .outcome import Outcome, Status, failed
from .photo_jobs import PhotoWork, photo_outcomes, photos_per_job
from .plan import Plan
from .records import Records
from .walk import Kind

if TYPE_CHECKING:
    from ..engines.engine_info import EngineInfo


def run(
    plan: Plan,
    model: ModelSettings,
    executors: Executors,
    *,
    should_stop: Callable[[], bool],
    times: Times = "source",
    records: Records | None = None,
    measure: bool = False,
    thumbnail_side: int | None = None,
    on_engine: Callable[[EngineInfo], None] | None = None,
    on_film_progress: OnFilmProgress | None = None,
) -> Iterator[Outcome]:
    """Colorize every item of `plan` by its own settings, photos first; yields the outcome of each item as it is finished.

    A job takes several photos, or a chunk of a film. When `should_stop` returns true, the photos in progress are finished, a film in
    progress keeps its finished chunks, and the rest has no outcome. model: the network for all of them. times: of the results. records:
    what is written beside each result. measure: whether to measure films for the report. thumbnail_side: of the thumbnails that photos'
    outcomes bring, in pixels; None: none. on_engine: called once it is known what the
    network runs on. Raises what keeps the network from running at all: `ModelError`, `DeviceError`, `WorkerLost`, `ClusterError`.
    """
    for item, error in plan.refused:
        yield failed(item, error)
    if plan.items:
        outcomes = _outcomes(plan, model, executors, should_stop, measure, thumbnail_side, on_engine, on_film_progress)
        yield from _with_times(_with_records(outcomes, plan, model, records or Records()), times)


def _outcomes(
    plan: Plan,
    model: ModelSettings,
    executors: Executors,
    should_stop: Callable[[], bool],
    measure: bool,
    thumbnail_side: int | None,
    on_engine: Callable[[EngineInfo], None] | None,
    on_film_progress: OnFilmProgress | None,
) -> Iterator[Outcome]:
    engine_info = _engine_info(model, executors.photos, bool(plan.of_kind(Kind.PHOTO)), should_stop)
    if engine_info is None:
        return
    if on_engine is not None:
        on_engine(engine_info)
    model = engine_info.resolve_auto(model)

    photos = plan.of_kind(Kind.PHOTO)
    if photos:
        count = photos_per_job(len(photos), executors.photos, model.batch_size, on_cpu=engine_info.device == "cpu")
        work = PhotoWork(model, of_weights(model.weights), thumbnail_side)
        yield from photo_outcomes(executors.photos, work, photos, count, should_stop)

    films = plan.of_kind(Kind.FILM)
    weights = sha256_of(find_weights(model.weights)) if films else ""
    film_work = FilmWork(model, weights, executors.films, measure)
    yield from film_outcomes(films, film_work, executors.films_at_once, should_stop, on_film_progress)


def _engine_info(model: ModelSettings, executor: Executor, photos: bool, should_stop: Callable[[], bool]) -> EngineInfo | None:
    """What the network runs on where the jobs will run; None if the run ends before that is known."""
    jobs = (each for each in [model])  # no list: more jobs will follow, so more than one worker starts
    for outcome in executor.map(_OpenEngine(photos), jobs, should_stop):
        if outcome.error is not None:
            raise outcome.error
        return outcome.result
    return None


@dataclass(frozen=True, slots=True)
class _OpenEngine:
    """Opens the network. Workers that prepare for this have loaded what photos need, but for the network itself."""

    photos: bool

    def prepare(self) -> None:
        from ..engines import colorizer  # noqa: F401

        if self.photos:
            from .. import photos  # noqa: F401

    def __call__(self, model: ModelSettings, context: JobContext) -> EngineInfo:
        from ..engines.engine_info import EngineInfo
        from ..engines.opening import cached_colorizer

        return EngineInfo.of(cached_colorizer(model).engine)


def _with_records(outcomes: Iterator[Outcome], plan: Plan, model: ModelSettings, records: Records) -> Iterator[Outcome]:
    """The same outcomes; what is to be written of their results is written."""
    if not records:
        yield from outcomes
        return
    items = {item.target: item for item in plan.items}
    for outcome in outcomes:
        item = items.get(outcome.target)
        yield outcome if item is None else records.write(item, outcome, model)


def _with_times(outcomes: Iterator[Outcome], times: Times) -> Iterator[Outcome]:
    """The same outcomes; their results get the configured times and modes."""
    for outcome in outcomes:
        if times == "source" and outcome.status in (Status.DONE, Status.COPIED):
            follow(outcome.source, outcome.target)
        yield outcome
