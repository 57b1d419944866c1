"""Finding photos and films under the sources that a user names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..suffixes import FILM_SUFFIXES, PHOTO_SUFFIXES


class Kind(StrEnum):
    PHOTO = "photo"
    FILM = "film"


@dataclass(frozen=True, slots=True)
class Found:
    """A file to colorize. relative: where it lies below the folder that was named; just its name if it was named itself."""

    path: Path
    relative: Path
    kind: Kind


def kind_of(path: Path) -> Kind | None:
    """What a file is by its suffix; None for everything else."""
    suffix = path.suffix.lower()
    if suffix in PHOTO_SUFFIXES:
        return Kind.PHOTO
    return Kind.FILM if suffix in FILM_SUFFIXES else None


def walk(source: Path, leave_out: Path | None = None) -> Iterator[Found]:
    """Photos and films below the folder `source`, sorted by path; a file is found itself, a film if its suffix says nothing.

    Hidden files and folders, and the folder `leave_out` (results of an earlier run), are passed over; links to folders are not
    followed, so that no loop can catch us. A source that does not exist is found as well: reading it will say so.
    """
    if not source.is_dir():
        yield Found(source, Path(source.name), kind_of(source) or Kind.FILM)
        return
    for folder, folders, files in os.walk(source):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (leave_out is None or here / name != leave_out)
        )
        for name in sorted(files):
            kind = kind_of(here / name)
            if kind is not None and not name.startswith("."):
                yield Found(here / name, (here / name).relative_to(source), kind)
