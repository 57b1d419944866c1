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
        """JSON values: ready; shots with start and end in seconds, as far as they are known; error."""
        with self._lock:
            if item.id not in self._found:
                self._found[item.id] = {"ready": False, "shots": [], "error": None}
                threading.Thread(target=self._find, args=(item,), name="shots", daemon=True).start()
            found = self._found[item.id]
            return {**found, "shots": list(found["shots"])}

    def stop(self) -> None:
        self._stop.set()

    def _find(self, item: ReviewItem) -> None:
        from ..films import find_shots

        found = self._found[item.id]
        with self._working:
            try:
                for shot in find_shots(item.source):
                    if self._stop.is_set():
                        return
                    found["shots"].append({"start": shot.start, "end": shot.end, "frames": shot.frames})
            except BatchcolorError as exc:
                found["error"] = str(exc)
        found["ready"] = True
