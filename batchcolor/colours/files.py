"""Files of chosen colours: found, read with errors that name file, key and remedy, and written."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, TypeVar

from ..errors import UsageError
from ..runtime.atomic_write import atomic_write
from ..runtime.file_hash import file_sha256
from .model import (
    VERSION,
    Change,
    ChosenColours,
    ItemColours,
    Mask,
    Palette,
    PaletteColour,
    Point,
    Reference,
    Rule,
    ShotSetting,
    documented,
)
from .values import BadValue, Colour, Names, Span

SUFFIX = ".colours.toml"
PALETTE, RULES = "palette.toml", "rules.toml"
_TABLES: dict[str, tuple[str, type]] = {  # key in the file -> field of `ItemColours`, class of its entries
    "point": ("points", Point),
    "reference": ("references", Reference),
    "mask": ("masks", Mask),
    "shot": ("shots", ShotSetting),
}

NO_PALETTE = Palette()

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ColoursFolder:
    """A folder of chosen colours that mirrors a source tree, or the one file of a single item (`only`)."""

    folder: Path
    palette: Palette = NO_PALETTE
    rules: tuple[Rule, ...] = ()
    only: Path | None = None

    @classmethod
    def open(cls, path: Path) -> ColoursFolder:
        """path: a folder, or a file that ends in .toml. Raises `UsageError` for what is neither, or a wrong palette or rules."""
        if path.is_dir():
            folder, only = path, None
        elif path.is_file():
            folder, only = path.parent, path
        else:
            raise UsageError(
                f"{path}: no such folder or file of chosen colours; give a folder, or one file that ends in {SUFFIX}"
            )
        palette = read_palette(folder / PALETTE)
        return cls(folder, palette, read_rules(folder / RULES, palette), only)

    def path_of(self, relative: PurePath) -> Path:
        """The file of an item whose path in the source tree is `relative`; it need not be there."""
        return self.only or self.folder / relative.parent / f"{relative.name}{SUFFIX}"

    def of(self, relative: PurePath) -> ItemColours | None:
        """What was chosen for an item; None where it has no file. Raises `UsageError`."""
        path = self.path_of(relative)
        return read_item(path, self.palette) if path.is_file() else None

    def rules_of(self, relative: PurePath) -> tuple[Rule, ...]:
        """The rules that hold for an item, in the file's order."""
        return tuple(rule for rule in self.rules if _matches(relative, rule.items))

    def chosen(self, relative: PurePath) -> ChosenColours | None:
        """All that was chosen for an item; None for nothing. Another digest means another result. Raises `UsageError`."""
        item, rules = self.of(relative) or ItemColours(), self.rules_of(relative)
        if not item and not rules:
            return None
        return ChosenColours(item, rules, sha256_of([item.digest, [dataclasses.astuple(rule) for rule in rules]]))

    def files(self) -> Iterator[Path]:
        """Every file of an item, sorted."""
        yield from [self.only] if self.only else sorted(filter(Path.is_file, self.folder.rglob(f"*{SUFFIX}")))


def sha256_of(value: Any) -> str:
    """SHA-256, hexadecimal, of dataclasses, tuples, numbers and texts."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=_plain).encode("utf-8", "backslashreplace")).hexdigest()


def _plain(value: Any) -> Any:
    return dataclasses.astuple(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else str(value)


def _matches(path: PurePath, glob: str) -> bool:
    """Whether a path matches a glob in which `**` stands for any number of folders, none included."""
    return _parts_match(path.parts, tuple(part for part in glob.split("/") if part))


def _parts_match(parts: tuple[str, ...], globs: tuple[str, ...]) -> bool:
    if not globs:
        return not parts
    if globs[0] == "**":
        return any(_parts_match(parts[n:], globs[1:]) for n in range(len(parts) + 1))
    return bool(parts) and PurePath(parts[0]).match(globs[0]) and _parts_match(parts[1:], globs[1:])


def read_item(path: Path, palette: Palette = NO_PALETTE) -> ItemColours:
    """The file of one photo or film. Raises `UsageError`, one sentence with file, key and remedy."""
    table = _load(path)
    if table.pop("version", None) != VERSION:
        raise UsageError(f"{path}: does not say which version it is; begin it with: version = {VERSION}")
    names = Names(path.parent, {name: each.colour for name, each in palette.colours.items()})
    found: dict[str, Any] = {}
    for key, entries in table.items():
        if key not in _TABLES:
            raise UsageError(f"{path}: {_unknown(key, _TABLES)}")
        field, kind = _TABLES[key]
        if not isinstance(entries, list):
            raise UsageError(f"{path}: {key} is not a list of tables; write it as [[{key}]]")
        found[field] = tuple(_entry(path, f"{key} {number}", kind, entry, names) for number, entry in enumerate(entries, 1))
    chosen = ItemColours(**found, path=path)
    for key, (field, _) in _TABLES.items():
        for number, entry in enumerate(getattr(chosen, field), 1):
            _check_times(path, f"{key} {number}", entry)
    return dataclasses.replace(chosen, digest=digest_of(chosen))


def digest_of(chosen: ItemColours) -> str:
    """SHA-256 of what was chosen, its pictures' bytes included; notes count, for they are kept in the result. Raises `UsageError`."""
    entries = [[dataclasses.astuple(each) for each in getattr(chosen, field)] for field, _ in _TABLES.values()]
    try:
        return sha256_of([entries, [file_sha256(layer.picture) for layer in chosen.layers]])
    except OSError as exc:
        raise UsageError(f"{exc.filename}: cannot be read ({exc.strerror}); check that it exists and its permissions") from exc


