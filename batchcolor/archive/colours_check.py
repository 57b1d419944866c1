"""Faults of chosen colours that only show beside the item itself: a time beyond its end, a page that it does not have, a picture that
cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..colours.files import NO_PALETTE, PALETTE, RULES, SUFFIX, ColoursFolder, read_item, read_palette, read_rules
from ..colours.model import ItemColours
from ..colours.pictures import check_picture
from ..errors import BatchcolorError, UsageError
from ..suffixes import FILM_SUFFIXES

_FIELDS = {"point": "points", "reference": "references", "mask": "masks", "shot": "shots"}


def check_photo(chosen: ItemColours, pages: int) -> None:
    """Raises `UsageError` for a choice that a photo of so many pages cannot follow, or a picture that cannot be read."""
    for key, number, entry in _entries(chosen):
        if key == "shot":
            raise UsageError(f"{chosen.path}: shot {number}: a photo has no shots; leave it out")
        if entry.time is not None or entry.frame is not None:
            name = "time" if entry.time is not None else "frame"
            raise UsageError(f"{chosen.path}: {key} {number} has a {name}, but this is a photo; leave it out")
        if entry.page > pages:
            raise UsageError(f"{chosen.path}: {key} {number}, page = {entry.page}: the photo has {pages}; give one of them")
    _check_pictures(chosen)


def check_film(chosen: ItemColours, duration_s: float | None, frames: int | None) -> None:
    """As `check_photo`, of a film; None: its headers do not say."""
    for key, number, entry in _entries(chosen):
        if entry.time is None and entry.frame is None and key != "mask":
            raise UsageError(f"{chosen.path}: {key} {number} has no time and no frame, but this is a film; give one of them")
        if entry.time is not None and duration_s is not None and entry.time > duration_s:
            raise UsageError(
                f"{chosen.path}: {key} {number}, time = {entry.time:g}: the film ends after {duration_s:.3f} s; give an earlier time"
            )
        # Headers may be a little off: only what is beyond all doubt is refused here.
        if entry.frame is not None and frames is not None and entry.frame > 1.05 * frames + 5:
            raise UsageError(
                f"{chosen.path}: {key} {number}, frame = {entry.frame}: the film has {frames} frames; give an earlier one"
            )
        if key != "shot" and entry.page != 1:
            raise UsageError(f"{chosen.path}: {key} {number}, page = {entry.page}: a film has no pages; leave it out")
    _check_pictures(chosen)


def check_item(source: Path, chosen: ItemColours) -> None:
    """As `check_photo` or `check_film`, whichever `source` is. Raises `SourceError` where it cannot be read."""
    if source.suffix.lower() in FILM_SUFFIXES:
        from ..films.input.probe import probe

        info = probe(source)
        check_film(chosen, info.duration_s, info.frames)
    else:
        from ..photos.read import probe as probe_photo

        check_photo(chosen, probe_photo(source).pages)


def check_folder(path: Path, sources: Path | None = None) -> tuple[int, list[str]]:
    """(files read, faults) of a folder of chosen colours or one file of it; a fault is a sentence.

    sources: the tree that it mirrors: each item must be there and able to follow.
    """
    faults: list[str] = []

    def tried(read: Any, *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except BatchcolorError as exc:
            faults.append(str(exc))
            return None

    only = None if path.is_dir() else path
    folder = path if only is None else path.parent
    palette = tried(read_palette, folder / PALETTE)
    tried(read_rules, folder / RULES, palette or NO_PALETTE)
    tree = ColoursFolder(folder, palette or NO_PALETTE, only=only)
    files = list(tree.files())
    for file in files:
        chosen = tried(read_item, file, palette or NO_PALETTE)
        if chosen is None:
            continue
        item = Path(file.name.removesuffix(SUFFIX))
        source = None if sources is None else sources / file.relative_to(folder).with_name(item.name)
        if source is not None and not source.is_file():
            faults.append(f"{file}: there is no {source} that it belongs to; rename it after its photo or film")
        elif source is not None:
            tried(check_item, source, chosen)
        elif item.suffix.lower() in FILM_SUFFIXES:
            tried(check_film, chosen, None, None)
        else:
            tried(check_photo, chosen, 10**9)
    return len(files) + (folder / PALETTE).is_file() + (folder / RULES).is_file(), faults


def _entries(chosen: ItemColours) -> Iterator[tuple[str, int, Any]]:
    """(key, number, entry) of everything in an item's file."""
    for key, field in _FIELDS.items():
        for number, entry in enumerate(getattr(chosen, field), 1):
            yield key, number, entry


def _check_pictures(chosen: ItemColours) -> None:
    for picture in [*(each.picture for each in chosen.references), *(each.picture for each in chosen.masks)]:
        check_picture(picture)
