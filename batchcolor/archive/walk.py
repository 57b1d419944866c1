"""Finding photos and films under the sources that a user names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ..film_files import is_standalone_film
from ..suffixes import FILM_SUFFIXES, HEAD_BYTES, OTHER_SUFFIXES, PHOTO_SUFFIXES, container_of, unsupported_kind

STATE_FOLDER = ".batchcolor"  # in every output tree
# What systems and file servers keep for themselves: thumbnails, deleted files, snapshots.
_SYSTEM_FOLDERS = frozenset(
    [
        "@eadir", "#recycle", "$recycle.bin", "recycler", "recycled", "@recycle", "#snapshot", "@recently-snapshot", "lost+found",
        "system volume information", "network trash folder", "temporary items", "__macosx", "found.000",
    ]
)  # fmt: skip


class Kind(StrEnum):
    """folder: only of what cannot be read."""

    PHOTO = "photo"
    FILM = "film"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Found:
    """A file to colorize. relative: where it lies below the folder that was named; just its name if it was named itself."""

    path: Path
    relative: Path
    kind: Kind


@dataclass(slots=True)
class Unhandled:
    """What a walk came upon besides. folders: that cannot be read, and why; others: files of kinds that are not handled, by suffix."""

    folders: list[tuple[Path, OSError]] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    @property
    def sentence(self) -> str | None:
        """The files of other kinds in a sentence; None where there are none."""
        if not self.others:
            return None
        count = self.others.total()
        kinds = ", ".join(f"{number} {suffix}" for suffix, number in self.others.most_common())
        files = "1 file of a kind that is not handled" if count == 1 else f"{count} files of kinds that are not handled"
        return f"{files}: {kinds}"


def kind_of(path: Path) -> Kind | None:
    """What a file is by its suffix; None for everything else."""
    suffix = path.suffix.lower()
    if suffix in PHOTO_SUFFIXES:
        return Kind.PHOTO
    return Kind.FILM if suffix in FILM_SUFFIXES else None


def _kind_of_named(path: Path) -> Kind:
    """What a file is that was named itself: by its suffix, else by its first bytes, else a film, as FFmpeg knows most kinds."""
    kind = kind_of(path)
    if kind is Kind.PHOTO or not path.is_file():
        return kind or Kind.FILM
    if kind is Kind.FILM and is_standalone_film(path):
        return Kind.FILM
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        head = b""
    return Kind.PHOTO if container_of(head) or unsupported_kind(head) else Kind.FILM


def walk(source: Path, leave_out: Path | None = None, unhandled: Unhandled | None = None) -> Iterator[Found]:
    """Photos and films below the folder `source`, sorted by path; a file that is named itself is found whatever its suffix.

    Passed over are hidden files and folders, folders that systems keep for themselves, output trees (`leave_out`, and every other folder
    that has a manifest), and what is no file: pipes, sockets, devices. Links to folders are not followed, so no loop can catch us. A
    source that does not exist is found as well: reading it will say so. unhandled: told what else there is.
    """
    if not source.is_dir():
        yield Found(source, Path(source.name), _kind_of_named(source))
        return
    out = None if leave_out is None else _identity(leave_out)
    unhandled = Unhandled() if unhandled is None else unhandled
    waiting = [source]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                names = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
        except OSError as exc:
            unhandled.folders.append((folder, exc))
            continue
        folders = [Path(entry.path) for entry in names if _is(entry.is_dir, follow_symlinks=False) and _is_wanted(entry.name)]
        waiting += [
            each
            for each in reversed(folders)
            if _identity(each) != out and not (each / STATE_FOLDER / "manifest.sqlite").exists()
        ]
        for entry in names:
            if _is(entry.is_dir) or not (_is(entry.is_file) or (entry.is_symlink() and not Path(entry.path).exists())):
                continue
            path = Path(entry.path)
            kind = kind_of(path)
            if kind is Kind.FILM and not is_standalone_film(path):
                if path.suffix.lower() != ".vob":  # these are part of a film that is found
                    unhandled.others[path.suffix.lower()] += 1
                continue
            if kind is not None:
                yield Found(path, path.relative_to(source), kind)
            elif path.suffix.lower() in OTHER_SUFFIXES:
                unhandled.others[path.suffix.lower()] += 1


def _is_wanted(name: str) -> bool:
    return name.casefold() not in _SYSTEM_FOLDERS


def _is(test: Callable[..., bool], **options: bool) -> bool:
    """The result of a test of a directory entry; False where the entry cannot be read."""
    try:
        return test(**options)
    except OSError:
        return False


def _identity(folder: Path) -> object:
    """Equal for two spellings of one folder, links and relative names among them."""
    try:
        found = folder.stat()
    except OSError:
        return os.path.realpath(folder)
    return found.st_dev, found.st_ino
