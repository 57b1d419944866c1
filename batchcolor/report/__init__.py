"""The HTML report of a run: one self-contained page with every item before and after."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from ..archive.outcome import Outcome, Status
from ..archive.thumbnails import thumbnails
from ..runtime.atomic_write import atomic_write
from ..runtime.version import __version__
from ..runtime.write_errors import write_error

_MARK = "/* ITEMS */"
_LARGE, _SMALL = 320, 160  # pixels: sides of the box that thumbnails fit into
_FEW = 1000  # up to this number of items, thumbnails are large; so the page stays under 50 MB


class Report:
    """Writes outcomes to the page one by one; none of them stays in memory. thumbnail_side: in pixels.

    The page appears under its name when the run ends. Raises `OutputError` if it cannot be written.
    """

    def __init__(self, path: Path, items: int) -> None:
        self._path, self.thumbnail_side = path, _LARGE if items <= _FEW else _SMALL
        self._target: AbstractContextManager[Path] = atomic_write(path)
        self._head, _, self._tail = resources.files(__package__).joinpath("page.html").read_text("utf-8").partition(_MARK)
        self._count = 0
        self._summary: Mapping[str, Any] = {}

    def __enter__(self) -> Self:
        temporary = self._target.__enter__()
        try:
            self._file = temporary.open("w", encoding="utf-8", errors="backslashreplace")
            self._file.write(self._head)
        except OSError as exc:
            with contextlib.suppress(OSError):
                self._target.__exit__(type(exc), exc, exc.__traceback__)  # removes the temporary file
            raise write_error(self._path, exc) from exc
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        facts = {"made": datetime.now().astimezone().isoformat(timespec="minutes"), "version": __version__, **self._summary}
        try:
            with self._file:
                self._file.write(self._tail.replace("/* SUMMARY */", _embedded(facts)))
        except OSError as exc:
            with contextlib.suppress(OSError):
                self._target.__exit__(type(exc), exc, exc.__traceback__)
            raise write_error(self._path, exc) from exc
        self._target.__exit__(kind, error, trace)

    def add(self, outcome: Outcome) -> None:
        """Add an item, with thumbnails of its source and result if they can be read."""
        before, after = outcome.thumbnails or thumbnails(outcome, self.thumbnail_side)
        row = {
            "name": str(outcome.source),
            "kind": outcome.kind.value,
            "status": outcome.status.value,
            "seconds": round(outcome.seconds, 2),
            "source": self._address(outcome.source),
            "result": None if outcome.status in (Status.FAILED, Status.SKIPPED) else self._address(outcome.target),
            "frames": outcome.frames,
            "film": outcome.film,
            "warnings": list(outcome.warnings),
            "error": outcome.error,
            "before": before,
            "after": after,
        }
        self._file.write((",\n" if self._count else "") + _embedded({name: value for name, value in row.items() if value}))
        self._count += 1

    def conclude(self, summary: Mapping[str, Any]) -> None:
        """Set the counts for the head of the page."""
        self._summary = summary

    def _address(self, path: Path) -> str:
        """A relative link, which works from file:// and after page and pictures have moved together."""
        try:
            relative = os.path.relpath(path, self._path.parent)
        except ValueError:  # on another Windows drive
            return path.absolute().as_uri()
        return quote(os.fsencode(Path(relative).as_posix()))


class NoReport:
    """Used when no report is requested."""

    thumbnail_side = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def add(self, outcome: Outcome) -> None:
        return None

    def conclude(self, summary: Mapping[str, Any]) -> None:
        return None


def _embedded(value: Mapping[str, Any]) -> str:
    """JSON that is safe inside a script element, whatever characters names contain."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
