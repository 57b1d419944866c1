"""Photos as jobs: several to a job, which share a run of the network; and what happens where a worker does not survive one of them."""

from __future__ import annotations

import itertools
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import OutputError, SourceError, WorkerLost
from ..executors import Executor, JobContext, JobOutcome, WorkerEnd
from ..settings import ModelSettings, PhotoSettings
from .outcome import Outcome, Status, failed
from .plan import Item
from .thumbnails import thumbnails

if TYPE_CHECKING:
    from ..photos import Stage
    from ..provenance import Provenance

_Group = tuple[tuple[Item, ...], bool]  # photos of a job, and whether it is a second try

_MOST_PER_JOB = 8  # few enough that a stop is prompt; a GPU gets full batches, which take it no longer


@dataclass(frozen=True, slots=True)
class PhotoBatch:
    """Photos of one job, whose settings are the same. again: a worker has ended at the one photo there is."""

    number: int
    items: tuple[Item, ...]
    again: bool = False


@dataclass(frozen=True, slots=True)
class PhotoWork:
    """What all photos have in common; may be sent to other processes.

    thumbnail_side: of the thumbnails that outcomes bring, in pixels; None: none. Reports (index in the batch, outcome) for each photo
    that is finished.
    """

    model: ModelSettings
    provenance: Provenance
    thumbnail_side: int | None = None

    def prepare(self) -> None:
        """Open the network, and load what photos are read and written with."""
        from .. import photos  # noqa: F401
        from ..engines.opening import cached_colorizer

        cached_colorizer(self.model)

    def __call__(self, batch: PhotoBatch, context: JobContext) -> None:
        from ..engines.opening import cached_colorizer
        from ..photos import Stage, Treatment, colorize_photos

        settings = batch.items[0].settings

        def begin(index: int | None, stage: Stage, megapixels: float) -> None:
            if index is None:
                context.begin_part(None)
            else:
                context.begin_part((index, stage.value), settings.photo.photo_timeout * max(1.0, megapixels))

        statuses = {Treatment.COLORIZED: Status.DONE, Treatment.COPIED: Status.COPIED, Treatment.SKIPPED: Status.SKIPPED}
        results = colorize_photos(
            [(item.source, item.target) for item in batch.items],
            cached_colorizer(self.model),
            settings.photo,
            color=settings.color,
            colours=[item.colours for item in batch.items],
            provenance=self._provenance(settings.photo),
            on_stage=begin,
        )
        started = time.monotonic()
        for index, (item, result) in enumerate(zip(batch.items, results, strict=True)):
            seconds, started = time.monotonic() - started, time.monotonic()
            if result.error is not None:
                outcome = failed(item, result.error, seconds, result.source_stamp)
            else:
                status = statuses[result.treatment]
                outcome = Outcome(
                    item.source,
                    item.target,
                    item.kind,
                    status,
                    seconds,
                    warnings=result.warnings,
                    toned=result.toned,
                    source_stamp=result.source_stamp,
                )
            if self.thumbnail_side is not None:
                context.begin_part((index, Stage.DECODER.value))
                outcome = replace(outcome, thumbnails=thumbnails(outcome, self.thumbnail_side))
                started = time.monotonic()
            context.report((index, outcome))
            if context.should_stop():
                return

    def _provenance(self, photo: PhotoSettings) -> Provenance | None:
        return replace(self.provenance, source_type=photo.source_type) if photo.provenance else None


def photos_per_job(count: int, executor: Executor, batch_size: int, *, on_cpu: bool) -> int:
    """How many photos a job gets, of `count`: several, but something for every worker to do. batch_size: of the network."""
    most = _MOST_PER_JOB if on_cpu else max(_MOST_PER_JOB, batch_size)
    return max(1, min(most, math.ceil(count / getattr(executor, "workers", 1))))


def photo_outcomes(
    executor: Executor, work: PhotoWork, photos: Sequence[Item], per_job: int, should_stop: Callable[[], bool]
) -> Iterator[Outcome]:
    """One outcome a photo, as jobs are finished.

    Where a worker ends at a photo, the others of its job are done by another worker, and it gets a second try, alone, unless it took
    longer than its time. The photo at which a worker ends again fails.
    """
    groups: list[_Group] = [(items, False) for items in _in_groups(photos, per_job)]
    while groups:
        batches = [PhotoBatch(number, items, again) for number, (items, again) in enumerate(groups)]
        finished: defaultdict[int, dict[int, Outcome]] = defaultdict(dict)

        def collect(
            batch: PhotoBatch, message: tuple[int, Outcome], finished: dict[int, dict[int, Outcome]] = finished
        ) -> None:
            finished[batch.number][message[0]] = message[1]

        groups = []
        for outcome in executor.map(work, batches, should_stop, collect):
            done = finished.pop(outcome.job.number, {})
            yield from (replace(each, lost=outcome.lost) for each in done.values()) if outcome.lost else done.values()
            rest = {n: item for n, item in enumerate(outcome.job.items) if n not in done}
            if outcome.error is not None:
                lost, again = _after_failure(outcome, rest)
                yield from (replace(each, lost=outcome.lost) for each in lost)
                groups += again
        if should_stop():
            return


def _in_groups(photos: Sequence[Item], count: int) -> Iterator[tuple[Item, ...]]:
    """Photos in order, up to `count` neighbours that have the same settings."""
    for _, same in itertools.groupby(photos, key=lambda item: item.settings):
        waiting = iter(same)
        while group := tuple(itertools.islice(waiting, count)):
            yield group


def _after_failure(outcome: JobOutcome[PhotoBatch, None], rest: dict[int, Item]) -> tuple[list[Outcome], list[_Group]]:
    """What a failed job means for the photos that it had not finished: outcomes of some, and groups to be tried again."""
    error, end = outcome.error, outcome.worker_end
    assert error is not None, "the job failed"
    if end is None:
        return [failed(item, _naming(item, error)) for item in rest.values()], []
    if end.part is None:  # nobody knows which of them it was
        if len(rest) == 1:
            return [failed(item, _naming(item, error)) for item in rest.values()], []
        return [], [((item,), False) for item in rest.values()]
    index, stage = end.part
    groups: list[_Group] = []
    guilty = rest.pop(index, None)
    if rest:
        groups.append((tuple(rest.values()), False))
    if guilty is None:
        return [], groups
    if not outcome.job.again and end.kind != "timeout":
        return [], [*groups, ((guilty,), True)]
    return [failed(guilty, _end_error(guilty, stage, end))], groups


def _naming(item: Item, error: Exception) -> Exception:
    """A lost worker's error knows no path."""
    return WorkerLost(f"{item.source}: {error}") if isinstance(error, WorkerLost) else error


def _end_error(item: Item, stage: str, end: WorkerEnd) -> Exception:
    """What to say of a photo at which workers ended."""
    if end.kind == "timeout":
        return SourceError(
            f"{item.source}: timed out after {end.detail} ({item.settings.photo.photo_timeout:g} s a megapixel); "
            "allow more with --photo-timeout, or convert it first"
        )
    if end.kind == "killed":
        return WorkerLost(
            f"{item.source}: its worker process was killed twice ({end.detail}); there may be too little memory: try fewer --jobs"
        )
    if end.kind == "exited":
        return WorkerLost(f"{item.source}: its worker process ended twice ({end.detail}); please report it")
    if stage == "decoder":
        return SourceError(
            f"{item.source}: the decoder crashed ({end.detail}); the file is damaged in a way that it does not survive, so open it in "
            "another program and save it anew"
        )
    return OutputError(f"{item.target}: the encoder crashed ({end.detail}) while it was written; choose another --format")
