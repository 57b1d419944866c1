"""Chosen colours beside the photos and films that they belong to, and whole folders of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..colours.check import check_film, check_photo
from ..colours.files import NO_PALETTE, PALETTE, RULES, SUFFIX, ColoursFolder, read_item, read_palette, read_rules
from ..colours.model import ItemColours
from ..errors import BatchcolorError
from ..suffixes import FILM_SUFFIXES


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
