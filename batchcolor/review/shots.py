"""The shots of films, found in the background when somebody opens one, and remembered while the page is served."""

from __future__ import annotations

import threading
from typing import Any

from ..errors import BatchcolorError
from .library import ReviewItem


class Shots:
    """Finds the shots of one film at a time; `stop` ends the search."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Any]] = {}
        self._lock, self._working, self._stop = threading.Lock(), threading.Lock(), threading.Event()

    def of(self, item: ReviewItem) -> dict[str, Any]:
        """JSON values: ready; shots, as far as they are known; error.

        A shot has start and end in seconds since the film begins, frames, and first, the number of its first frame in the film.
        """
        with self._lock:
            if item.id not in self._found:
                self._found[item.id] = {"ready": False, "shots": [], "error": None}
                threading.Thread(target=self._find, args=(item,), name="shots", daemon=True).start()
            found = self._found[item.id]
            return {**found, "shots": list(found["shots"])}

    def at(self, item: ReviewItem, seconds: float) -> dict[str, Any] | None:
        """The shot that is shown at a time; None where it is not known yet."""
        shots = self.of(item)["shots"]
        found = next((shot for shot in shots if shot["start"] <= seconds + 1e-3 < shot["end"]), None)
        return found or (shots[-1] if shots and seconds >= shots[-1]["start"] and self.of(item)["ready"] else None)

    def stop(self) -> None:
        self._stop.set()

    def _find(self, item: ReviewItem) -> None:
        from ..films import find_shots, probe

        found = self._found[item.id]
        with self._working:
            try:
                begins, first = float(probe(item.source).begins), 0
                for shot in find_shots(item.source):
                    if self._stop.is_set():
                        return
                    row = {"start": shot.start - begins, "end": shot.end - begins, "frames": shot.frames, "first": first}
                    found["shots"].append(row)
                    first += shot.frames
            except BatchcolorError as exc:
                found["error"] = str(exc)
        found["ready"] = True
