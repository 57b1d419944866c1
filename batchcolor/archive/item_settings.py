"""The settings of each item: those of the run, changed by what a pattern of names or a list of shots says about this one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..settings import Settings
from ..settings.option_types import OptionField, option_fields, unknown_name
from .walk import Found, Kind

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class Override:
    """Option values for items whose path below their source matches `pattern`, written as in a .gitignore file (`reels/**`, `*.tif`)."""

    pattern: str
    values: tuple[tuple[str, Any], ...]

    @classmethod
    def parse(cls, pattern: str, table: Mapping[str, Any]) -> Override:
        """From a TOML table. Raises `UsageError` for an option that is unknown, wrong, or cannot differ between items."""
        known = per_item_options()
        values = []
        for key, value in table.items():
            name = key.replace("-", "_")
            if name not in known:
                raise UsageError(
                    f'["{pattern}"]: {key} is not an option that can differ between items{unknown_name(name, known)}'
                )
            try:
                values.append((name, known[name].parse(value)))
            except ValueError as exc:
                raise UsageError(f'["{pattern}"]: {key}: {exc}') from exc
        return cls(pattern, tuple(values))


def per_item_options() -> dict[str, OptionField]:
    """The options that may differ between items, by field name."""
    return {
        each.name: each for part in _parts(Settings()).values() for each in option_fields(type(part)) if each.about.per_item
    }


@dataclass(frozen=True, slots=True)
class ItemSettings:
    """The run's settings and what overrides them; a later override wins over an earlier one.

    `for_item` resolves them for one item. Frozen and hashable; equal items share one `Settings` object.
    """

    default: Settings = field(default_factory=Settings)
    overrides: tuple[Override, ...] = ()

    def for_item(self, found: Found) -> Settings:
        """The settings of one photo or film. Raises `UsageError` for a list of shots that cannot be read."""
        settings = self.default
        if self.overrides:
            name = found.relative.as_posix()
            matching = tuple(each for each in self.overrides if _spec(each.pattern).match_file(name))
            settings = _overridden(self.default, matching)
        if found.kind is Kind.FILM and settings.film.shots is not None:
            return _with_cuts(settings, _list_of_shots(settings.film.shots, found.relative))
        return settings


@cache
def _spec(pattern: str) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # which few runs need

    return GitIgnoreSpec.from_lines([pattern])


@cache
def _overridden(settings: Settings, overrides: tuple[Override, ...]) -> Settings:
    values = {name: value for each in overrides for name, value in each.values}
    for name, part in _parts(settings).items():
        changed = {each.name: values[each.name] for each in option_fields(type(part)) if each.name in values}
        if changed:
            settings = dataclasses.replace(settings, **{name: dataclasses.replace(part, **changed)})
    return settings


def _parts(settings: Settings) -> dict[str, Any]:
    return {each.name: getattr(settings, each.name) for each in dataclasses.fields(settings)}


def _list_of_shots(path: Path, relative: Path) -> Path | None:
    """The list of shots of one film: the file itself, or `reels/harbour.mkv.csv` in a folder of lists; None where it has none."""
    if not path.is_dir():
        return path
    beside = path / relative.with_name(f"{relative.name}.csv")
    return beside if beside.is_file() else None


def _with_cuts(settings: Settings, path: Path | None) -> Settings:
    if path is None:
        return settings
    from ..films import read_cuts

    return dataclasses.replace(settings, film=dataclasses.replace(settings.film, cuts=read_cuts(path)))
