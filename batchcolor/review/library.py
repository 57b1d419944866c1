"""The items of an output tree as its manifest has them, and what a person said of each: accepted, to be redone, looked at."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from ..archive.item_id import id_of_key, item_id, key_of_id
from ..archive.manifest_versions import LaterVersion, bring_up_to_date
from ..archive.walk import STATE_FOLDER, Kind
from ..errors import BatchcolorError, OutputError

Filter = Literal["all", "failed", "warned", "toned", "in colour", "chosen", "accepted", "new", "redo"]
FILTERS: tuple[Filter, ...] = get_args(Filter)
Mark = Literal["accepted", "redo", "seen"]
MARKS: tuple[Mark, ...] = get_args(Mark)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS review (
  target BLOB PRIMARY KEY, accepted INTEGER NOT NULL DEFAULT 0, redo INTEGER NOT NULL DEFAULT 0, seen INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""
_WHERE: dict[str, str] = {
    "all": "1",
    "failed": "status = 'failed'",
    "warned": "warnings NOT IN ('[]', '')",
    "toned": "toned",
    "in colour": "status IN ('copied', 'skipped')",
    "chosen": "1",  # no column: files tell
    "accepted": "coalesce(accepted, 0)",
    "new": "NOT coalesce(seen, 0)",
    "redo": "coalesce(redo, 0)",
}
_ORDER = "CASE WHEN status = 'failed' THEN 0 WHEN warnings NOT IN ('[]', '') THEN 1 ELSE 2 END, items.target"
_TABLES = "items LEFT JOIN review ON review.target = items.target"
_MOST_LISTINGS = 8  # that are remembered, of all windows together
_COLUMNS = "items.target, source, kind, status, error, warnings, frames, finished, accepted, redo, seen"


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One photo or film. id: stands for it in addresses. relative: the source's path below its tree, by the result's
    name. version: another one after each run."""

    id: str
    source: Path
    target: Path
    relative: Path
    kind: Kind
    status: str
    error: str | None
    warnings: tuple[str, ...]
    frames: int | None
    accepted: bool
    redo: bool
    seen: bool
    version: str

    def as_dict(self) -> dict[str, Any]:
        """JSON values for the page."""
        return {
            "id": self.id,
            "name": _name(self.relative),
            "kind": self.kind.value,
            "status": self.status,
            "error": self.error,
            "warnings": list(self.warnings),
            "frames": self.frames,
            "accepted": self.accepted,
            "redo": self.redo,
            "seen": self.seen,
            "version": self.version,
        }


class Listing(NamedTuple):
    """Items in a fixed order. number: names it; total: how many there are."""

    number: int
    total: int


class ListingGone(BatchcolorError):
    """A listing that is not remembered any more."""


