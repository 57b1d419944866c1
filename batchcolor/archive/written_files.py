"""The guard of files that a run writes besides results: reports, logs, sheets. None of them may be an original, or each other."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..errors import UsageError
from .walk import kind_of


def check_written_files(written: Mapping[str, Path], sources: Iterable[Path], others: Mapping[str, Iterable[Path]]) -> None:
    """Raise `UsageError` where one of the files `written` is one that must stay as it is, whatever it is called: by a link, in another
    spelling, through another mount.

    written: by the option that names them. sources: originals. others: files that have another purpose, by what they are. Folders are
    refused, and names of photos and films: such a file is somebody's original, whether it belongs to this run or not. Nothing is read but
    names and what the system knows of them.
    """
    if not written:
        return
    taken: dict[object, str] = {}
    for what, paths in (("an original", sources), *others.items()):
        for path in paths:
            for name in identities(path):
                taken.setdefault(name, what)
    for option, path in written.items():
        try:
            is_folder = stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - a link to a folder is a folder
        except (OSError, ValueError):
            is_folder = False
        if is_folder:
            raise UsageError(f"{option} {path}: is a folder; name a file")
        found = list(identities(path))
        clash = next((taken[name] for name in found if name in taken), None)
        if clash is not None:
            raise UsageError(f"{option} {path}: is {clash}, which would be overwritten; name another file")
        if option != "--output" and kind_of(path) is not None:
            raise UsageError(f"{option} {path}: is the name of a photo or film; name another file")
        taken.update(dict.fromkeys(found, f"also the file of {option}"))


def identities(path: Path) -> Iterator[object]:
    """What two names of one file have in common: the file itself, where there is one, and its name in its real folder."""
    yield os.path.normcase(os.path.realpath(path))
    yield os.path.normcase(os.path.join(os.path.realpath(path.parent), path.name))  # noqa: PTH118 - strings are faster
    try:
        found = os.stat(path)  # noqa: PTH116 - called for every original
    except (OSError, ValueError):
        return
    if stat.S_ISREG(found.st_mode):
        yield found.st_dev, found.st_ino
