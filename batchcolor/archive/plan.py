"""From sources to items: what becomes what, checked before anything is read."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BatchcolorError, OutputError, SourceError, UsageError
from ..runtime.regular_file import require_regular_file
from ..settings import PhotoFormat, Settings
from ..suffixes import PHOTO_SUFFIXES, READ_ONLY_SUFFIXES
from .item_settings import ItemSettings
from .target_checks import TargetChecks
from .walk import Found, Kind, Unhandled, walk

if TYPE_CHECKING:
    from ..colours.files import ColoursFolder
    from ..colours.model import ChosenColours

# What is in that format already, by its suffix.
_SUFFIXES_OF_FORMAT: dict[str, tuple[str, ...]] = {
    "jpg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "tif": (".tif", ".tiff"),
    "webp": (".webp",),
    "avif": (".avif",),
}
_FILM_SUFFIXES_KEPT = {".mp4", ".m4v", ".mov", ".mkv"}


@dataclass(frozen=True, slots=True)
class Item:
    """One photo or film, where its result goes, the settings for it, and the colours that somebody chose."""

    source: Path
    target: Path
    kind: Kind
    settings: Settings = Settings()
    colours: ChosenColours | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """items: to be done; refused: not to be done, and why; notes: what else was found, a sentence each."""

    items: tuple[Item, ...]
    refused: tuple[tuple[Item, BatchcolorError], ...]
    notes: tuple[str, ...] = ()

    def of_kind(self, kind: Kind) -> list[Item]:
        return [item for item in self.items if item.kind is kind]


def target_name(found: Found, photo_format: PhotoFormat = "keep") -> Path:
    """The result's path below the output: the source's own, with a suffix appended where the format is another.

    Films of containers that we do not write become Matroska, photos of formats that we do not write PNG. Appending keeps `reel.avi`
    (-> `reel.avi.mkv`) apart from `reel.mkv`, and `a.tif` (-> `a.tif.jpg`) from `a.jpg`.
    """
    suffix = found.path.suffix.lower()
    appended = ""
    if found.kind is Kind.FILM and suffix not in _FILM_SUFFIXES_KEPT:
        appended = ".mkv"
    elif found.kind is Kind.PHOTO and photo_format == "keep":
        appended = ".png" if suffix in READ_ONLY_SUFFIXES or suffix not in PHOTO_SUFFIXES else ""
    elif found.kind is Kind.PHOTO and suffix not in _SUFFIXES_OF_FORMAT[photo_format]:
        appended = f".{photo_format}"
    return found.relative.with_name(found.relative.name + appended)


def is_file_name(sources: Sequence[Path], output: str | os.PathLike[str]) -> bool:
    """Whether `output` names the result of a single file, and not a folder for results; a name that ends in a slash is a folder's."""
    name = os.fspath(output)
    if len(sources) != 1 or sources[0].is_dir() or name.endswith(("/", os.sep)):
        return False
    return Path(name).suffix != "" and not Path(name).is_dir()


def plan(
    sources: Sequence[Path],
    output: str | os.PathLike[str],
    settings: ItemSettings = ItemSettings(),
    colours: ColoursFolder | None = None,
) -> Plan:
    """Every item of `sources` with its target, its settings and its chosen colours.

    Contents of folders are mirrored below `output`. A single file goes to `output` itself if that has a suffix and is no folder.
    Refused: a target that is one of the sources, a target that an earlier source already has, a target that cannot be written (see
    `TargetChecks`), a source that is no file, and a folder that cannot be read. Raises `UsageError` for wrong files of chosen colours.
    """
    one_file = is_file_name(sources, output)
    output = Path(output)
    if not one_file and output.is_file():
        raise OutputError(f"--output {output}: is a file; name a folder, or a new file for the result of a single source")
    items: list[Item] = []
    unhandled = Unhandled()
    for source in sources:
        for found in walk(source, output, unhandled):
            own = settings.for_item(found)
            target = output if one_file else output / target_name(found, own.photo.format)
            chosen = None if colours is None else colours.chosen(found.relative)
            items.append(Item(found.path, target, found.kind, own, chosen))
    refused: list[tuple[Item, BatchcolorError]] = [
        (Item(folder, output, Kind.FOLDER), _unreadable(folder, error)) for folder, error in unhandled.folders
    ]
    identity = _Identities(output)
    originals = {identity(item.source) for item in items}
    taken: dict[str, Path] = {}
    accepted: list[Item] = []
    wrong = TargetChecks(output.parent if one_file else output)
    for item in items:
        name = identity(item.target)
        error = _not_a_file(item.source) or wrong(item.source, item.target, item.kind, item.settings)
        if name in originals:
            refused.append((item, UsageError(_OVERWRITES.format(item=item))))
        elif name in taken:
            refused.append((item, UsageError(_TAKEN.format(item=item, first=taken[name]))))
        elif error is not None:
            refused.append((item, error))
        else:
            taken[name] = item.source
            accepted.append(item)
    notes = () if unhandled.sentence is None else (unhandled.sentence,)
    return Plan(tuple(accepted), tuple(refused), notes)


_OVERWRITES = "{item.source}: its result would overwrite the original {item.target}; choose another --output"
_TAKEN = "{item.source}: {first} already has the result {item.target}; colorize them into different folders"


def _not_a_file(source: Path) -> SourceError | None:
    try:
        require_regular_file(source)
    except SourceError as exc:
        return exc
    return None


def _unreadable(folder: Path, error: OSError) -> SourceError:
    return SourceError(f"{folder}: cannot be read ({error.strerror or error}), so nothing in it is done; check its permissions")


class _Identities:
    """Equal for two names of one file: links of folders resolved, case folded where the file system does so.

    A result that is a link to an original is no danger: results are renamed into place, which replaces the link itself.
    """

    def __init__(self, output: Path) -> None:
        self._folders: dict[Path, str] = {}  # resolving is slow, and an archive has many files a folder
        self._folds_case = folds_case(output)

    def __call__(self, path: Path) -> str:
        folder = self._folders.get(path.parent)
        if folder is None:
            folder = self._folders[path.parent] = os.path.realpath(path.parent)
        name = os.path.normcase(os.path.join(folder, path.name))  # noqa: PTH118 - strings are faster
        return unicodedata.normalize("NFC", name).casefold() if self._folds_case else name


def folds_case(folder: Path) -> bool:
    """Whether `A.jpg` and `a.jpg` are one file there; tested at the nearest existing folder, by a name in it or its own."""
    existing = next((each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir()), None)
    if existing is None:
        return False
    try:
        with os.scandir(existing) as entries:
            inside = next((Path(entry.path) for entry in entries if entry.name.swapcase() != entry.name), None)
        above = (each for each in (existing, *existing.parents) if each.name.swapcase() != each.name)
        named = inside or next(above, None)
        if named is None:
            return os.path.normcase("A") == "a"
        other = named.with_name(named.name.swapcase())
        return other.exists() and other.samefile(named)
    except OSError:
        return False