class Library:
    """The items of the tree `output`. Safe to be used from several threads. Raises `OutputError` where there is no manifest."""

    def __init__(self, output: Path) -> None:
        self.output = output
        path = output / STATE_FOLDER / "manifest.sqlite"
        if not path.is_file():
            raise OutputError(f"{output}: holds no results of batchcolor; name the folder that `colorize --output` named")
        self._lock = threading.Lock()
        self._listings: OrderedDict[int, list[bytes]] = OrderedDict()
        self._next = 1
        try:
            self._rows = sqlite3.connect(path, check_same_thread=False, timeout=10)
            bring_up_to_date(self._rows, output)
            self._rows.execute(_SCHEMA)
            self._rows.commit()
        except LaterVersion as exc:
            raise OutputError(f"{path}: was written by a later batchcolor; use that one") from exc
        except sqlite3.Error as exc:
            raise OutputError(f"{path}: the manifest cannot be used ({exc}); check its permissions") from exc

    def close(self) -> None:
        self._rows.close()

    def listing(self, *, only: Filter = "all", search: str = "", kind: str = "", chosen: Container[str] = ()) -> Listing:
        """The items of a filter as they are now, in an order that stays: failures first, then warnings, then by name.

        chosen: names of the items with chosen colours, for the filter of that name.
        """
        where, values = [_WHERE[only]], []
        if search:
            where.append("instr(lower(CAST(items.target AS TEXT)), ?)")
            values.append(search.lower())
        if kind:
            where.append("kind = ?")
            values.append(kind)
        with self._lock:
            rows = self._rows.execute(
                f"SELECT items.target, source FROM {_TABLES} WHERE {' AND '.join(where)} ORDER BY {_ORDER}", values
            ).fetchall()
            self._listings[self._next] = keys = [
                target for target, source in rows if only != "chosen" or _name(_relative(target, source)) in chosen
            ]
            found = Listing(self._next, len(keys))
            self._next += 1
            while len(self._listings) > _MOST_LISTINGS:
                self._listings.popitem(last=False)
        return found

    def page(self, listing: int, start: int, count: int) -> tuple[int, list[ReviewItem | None]]:
        """How many items a listing has, and those from `start` on; None: of an item that is gone. Raises `ListingGone`."""
        with self._lock:
            keys = self._keys(listing)
            wanted = keys[start : start + count]
            places = ", ".join("?" * len(wanted))
            rows = self._rows.execute(f"SELECT {_COLUMNS} FROM {_TABLES} WHERE items.target IN ({places})", wanted).fetchall()
        found = {row[0]: self._item(row) for row in rows}
        return len(keys), [found.get(key) for key in wanted]

    def position(self, item: ReviewItem, listing: int) -> int | None:
        """Where an item stands in a listing; None where it is not part of it. Raises `ListingGone`."""
        with self._lock:
            keys, key = self._keys(listing), key_of_id(item.id)
            return keys.index(key) if key in keys else None

    def _keys(self, listing: int) -> list[bytes]:
        try:
            return self._listings[listing]
        except KeyError as exc:
            raise ListingGone("the list was read a long time ago; it is read again") from exc

    def item(self, id_: str) -> ReviewItem | None:
        """One item; None for an id that stands for nothing."""
        try:
            target = key_of_id(id_)
        except ValueError:
            return None
        with self._lock:
            row = self._rows.execute(f"SELECT {_COLUMNS} FROM {_TABLES} WHERE items.target = ?", (target,)).fetchone()
        return None if row is None else self._item(row)

    def of_target(self, target: Path) -> ReviewItem | None:
        """The item with this result; None where there is none."""
        return self.item(item_id(target, self.output))

    def marked(self, mark: Mark) -> list[ReviewItem]:
        """Every item with a mark."""
        with self._lock:
            rows = self._rows.execute(
                f"SELECT {_COLUMNS} FROM items JOIN review ON review.target = items.target WHERE {mark} ORDER BY items.target"
            ).fetchall()
        return [self._item(row) for row in rows]

    def set_mark(self, item: ReviewItem, mark: Mark, value: bool) -> None:
        """Remember what a person said of an item."""
        with self._lock, self._rows:
            self._rows.execute("INSERT OR IGNORE INTO review (target) VALUES (?)", (key_of_id(item.id),))
            self._rows.execute(f"UPDATE review SET {mark} = ? WHERE target = ?", (int(value), key_of_id(item.id)))

    def _item(self, row: tuple[Any, ...]) -> ReviewItem:
        target, source, kind, status, error, warnings, frames, finished, accepted, redo, seen = row
        return ReviewItem(
            id=id_of_key(target),
            source=Path(os.fsdecode(source)),
            target=self.output / os.fsdecode(target),
            relative=_relative(target, source),
            kind=Kind(kind),
            status=status,
            error=error,
            warnings=tuple(json.loads(warnings or "[]")),
            frames=frames,
            accepted=bool(accepted),
            redo=bool(redo),
            seen=bool(seen),
            version="".join(filter(str.isalnum, finished)),
        )


def _relative(target: bytes, source: bytes) -> Path:
    """The source's path below its tree, by the result's name."""
    return Path(os.fsdecode(target)).parent / Path(os.fsdecode(source)).name


def _name(relative: Path) -> str:
    """For the page: names need not be text."""
    return relative.as_posix().encode("utf-8", "backslashreplace").decode()
