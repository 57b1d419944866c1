"""Running the changed items again, in a thread, with progress for the page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..app import Events, Summary
from ..archive.outcome import Outcome
from ..errors import BatchcolorError

if TYPE_CHECKING:
    from ..archive.plan import Item
    from ..films import FilmProgress

Run = Callable[[frozenset[Path], Events, Callable[[], bool]], Summary]


class Redo(Events):
    """At most one run at a time. run: does the items with these results."""

    def __init__(self, run: Run, on_finished: Callable[[Outcome], None]) -> None:
        self._run, self._on_finished = run, on_finished
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._state: dict[str, Any] = {"running": False, "done": 0, "total": 0, "error": None, "frames": None}

    def start(self, targets: Sequence[Path]) -> bool:
        """Begin; False where a run is at work already."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return False
            self._stop.clear()
            self._state = {"running": True, "done": 0, "total": len(targets), "error": None, "frames": None}
            self._thread = threading.Thread(target=self._work, args=(frozenset(targets),), name="redo", daemon=True)
            self._thread.start()
            return True

    def stop(self, wait_s: float | None = None) -> None:
        """Stop the run after the items in progress, and wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(wait_s)

    @property
    def state(self) -> dict[str, Any]:
        """JSON values: running, done, total, frames of the film in progress, and the error that ended the run."""
        return dict(self._state)

    def finished(self, outcome: Outcome) -> None:
        self._state |= {"done": self._state["done"] + 1, "frames": None}
        if outcome.error is not None:
            self._state["error"] = outcome.error
        self._on_finished(outcome)

    def film_progress(self, item: Item, progress: FilmProgress) -> None:
        self._state["frames"] = [progress.frames, progress.total_frames]

    def _work(self, targets: frozenset[Path]) -> None:
        try:
            self._run(targets, self, self._stop.is_set)
        except BatchcolorError as exc:
            self._state["error"] = str(exc)
        finally:
            self._state["running"] = False
