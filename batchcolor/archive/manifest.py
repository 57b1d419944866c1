"""The manifest: what is known about every source of an output tree, so that only what is new or changed is done again.

A SQLite file in the output tree, written by one run at a time (`lock.py`). It uses the rollback journal, not write-ahead logging: that
one needs memory shared between processes and does not work on network shares, where archives like to lie. Rows are committed with each
job, so a killed run loses the pictures in flight and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from ..errors import OutputError
from ..runtime.file_hash import file_sha256
from ..settings import Settings
from .outcome import Outcome, Status
from .plan import Item
from .walk import Kind

_SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
  source BLOB PRIMARY KEY, target BLOB NOT NULL, kind TEXT NOT NULL,
  size INTEGER, mtime_ns INTEGER, sha256 TEXT,
  settings TEXT NOT NULL, weights TEXT NOT NULL,
  status TEXT NOT NULL, error TEXT, code INTEGER NOT NULL, warnings TEXT NOT NULL,
  result_size INTEGER, result_mtime_ns INTEGER, frames INTEGER, seconds REAL NOT NULL, finished TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_VERSION = 1


class Reason(StrEnum):
    """Why an item is to be done."""

    NEW = "new"
    CHANGED = "source changed"
    SETTINGS = "other settings"
    WEIGHTS = "other weights"
    FAILED = "failed before"
    RESULT = "result missing or changed"
    DAMAGED = "result damaged"
    FORCED = "forced"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the result of an item depends on besides its source. settings: digest of them and of colours that somebody chose; weights:
    SHA-256 of the file."""

    settings: str
    weights: str

    @classmethod
    def of(cls, item: Item, weights: str) -> Recipe:
        settings = _settings_digest(item.settings, item.kind)
        return cls(settings if item.colours is None else f"{settings}+{item.colours.digest}", weights)


@cache
def _settings_digest(settings: Settings, kind: Kind) -> str:
    return settings.photo_digest() if kind is Kind.PHOTO else settings.film_digest()


class _Known(NamedTuple):
    """A row of the manifest, as far as decisions need it."""

    target: bytes
    size: int | None
    mtime_ns: int | None
    sha256: str | None
    settings: str
    weights: str
    status: str
    result_size: int | None
    result_mtime_ns: int | None


class Manifest:
    """The manifest at `path`; read as a whole when opened. content_hash: look into sources whose time alone has changed."""

    def __init__(self, path: Path, *, content_hash: bool = False, writable: bool = True) -> None:
        self._path, self._content_hash = path, content_hash
        self._known: dict[bytes, _Known] = {}
        if not writable and not path.exists():
            self._rows = sqlite3.connect(":memory:", check_same_thread=False)
        else:
            with self._sentences():
                address = f"{path.resolve().as_uri()}?mode={'rwc' if writable else 'ro'}"
                self._rows = sqlite3.connect(address, uri=True, check_same_thread=False)
        with self._sentences():
            if writable:
                self._rows.executescript(_SCHEMA)
                self._rows.execute("INSERT OR IGNORE INTO facts VALUES ('version', ?)", (str(_VERSION),))
                self._rows.commit()
            if self._rows.execute("SELECT 1 FROM sqlite_master WHERE name = 'items'").fetchone():
                columns = ", ".join(_Known._fields)
                for source, *values in self._rows.execute(f"SELECT source, {columns} FROM items"):
                    self._known[source] = _Known(*values)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._rows.close()

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise OutputError(
                f"{self._path}: the manifest cannot be used ({exc}); check permissions and free space, or delete it to begin anew"
            ) from exc

    def reason(self, item: Item, recipe: Recipe) -> Reason | None:
        """Why `item` is to be done; None: its result is there and up to date. Looks at files' sizes and times only."""
        known = self._known.get(_key(item.source))
        if known is None:
            return Reason.NEW
        if known.status == Status.FAILED:
            return Reason.FAILED
        if not self._same_source(item, known):
            return Reason.CHANGED
        if (known.weights, known.settings) != (recipe.weights, recipe.settings):
            return Reason.WEIGHTS if known.weights != recipe.weights else Reason.SETTINGS
        result = (known.target, known.result_size, known.result_mtime_ns)
        return None if result == (_key(item.target), *_stat(item.target)) else Reason.RESULT

    def _same_source(self, item: Item, known: _Known) -> bool:
        size, mtime_ns = _stat(item.source)
        if (size, mtime_ns) == (known.size, known.mtime_ns):
            return True
        return self._content_hash and size == known.size and known.sha256 == _sha256(item.source)

    def record(self, outcome: Outcome, recipe: Recipe) -> None:
        """Remember what became of an item. Nothing is on disk before `commit`."""
        row = (
            _key(outcome.source),
            _key(outcome.target),
            outcome.kind.value,
            *_stat(outcome.source),
            _sha256(outcome.source) if self._content_hash else None,
            recipe.settings,
            recipe.weights,
            outcome.status.value,
            _text(outcome.error),
            int(outcome.code),
            json.dumps(outcome.warnings),
            *(_stat(outcome.target) if outcome.status is not Status.FAILED else (None, None)),
            outcome.frames,
            outcome.seconds,
            datetime.now(UTC).isoformat(timespec="seconds"),
        )
        with self._sentences():
            self._rows.execute(f"INSERT OR REPLACE INTO items VALUES ({', '.join('?' * len(row))})", row)

    def commit(self) -> None:
        with self._sentences():
            self._rows.commit()

    def fact(self, name: str) -> str | None:
        """A remembered fact about the tree, such as whether the last run ended well."""
        with self._sentences():
            if not self._rows.execute("SELECT 1 FROM sqlite_master WHERE name = 'facts'").fetchone():
                return None
            found = self._rows.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def set_fact(self, name: str, value: str) -> None:
        with self._sentences():
            self._rows.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
            self._rows.commit()


def _key(path: Path) -> bytes:
    """A file's absolute name as the system has it: names need not be text."""
    return os.fsencode(os.path.abspath(path))  # noqa: PTH100 - `Path.absolute` keeps "..", and takes twice as long


def _text(sentence: str | None) -> str | None:
    """A sentence that SQLite takes: it may name a file whose name is no text."""
    return None if sentence is None else sentence.encode("utf-8", "backslashreplace").decode()


def _stat(path: Path) -> tuple[int | None, int | None]:
    """(size, time of change in ns); (None, None) where there is no such file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a tenth of a run over a finished tree is Path's own overhead
    except OSError:
        return None, None
    return found.st_size, found.st_mtime_ns


def _sha256(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:
        return None
