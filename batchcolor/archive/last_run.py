"""What the last run over an output tree was told, remembered in its manifest, so that some of its items can be redone alike."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..settings import Settings
from ..settings.option_types import build, option_fields
from .item_settings import ItemSettings, Override

FACT = "last run"  # its name in the manifest


@dataclass(frozen=True, slots=True)
class LastRun:
    """sources: absolute paths. settings: of the run, with what overrides them for single items."""

    sources: tuple[Path, ...]
    settings: ItemSettings

    def to_json(self) -> str:
        """Options that differ from their defaults, by name; `from_json` reads them again."""
        content = {
            "sources": [str(source) for source in self.sources],
            "options": _changed(self.settings.default),
            "overrides": [
                {"pattern": each.pattern, "options": {name: _plain(value) for name, value in each.values}}
                for each in self.settings.overrides
            ],
        }
        return json.dumps(content)

    @classmethod
    def from_json(cls, text: str) -> LastRun:
        """Raises `UsageError` for what was written by another version and cannot be read."""
        try:
            content = json.loads(text)
            settings = Settings(
                **{
                    part.name: _part(getattr(Settings(), part.name), content["options"])
                    for part in dataclasses.fields(Settings)
                }
            )
            overrides = tuple(Override.parse(each["pattern"], each["options"]) for each in content["overrides"])
            return cls(tuple(map(Path, content["sources"])), ItemSettings(settings, overrides))
        except (ValueError, KeyError, TypeError) as exc:
            raise UsageError(f"the last run's options cannot be read ({exc}); run `batchcolor colorize` once more") from exc


def _changed(settings: Settings) -> dict[str, Any]:
    return {
        field.name: _plain(value)
        for part in dataclasses.fields(settings)
        for field in option_fields(type(getattr(settings, part.name)))
        if (value := getattr(getattr(settings, part.name), field.name)) != field.default
    }


def _plain(value: Any) -> Any:
    return str(value.absolute()) if isinstance(value, Path) else value


def _part(default: Any, options: Mapping[str, Any]) -> Any:
    fields = {field.name: field for field in option_fields(type(default))}
    return build(type(default), {name: fields[name].parse(value) for name, value in options.items() if name in fields})
