"""The HTML report of a run: one self-contained page with every item before and after."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from ..archive.item_id import item_id
from ..archive.outcome import Outcome, Status, Thumbnail
from ..archive.thumbnails import thumbnails
from ..archive.walk import Kind
from ..runtime.atomic_write import atomic_write
from ..runtime.version import __version__
from ..runtime.write_errors import write_error

REVIEW_PORT = 8737  # of 127.0.0.1: where the review page is looked for

_MARK = "/* ITEMS */"
_LARGE, _SMALL = 320, 160  # pixels: sides of the box that thumbnails fit into
_NO_SIZE = Thumbnail("", ())
_FEW = 1000  # up to this number of items, thumbnails are large; so the page stays under 50 MB


class Report:
    """Writes outcomes to the page one by one; none of them stays in memory. thumbnail_side: in pixels.

    The page appears under its name when the run ends. output: the tree of the results, whose review page the items link to; None: a
    single result, which has none. Raises `OutputError` if it cannot be written.
    """

    def __init__(self, path: Path, items: int, output: Path | None = None) -> None:
        self._path, self._output, self.thumbnail_side = path, output, _LARGE if items <= _FEW else _SMALL
        self._target: AbstractContextManager[Path] = atomic_write(path)
        static = resources.files(__package__)
        page = static.joinpath("page.html").read_text("utf-8")
        page = page.replace("/* DIVIDER */", static.joinpath("divider.js").read_text("utf-8").strip())
        self._head, _, self._tail = page.partition(_MARK)
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
        review = {} if self._output is None else {"command": self._review_command(), "port": REVIEW_PORT}
        try:
            with self._file:
                self._file.write(self._tail.replace("/* SUMMARY */", _embedded({"facts": facts, "review": review})))
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
            "before": None if before is None else before.address,
            "after": None if after is None else after.address,
            "size": (after or before or _NO_SIZE).size,
            "review": self._id(outcome),
        }
        self._file.write((",\n" if self._count else "") + _embedded({name: value for name, value in row.items() if value}))
        self._count += 1

    def conclude(self, summary: Mapping[str, Any]) -> None:
        """Set the counts for the head of the page."""
        self._summary = summary

    def _id(self, outcome: Outcome) -> str | None:
        """The item's id on the review page."""
        if self._output is None or outcome.kind is Kind.FOLDER:
            return None
        return item_id(outcome.target, self._output)

    def _review_command(self) -> str:
        return f"batchcolor review {shlex.quote(str(self._output))}"

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
