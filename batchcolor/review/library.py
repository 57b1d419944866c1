"""The items of an output tree as its manifest has them, and what a person said of each: accepted, to be redone, looked at."""

from __future__ import annotations

import base64
import binascii
import json
import os
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ..archive.walk import STATE_FOLDER, Kind
from ..errors import OutputError

Filter = Literal["all", "failed", "warned", "in colour", "chosen", "accepted", "new", "redo"]
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
    "in colour": "status IN ('copied', 'skipped')",
    "chosen": "target IN (SELECT value FROM chosen)",
    "accepted": "coalesce(accepted, 0)",
    "new": "NOT coalesce(seen, 0)",
    "redo": "coalesce(redo, 0)",
}
_ORDER = "CASE WHEN status = 'failed' THEN 0 WHEN warnings NOT IN ('[]', '') THEN 1 ELSE 2 END, items.target"
_COLUMNS = "items.target, source, kind, status, error, warnings, frames, seconds, accepted, redo, seen"


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One photo or film. id: stands for it in addresses. relative: the source's path below its tree, by the result's name."""

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

    def as_dict(self) -> dict[str, Any]:
        """JSON values for the page."""
        return {
            "id": self.id,
            "name": self.relative.as_posix().encode("utf-8", "backslashreplace").decode(),
            "kind": self.kind.value,
            "status": self.status,
            "error": self.error,
            "warnings": list(self.warnings),
            "frames": self.frames,
            "accepted": self.accepted,
            "redo": self.redo,
            "seen": self.seen,
        }


class Library:
    """The items of the tree `output`. Safe to be used from several threads. Raises `OutputError` where there is no manifest."""

    def __init__(self, output: Path) -> None:
        self.output = output
        path = output / STATE_FOLDER / "manifest.sqlite"
        if not path.is_file():
            raise OutputError(f"{output}: holds no results of batchcolor; name the folder that `colorize --output` named")
        self._lock = threading.Lock()
        try:
            self._rows = sqlite3.connect(path, check_same_thread=False, timeout=10)
            self._rows.execute(_SCHEMA)
            self._rows.execute("CREATE TEMP TABLE chosen (value BLOB PRIMARY KEY) WITHOUT ROWID")
            self._rows.commit()
        except sqlite3.Error as exc:
            raise OutputError(f"{path}: the manifest cannot be used ({exc}); check its permissions") from exc

    def close(self) -> None:
        self._rows.close()

    def page(
        self, *, start: int = 0, count: int = 200, only: Filter = "all", search: str = "", kind: str = ""
    ) -> tuple[int, list[ReviewItem]]:
        """How many items there are, and those from `start` on: failures first, then warnings, then by name."""
        where, values = [_WHERE[only]], []
        if search:
            where.append("instr(lower(CAST(items.target AS TEXT)), ?)")
            values.append(search.lower())
        if kind:
            where.append("kind = ?")
            values.append(kind)
        tables = "items LEFT JOIN review ON review.target = items.target"
        condition = " AND ".join(where).replace("target IN (", "items.target IN (")
        with self._lock:
            (total,) = self._rows.execute(f"SELECT count(*) FROM {tables} WHERE {condition}", values).fetchone()
            rows = self._rows.execute(
                f"SELECT {_COLUMNS} FROM {tables} WHERE {condition} ORDER BY {_ORDER} LIMIT ? OFFSET ?",
                (*values, count, start),
            ).fetchall()
        return total, [self._item(row) for row in rows]

    def item(self, id_: str) -> ReviewItem | None:
        """One item; None for an id that stands for nothing."""
        try:
            target = base64.urlsafe_b64decode(id_.encode("ascii") + b"=" * (-len(id_) % 4))
        except (ValueError, binascii.Error):
            return None
        with self._lock:
            row = self._rows.execute(
                f"SELECT {_COLUMNS} FROM items LEFT JOIN review ON review.target = items.target WHERE items.target = ?",
                (target,),
            ).fetchone()
        return None if row is None else self._item(row)

    def of_target(self, target: Path) -> ReviewItem | None:
        """The item with this result; None where there is none."""
        key = os.fsencode(os.path.relpath(target, self.output).replace(os.sep, "/"))
        return self.item(base64.urlsafe_b64encode(key).decode("ascii").rstrip("="))

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
            self._rows.execute("INSERT OR IGNORE INTO review (target) VALUES (?)", (_key(item),))
            self._rows.execute(f"UPDATE review SET {mark} = ? WHERE target = ?", (int(value), _key(item)))

    def set_chosen(self, targets: Sequence[Path]) -> None:
        """Say which items have chosen colours, for the filter."""
        keys = [(os.fsencode(target.relative_to(self.output).as_posix()),) for target in targets]
        with self._lock, self._rows:
            self._rows.execute("DELETE FROM chosen")
            self._rows.executemany("INSERT OR IGNORE INTO chosen VALUES (?)", keys)

    def _item(self, row: tuple[Any, ...]) -> ReviewItem:
        target, source, kind, status, error, warnings, frames, _seconds, accepted, redo, seen = row
        name, origin = Path(os.fsdecode(target)), Path(os.fsdecode(source))
        return ReviewItem(
            id=base64.urlsafe_b64encode(target).decode("ascii").rstrip("="),
            source=origin,
            target=self.output / name,
            relative=name.parent / origin.name,
            kind=Kind(kind),
            status=status,
            error=error,
            warnings=tuple(json.loads(warnings or "[]")),
            frames=frames,
            accepted=bool(accepted),
            redo=bool(redo),
            seen=bool(seen),
        )


def _key(item: ReviewItem) -> bytes:
    return base64.urlsafe_b64decode(item.id.encode("ascii") + b"=" * (-len(item.id) % 4))