def _check_times(path: Path, place: str, entry: Any) -> None:
    if entry.time is not None and entry.frame is not None:
        raise UsageError(f"{path}: {place} has a time and a frame; give one of them")


def read_palette(path: Path) -> Palette:
    """`palette.toml`; without one, an empty palette. Raises `UsageError`."""
    if not path.is_file():
        return Palette()
    names = Names(path.parent, {})
    return Palette({name: _entry(path, name, PaletteColour, entry, names) for name, entry in _load(path).items()})


def read_rules(path: Path, palette: Palette = NO_PALETTE) -> tuple[Rule, ...]:
    """`rules.toml`; without one, none. Raises `UsageError`."""
    if not path.is_file():
        return ()
    table = _load(path)
    entries = table.pop("rule", [])
    if table:
        raise UsageError(f"{path}: {_unknown(next(iter(table)), ['rule'])}")
    if not isinstance(entries, list):
        raise UsageError(f"{path}: rule is not a list of tables; write it as [[rule]]")
    names = Names(path.parent, {name: each.colour for name, each in palette.colours.items()})
    return tuple(_rule(path, f"rule {number}", entry, names) for number, entry in enumerate(entries, 1))


def _rule(path: Path, place: str, entry: Any, names: Names) -> Rule:
    rule = _entry(path, place, Rule, entry, names)
    then = _entry(path, f"{place}, then", Change, rule.then, names)
    if then == Change():
        raise UsageError(f"{path}: {place}, then is empty; give chroma, hue or colour")
    if then.colour is not None and then.hue is not None:
        raise UsageError(f"{path}: {place}, then has a hue and a colour; give one of them")
    return dataclasses.replace(rule, then=then)


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as exc:
        raise UsageError(f"{path}: cannot be read ({exc.strerror or exc}); check that it exists and its permissions") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path}: is not valid TOML ({exc}); correct it there") from exc


def _entry(path: Path, place: str, kind: type[Value], entry: Any, names: Names) -> Value:
    """One table of a file as a value of `kind`."""
    if not isinstance(entry, Mapping):
        raise UsageError(f"{path}: {place} is not a table; give its keys and values")
    fields = {field.name: field for field in documented(kind)}
    for key in entry:
        if key not in fields:
            raise UsageError(f"{path}: {place}: {_unknown(key, fields)}")
    found: dict[str, Any] = {}
    for name, field in fields.items():
        if name in entry:
            try:
                found[name] = field.metadata["read"](entry[name], names)
            except BadValue as exc:
                raise UsageError(f"{path}: {place}, {name} = {_shown(entry[name])}: {exc}") from exc
        elif field.default is dataclasses.MISSING:
            raise UsageError(f"{path}: {place} has no {name}; {field.metadata['doc'][0].lower()}{field.metadata['doc'][1:]}")
    return kind(**found)


def _unknown(key: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(key, names, 1)
    meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
    return f"no key is called {key!r}; {meant}"


def _shown(value: Any) -> str:
    shown = json.dumps(value, default=str, ensure_ascii=False)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def write_item(path: Path, chosen: ItemColours) -> None:
    """Write the file of one item, whole or not at all; what equals a default is left out. Raises `OutputError`."""
    lines = [f"version = {VERSION}"]
    for key, (field, kind) in _TABLES.items():
        for entry in getattr(chosen, field):
            lines += ["", f"[[{key}]]", *_keys(kind, entry, path.parent)]
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _keys(kind: type, entry: Any, folder: Path) -> Iterator[str]:
    for field in documented(kind):
        value = getattr(entry, field.name)
        if value != field.default:
            yield f"{field.name} = {_toml(value, folder)}"


@functools.singledispatch
def _toml(value: Any, folder: Path) -> str:
    raise TypeError(f"{type(value).__name__} has no place in a file of chosen colours")


@_toml.register
def _(value: str, folder: Path) -> str:
    # JSON's escapes are TOML's, but for DEL, which TOML does not allow as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@_toml.register(int)
@_toml.register(float)
def _(value: float, folder: Path) -> str:
    return repr(value)


@_toml.register
def _(value: tuple, folder: Path) -> str:  # type: ignore[type-arg]
    return f"[{', '.join(_toml(each, folder) for each in value)}]"


@_toml.register
def _(value: Colour, folder: Path) -> str:
    return _toml(value.name, folder)


@_toml.register
def _(value: Span, folder: Path) -> str:
    return _toml(str(value), folder)


@_toml.register
def _(value: Path, folder: Path) -> str:
    inside = value.is_relative_to(folder)
    return _toml((value.relative_to(folder) if inside else value.absolute()).as_posix(), folder)
