"""The manifest's form on disk, and its migration from earlier versions.

Version 1 had the sources' absolute names as keys, and digests of all settings, also of those at their defaults. Version 2 did not know
what is toned.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

from ..settings import FilmSettings, PhotoSettings, Settings
from .walk import Kind

VERSION = 3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
  target BLOB PRIMARY KEY, source BLOB NOT NULL, kind TEXT NOT NULL,
  size INTEGER, mtime_ns INTEGER, sha256 TEXT,
  settings TEXT NOT NULL, weights TEXT NOT NULL,
  status TEXT NOT NULL, error TEXT, code INTEGER NOT NULL, warnings TEXT NOT NULL,
  result_size INTEGER, result_mtime_ns INTEGER, frames INTEGER, seconds REAL NOT NULL, finished TEXT NOT NULL,
  toned INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_COLUMNS_1 = (
    "target, source, kind, size, mtime_ns, sha256, settings, weights, status, error, code, warnings, result_size, result_mtime_ns, "
    "frames, seconds, finished"
)
_PHOTO_FIELDS_1 = ("format", "quality", "color_pages", "provenance")
_FILM_FIELDS_1 = (
    "codec", "encoder", "crf", "preset", "tune", "pix_fmt", "deinterlace", "smooth", "key_frames", "cuts", "start", "duration",
    "strict_streams",
)  # fmt: skip


def relative_key(path: str, root: str) -> bytes:
    """A name below `root`, both absolute, with `/` between its parts on every system; one that lies elsewhere stays absolute."""
    folder = root.rstrip(os.sep) + os.sep
    name = os.path.normpath(path[len(folder) :]) if path.startswith(folder) else path  # `relpath` takes five times as long
    return os.fsencode(name.replace(os.sep, "/"))


class LaterVersion(Exception):
    """A manifest that a later batchcolor wrote."""


def bring_up_to_date(rows: sqlite3.Connection, root: Path) -> None:
    """Give a new manifest its tables, and an earlier version today's form, in one transaction. root: the tree as it lies today, which may
    have been moved. Raises `LaterVersion`."""
    version = _version_of(rows)
    if version == VERSION:
        return  # without writing: a run may be at work on it
    if version is not None and version > VERSION:
        raise LaterVersion
    rows.execute("BEGIN")
    if version == 1:
        _migrate_1(rows, root)
    elif version == 2:
        rows.execute("ALTER TABLE items ADD COLUMN toned INTEGER NOT NULL DEFAULT 0")
    for statement in _SCHEMA.split(";"):
        rows.execute(statement)
    rows.execute("INSERT OR REPLACE INTO facts VALUES ('version', ?)", (str(VERSION),))
    rows.commit()


def _version_of(rows: sqlite3.Connection) -> int | None:
    """None for a new file."""
    if not rows.execute("SELECT 1 FROM sqlite_master WHERE name = 'facts'").fetchone():
        return None
    found = rows.execute("SELECT value FROM facts WHERE name = 'version'").fetchone()
    return int(found[0]) if found else None


def _migrate_1(rows: sqlite3.Connection, root: Path) -> None:
    if not rows.execute("SELECT 1 FROM sqlite_master WHERE name = 'items'").fetchone():
        return
    rows.execute("ALTER TABLE items RENAME TO items_1")
    rows.execute(_SCHEMA.split(";", maxsplit=1)[0])
    found = rows.execute(f"SELECT {_COLUMNS_1} FROM items_1").fetchall()
    former = _former_root([os.fsdecode(target) for target, *_ in found], root)
    places = ", ".join("?" * len(_COLUMNS_1.split(",")))
    for target, *values in found:
        key = relative_key(os.fsdecode(target), former)
        rows.execute(f"INSERT OR REPLACE INTO items ({_COLUMNS_1}) VALUES ({places})", (key, *values))
    rows.execute("DROP TABLE items_1")


def _former_root(targets: list[str], root: Path) -> str:
    """Where the tree lay when its manifest was written: the folder below which most of the results have the names they have today."""
    today = os.path.abspath(root)  # noqa: PTH100 - results had been named so
    if not targets or all(target.startswith(today + os.sep) for target in targets):
        return today
    common = os.path.commonpath([os.path.dirname(target) for target in targets])  # noqa: PTH120 - strings
    candidates = [common, *map(str, Path(common).parents)]
    return max(
        candidates, key=lambda former: sum((root / os.path.relpath(target, former)).exists() for target in targets[:1000])
    )


def digest_of_version_1(settings: Settings, kind: Kind) -> str | None:
    """The digest that version 1 had for these settings; None where they say what it had no option for."""
    shared = (settings.model.network_size, settings.color.saturation)
    if kind is Kind.PHOTO:
        photo = _fields(settings.photo, _PHOTO_FIELDS_1)
        if photo is None:
            return None
        quality = 92 if photo["quality"] is None else photo["quality"]
        return _digest(*shared, {**photo, "quality": quality, "upscaling": settings.color.upscaling})
    film = _fields(settings.film, _FILM_FIELDS_1)
    return None if film is None else _digest(*shared, settings.color.upscaling, film)


def _fields(settings: PhotoSettings | FilmSettings, names: tuple[str, ...]) -> dict[str, Any] | None:
    """These fields; None where others that shape results differ from their defaults."""
    for field in dataclasses.fields(settings):
        about = field.metadata.get("option")
        affects = about is None or about.affects_result
        if field.name not in names and affects and getattr(settings, field.name) != field.default:
            return None
    return {name: getattr(settings, name) for name in names}


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
