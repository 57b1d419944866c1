"""Films: one outcome each, some films at once where the executor serves several."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from ..errors import ClusterError, SourceError
from ..executors import Executor
from ..film_files import parts
from ..runtime.file_stamp import FileStamp
from ..settings import ModelSettings
from .outcome import Outcome, Status, failed
from .plan import Item

if TYPE_CHECKING:
    from ..films import FilmProgress

OnFilmProgress = Callable[[Item, "FilmProgress"], None]


@dataclass(frozen=True, slots=True)
class FilmWork:
    """What all films have in common. weights: SHA-256 of their file; measure: whether films are measured for the report."""

    model: ModelSettings
    weights: str
    executor: Executor
    measure: bool = False

    def __call__(
        self, item: Item, should_stop: Callable[[], bool], on_progress: Callable[[FilmProgress], None] | None
    ) -> Outcome | None:
        """None for a film that was stopped. Raises `ClusterError`: the next film would fare no better."""
        from ..films import FilmOutcome, FilmStopped, colorize_film

        statuses = {
            FilmOutcome.COLORIZED: Status.DONE,
            FilmOutcome.COPIED: Status.COPIED,
            FilmOutcome.SKIPPED: Status.SKIPPED,
        }
        started, stamp = time.monotonic(), FileStamp.of_all(parts(item.source))
        try:
            result = colorize_film(
                item.source,
                item.target,
                replace(item.settings, model=self.model),
                colours=item.colours,
                weights=self.weights,
                executor=self.executor,
                measure=self.measure,
                on_progress=on_progress,
                should_stop=should_stop,
            )
            if FileStamp.of_all(parts(item.source)) != stamp:
                raise SourceError(f"{item.source}: was changed while it was colorized; run again")
        except FilmStopped:
            return None
        except ClusterError:
            raise
        except Exception as exc:
            return failed(item, exc, time.monotonic() - started, stamp)
        return Outcome(
            item.source,
            item.target,
            item.kind,
            statuses[result.outcome],
            result.seconds,
            frames=result.frames,
            film=result.as_dict(),
            toned=result.toned,
            warnings=result.warnings,
            source_stamp=stamp,
        )


def film_outcomes(
    films: Sequence[Item],
    work: FilmWork,
    at_once: int,
    should_stop: Callable[[], bool],
    on_progress: OnFilmProgress | None,
) -> Iterator[Outcome]:
    """One outcome a film, as films are finished; none for those that were stopped or never began.

    at_once: films in progress. While the chunks of one are coloured, the first pass over the next is made, and its chunks fill what the
    first leaves idle: the last chunks of a film, and short films, keep few workers busy. on_progress: called by the caller's thread.
    """
    if at_once == 1:
        for item in films:
            if should_stop():
                return
            outcome = work(item, should_stop, None if on_progress is None else partial(on_progress, item))
            if outcome is not None:
                yield outcome
        return
    ended = threading.Event()
    # Progress, and films that are finished.
    events: SimpleQueue[tuple[Item, FilmProgress] | Future[Outcome | None]] = SimpleQueue()

    def stops() -> bool:
        return ended.is_set() or should_stop()

    def colorized(item: Item) -> Outcome | None:
        return None if stops() else work(item, stops, lambda progress: events.put((item, progress)))

    waiting, running = deque(films), 0
    with ThreadPoolExecutor(at_once, thread_name_prefix="film") as pool:
        try:
            while waiting or running:
                while waiting and running < at_once:
                    pool.submit(colorized, waiting.popleft()).add_done_callback(events.put)
                    running += 1
                event = events.get()
                if isinstance(event, Future):
                    running -= 1
                    outcome = event.result()
                    if outcome is not None:
                        yield outcome
                elif on_progress is not None:
                    on_progress(*event)
        finally:
            ended.set()  # films in progress stop, if nobody wants the rest
