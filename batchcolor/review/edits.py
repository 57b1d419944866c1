"""Changes of chosen colours, one at a time: each is applied to the file as it is now, so that two tabs keep each other's points."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..archive.walk import STATE_FOLDER
from ..colours import ColoursFolder, ItemColours, Point, Rule
from ..colours.files import SUFFIX
from ..colours.model import documented
from ..colours.values import Colour, Names, Span
from ..errors import BatchcolorError, UsageError
from .library import ReviewItem

FOLDER = "colours"


class ConflictError(BatchcolorError):
    """The point that a change speaks of is not there any more: another tab has changed or removed it."""


class Edits:
    """The files of chosen colours of one output tree. folder: where they lie; None: `.batchcolor/colours` below `output`."""

    def __init__(self, output: Path, folder: Path | None = None) -> None:
        self.folder = folder or output / STATE_FOLDER / FOLDER
        self._lock = threading.Lock()

    def read(self, item: ReviewItem) -> ItemColours:
        """What was chosen for an item; empty where nothing was. Raises `UsageError` for a file that is wrong."""
        if not self.folder.is_dir():
            return ItemColours()
        return self._open().of(item.relative) or ItemColours()

    def chosen(self) -> set[str]:
        """Names of the items for which there is a file."""
        found = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob(f"*{SUFFIX}"))
        return {name.removesuffix(SUFFIX).encode("utf-8", "backslashreplace").decode() for name in found}

    def palette(self) -> dict[str, str]:
        """Names of the palette with their colours, "#rrggbb"."""
        return {name: colour.name for name, colour in self.names().items()}

    def names(self) -> dict[str, Colour]:
        """Colours of the palette by name."""
        if not self.folder.is_dir():
            return {}
        return {name: entry.colour for name, entry in self._open().palette.colours.items()}

    def rules(self, item: ReviewItem) -> tuple[Rule, ...]:
        """The rules that hold for an item."""
        return self._open().rules_of(item.relative) if self.folder.is_dir() else ()

    def add(self, item: ReviewItem, point: Mapping[str, Any]) -> ItemColours:
        """Add a point. Raises `UsageError` for one that is wrong."""
        return self._change(item, lambda points: (*points, self._point(point)))

    def replace(self, item: ReviewItem, old: Mapping[str, Any], new: Mapping[str, Any]) -> ItemColours:
        """Put `new` in the place of `old`. Raises `ConflictError` where `old` is gone."""
        before, after = self._point(old), self._point(new)
        return self._change(
            item, lambda points: tuple(after if n == _place(points, before) else p for n, p in enumerate(points))
        )

    def remove(self, item: ReviewItem, old: Mapping[str, Any]) -> ItemColours:
        """Remove a point. Raises `ConflictError` where it is gone."""
        gone = self._point(old)
        return self._change(item, lambda points: tuple(p for n, p in enumerate(points) if n != _place(points, gone)))

    def _change(self, item: ReviewItem, change: Any) -> ItemColours:
        from ..colours import write_item

        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            folder = self._open()
            chosen = folder.of(item.relative) or ItemColours()
            changed = dataclasses.replace(chosen, points=change(chosen.points))
            path = folder.path_of(item.relative)
            if changed:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_item(path, changed)
            else:
                path.unlink(missing_ok=True)
            return folder.of(item.relative) or ItemColours()

    def _open(self) -> ColoursFolder:
        return ColoursFolder.open(self.folder)

    def _point(self, values: Mapping[str, Any]) -> Point:
        """A point from JSON values, read as its TOML would be. Raises `UsageError`."""
        return point_of(values, Names(self.folder, self.names()))


def point_of(values: Mapping[str, Any], names: Names) -> Point:
    """A point from JSON values, read as its TOML would be. Raises `UsageError` that names the key."""
    fields = {field.name: field for field in documented(Point)}
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key not in fields or value is None:
            continue
        try:
            found[key] = fields[key].metadata["read"](value, names)
        except ValueError as exc:
            raise UsageError(f"point, {key}: {exc}") from exc
    if "at" not in found or "colour" not in found:
        raise UsageError("a point needs a place and a colour")
    return Point(**found)


def as_json(point: Point) -> dict[str, Any]:
    """JSON values of a point, which `point_of` reads again."""
    return {field.name: _plain(getattr(point, field.name)) for field in documented(Point)}


def _plain(value: Any) -> Any:
    if isinstance(value, Colour):
        return value.name
    return str(value) if isinstance(value, Span) else value


def _place(points: tuple[Point, ...], point: Point) -> int:
    try:
        return points.index(point)
    except ValueError as exc:
        raise ConflictError("this point was changed or removed in another window; look at the picture again") from exc
