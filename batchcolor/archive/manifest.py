"""The manifest: what is known about every result of an output tree, so that only what is new or changed is done again.

A SQLite file in the output tree, written by one run at a time (`runtime/file_lock.py`). Its rows have the results' names below the tree
as keys, so that an archive may be moved or mounted elsewhere. It uses the rollback journal, not write-ahead logging: that
one needs memory shared between processes and does not work on network shares, where archives like to lie. Rows are committed with each
job, so a killed run loses the pictures in flight and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from ..errors import OutputError
from ..film_files import parts
from ..runtime.file_hash import files_sha256
from ..runtime.file_stamp import FileStamp
from ..settings import Settings
from .manifest_versions import LaterVersion, bring_up_to_date, digest_of_version_1, relative_key
from .outcome import Outcome, Status
from .plan import Item
from .walk import Kind

_SAME_TIME_NS = 2_000_000_000  # file systems that are copied to may have times of two seconds


class Reason(StrEnum):
    """Why an item is to be done."""

    NEW = "new"
    CHANGED = "source changed"
    SETTINGS = "other settings"
    WEIGHTS = "other weights"
    FAILED = "failed before"
    RESULT = "result missing"
    EDITED = "result changed since"  # by a person: it stays, unless forced
    DAMAGED = "result damaged"
    FORCED = "forced"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the result of an item depends on besides its source. settings: digest of them and of colours that somebody chose; weights:
    SHA-256 of the file."""

    settings: str
    weights: str
    earlier: str | None = None  # the digest that version 1 had for these settings

    @classmethod
    def of(cls, item: Item, weights: str) -> Recipe:
        chosen = "" if item.colours is None else f"+{item.colours.digest}"
        settings = _settings_digests(item.settings, item.kind, weights)
        return cls(*(f"{each}{chosen}" for each in settings))

    def has(self, settings: str) -> bool:
        """Whether a digest is that of these settings."""
        return settings in (self.settings, self.earlier)


@cache
def _settings_digests(settings: Settings, kind: Kind, weights: str) -> tuple[str, str, str | None]:
    digest = settings.photo_digest() if kind is Kind.PHOTO else settings.film_digest()
    return digest, weights, digest_of_version_1(settings, kind)


class _Known(NamedTuple):
    """A row of the manifest, as far as decisions need it."""

    size: int | None
    mtime_ns: int | None
    sha256: str | None
    settings: str
    weights: str
    status: str
    result_size: int | None
    result_mtime_ns: int | None


class Manifest:
    """The manifest at `path`, of the results below `root`; read as a whole when opened, and migrated where it is of an earlier version.

    content_hash: look into sources whose time alone has changed. Raises `OutputError` for one that cannot be used.
    """

    def __init__(self, path: Path, root: Path, *, content_hash: bool = False, writable: bool = True) -> None:
        self._path, self.root, self._content_hash = path, os.path.abspath(root), content_hash  # noqa: PTH100 - keeps no ".."
        self._known: dict[bytes, _Known] = {}
        with self._translated_errors():
            self._rows = self._opened(writable)
            try:
                bring_up_to_date(self._rows, root)
            except LaterVersion as exc:
                raise OutputError(f"{path}: was written by a later batchcolor; use that one") from exc
            columns = ", ".join(_Known._fields)
            for target, *values in self._rows.execute(f"SELECT target, {columns} FROM items"):
                self._known[target] = _Known(*values)

    def _opened(self, writable: bool) -> sqlite3.Connection:
        """The file itself; for looking only, a copy of it in memory, so that it may be migrated all the same."""
        if writable:
            return sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=rwc", uri=True, check_same_thread=False)
        memory = sqlite3.connect(":memory:", check_same_thread=False)
        if self._path.exists():
            with contextlib.closing(sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)) as file:
                file.backup(memory)
        return memory

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._rows.close()

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise OutputError(
                f"{self._path}: the manifest cannot be used ({exc}); check permissions and free space, or delete it to begin anew"
            ) from exc

    def reason(self, item: Item, recipe: Recipe) -> Reason | None:
        """Why `item` is to be done; None: its result is there and up to date. Looks at files' sizes and times only.

        `EDITED`: it is not to be done, as a person has changed its result.
        """
        known = self._known.get(self._key(item.target))
        if known is None:
            return Reason.NEW
        if known.status == Status.FAILED:
            return Reason.FAILED
        size, mtime_ns = _stat(item.target)
        if size is None and known.result_size is not None:
            return Reason.RESULT
        if size is not None and known.result_size is not None:
            later = abs((mtime_ns or 0) - (known.result_mtime_ns or 0)) > _SAME_TIME_NS
            if later or size != known.result_size:
                return Reason.EDITED
        return self._why_outdated(item, known, recipe)

    def _why_outdated(self, item: Item, known: _Known, recipe: Recipe) -> Reason | None:
        if not self._same_source(item, known):
            return Reason.CHANGED
        if known.weights != recipe.weights:
            return Reason.WEIGHTS
        return None if recipe.has(known.settings) else Reason.SETTINGS

    def _same_source(self, item: Item, known: _Known) -> bool:
        size, mtime_ns = _stat_source(item.source)
        if (size, mtime_ns) == (known.size, known.mtime_ns):
            return True
        return self._content_hash and size == known.size and known.sha256 == _sha256(item.source)

    def record(self, outcome: Outcome, recipe: Recipe) -> None:
        """Remember what became of an item. Nothing is on disk before `commit`.

        The source's size and time are those from before it was read: what replaces it meanwhile is another source.
        """
        stamp = outcome.source_stamp
        row = (
            self._key(outcome.target),
            os.fsencode(os.path.abspath(outcome.source)),  # noqa: PTH100 - `Path.absolute` keeps "..", and takes twice as long
            outcome.kind.value,
            *((stamp.size, stamp.mtime_ns) if stamp is not None else _stat_source(outcome.source)),
            _sha256(outcome.source) if self._content_hash else None,
            recipe.settings,
            recipe.weights,
            outcome.status.value,
            _text(outcome.error),
            int(outcome.code),
            json.dumps(outcome.warnings) if outcome.warnings else "[]",
            *(_stat(outcome.target) if outcome.status is not Status.FAILED else (None, None)),
            outcome.frames,
            outcome.seconds,
            datetime.now(UTC).isoformat(timespec="seconds"),
            int(outcome.toned),
        )
        with self._translated_errors():
            self._rows.execute(f"INSERT OR REPLACE INTO items VALUES ({', '.join('?' * len(row))})", row)

    def _key(self, target: Path) -> bytes:
        """A result's name below the tree, as the system has it: names need not be text."""
        return relative_key(os.path.abspath(target), self.root)  # noqa: PTH100 - as above

    def commit(self) -> None:
        with self._translated_errors():
            self._rows.commit()

    def fact(self, name: str) -> str | None:
        """A remembered fact about the tree, such as whether the last run ended well."""
        with self._translated_errors():
            found = self._rows.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def facts(self, prefix: str) -> dict[str, str]:
        """All facts whose names begin with `prefix`."""
        with self._translated_errors():
            found = self._rows.execute("SELECT name, value FROM facts WHERE substr(name, 1, ?) = ?", (len(prefix), prefix))
            return {str(name): str(value) for name, value in found}

    def set_fact(self, name: str, value: str) -> None:
        self.set_facts({name: value})

    def set_facts(self, facts: Mapping[str, str]) -> None:
        with self._translated_errors():
            plain = [(_text(name), _text(value)) for name, value in facts.items()]
            self._rows.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", plain)
            self._rows.commit()

    def forget_fact(self, name: str) -> None:
        """On disk with the next `commit`."""
        with self._translated_errors():
            self._rows.execute("DELETE FROM facts WHERE name = ?", (_text(name),))


def _text(sentence: str | None) -> str | None:
    """A sentence that SQLite takes: it may name a file whose name is no text."""
    return None if sentence is None else sentence.encode("utf-8", "backslashreplace").decode()


def _stat_source(path: Path) -> tuple[int | None, int | None]:
    """As `_stat`, of all files that are one film with `path`."""
    files = parts(path)
    if len(files) == 1:
        return _stat(path)
    stamp = FileStamp.of_all(files)
    return (None, None) if stamp is None else (stamp.size, stamp.mtime_ns)


def _stat(path: Path) -> tuple[int | None, int | None]:
    """(size, time of change in ns); (None, None) where there is no such file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a tenth of a run over a finished tree is Path's own overhead
    except OSError:
        return None, None
    return found.st_size, found.st_mtime_ns


def _sha256(path: Path) -> str | None:
    try:
        return files_sha256(parts(path))
    except OSError:
        return None
