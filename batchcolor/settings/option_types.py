"""One schema for all options: what a dataclass field means, which values it takes, and how text becomes one of them.

A field made by `option` describes itself: its help text, its range, its heading. The command line, the environment, TOML files and the
Python API all check values by it, so that adding an option touches its dataclass and nothing else.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import UsageError

Options = TypeVar("Options")

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+|\d+(?:\.\d+)?")
_MAX_TEXT = 4096  # characters of a value; a name that is longer is none


@dataclass(frozen=True, slots=True)
class Option:
    """What an option is besides its name, type and default.

    help: a sentence for `--help`. heading: the section of the help that lists it. low, high: the range of a number, both ends included;
    exclusive_low: the number must be larger than `low`. metavar: how its value is called there. short: a one-letter flag, such as "-q".
    duration: seconds that may be written 90, 45m, 6h or 1h30m. per_item: whether a TOML table may set it for some items alone.
    affects_result: whether results depend on it.
    """

    help: str
    heading: str
    low: float | None = None
    high: float | None = None
    exclusive_low: bool = False
    metavar: str | None = None
    short: str | None = None
    duration: bool = False
    per_item: bool = False
    affects_result: bool = True


def option(default: Any, help: str, *, heading: str, **more: Any) -> Any:
    """A dataclass field that is an option; `more` are the other fields of `Option`."""
    return dataclasses.field(default=default, metadata={"option": Option(help, heading, **more)})


@dataclass(frozen=True, slots=True)
class OptionField:
    """An option as its dataclass declares it. name: of the field; kind: bool, int, float, str or Path; choices: of a `Literal`."""

    name: str
    default: Any
    kind: type
    choices: tuple[str, ...]
    optional: bool
    about: Option

    @property
    def flag(self) -> str:
        """Its name on the command line and in TOML, without dashes in front."""
        return self.name.rstrip("_").replace("_", "-")

    def parse(self, value: Any) -> Any:
        """The option's value from text (a flag, the environment) or from a TOML value. Raises `ValueError` that says what is right."""
        if value is None and self.optional:
            return None
        if self.about.duration:
            return self._in_range(parse_duration(value))
        return self._in_range(self._typed(value))

    def _typed(self, value: Any) -> Any:
        if self.choices:
            if value not in self.choices:
                raise ValueError(f"{value!r} is not one of {', '.join(self.choices)}{_meant(str(value), self.choices)}")
            return value
        if self.kind is bool:
            return _bool(value)
        if self.kind is int:
            return _int(value)
        if self.kind is float:
            return _float(value)
        if isinstance(value, Path) and self.kind is Path:
            return value
        if not isinstance(value, str):
            raise ValueError(f"{_shown(value)} is not text")
        if len(value) > _MAX_TEXT or "\0" in value:
            raise ValueError("is not a name: it is too long or holds a zero character")
        return self.kind(value)

    def _in_range(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        low, high = self.about.low, self.about.high
        too_low = low is not None and (value <= low if self.about.exclusive_low else value < low)
        if too_low or (high is not None and value > high):
            raise ValueError(f"{value:g} is not {self.range}")
        return value

    @property
    def range(self) -> str:
        """The range in words, such as "between 0 and 3"; empty where any number will do."""
        low, high = self.about.low, self.about.high
        if low is not None and high is not None:
            return f"between {low:g} and {high:g}"
        if low is not None:
            return f"more than {low:g}" if self.about.exclusive_low else f"at least {low:g}"
        return f"at most {high:g}" if high is not None else ""


_fields: dict[type, tuple[OptionField, ...]] = {}


def option_fields(kind: type) -> tuple[OptionField, ...]:
    """The options that a dataclass declares, in order."""
    if kind not in _fields:
        _fields[kind] = tuple(_declared(kind))
    return _fields[kind]


def _declared(kind: type) -> Iterator[OptionField]:
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        about = field.metadata.get("option")
        if about is None:
            continue
        hint, optional = hints[field.name], False
        if get_origin(hint) in (Union, types.UnionType):
            (hint,) = (each for each in get_args(hint) if each is not type(None))
            optional = True
        choices = get_args(hint) if get_origin(hint) is Literal else ()
        yield OptionField(field.name, field.default, str if choices else hint, choices, optional, about)


def check(options: Any) -> None:
    """Check every option of a dataclass instance. Raises `UsageError` that names the first wrong one."""
    for field in option_fields(type(options)):
        value = getattr(options, field.name)
        try:
            same = field.parse(value)
        except ValueError as exc:
            raise UsageError(f"{field.flag}: {exc}") from exc
        if type(same) is not type(value) and same != value:
            raise UsageError(f"{field.flag}: {value!r} is not of type {field.kind.__name__}")


def build(kind: type[Options], values: Mapping[str, Any], **more: Any) -> Options:
    """An instance of the dataclass `kind` from option values by field name; names that are not its options are passed over."""
    return kind(**{field.name: values[field.name] for field in option_fields(kind) if field.name in values}, **more)


def unknown_name(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a misspelled name: the nearest known one, where there is one."""
    return _meant(name, tuple(known))


def parse_duration(value: Any) -> float:
    """Seconds from a number or from text such as 90, 45m, 6h, 1h30m, 2d. Raises `ValueError`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _float(value)
    text = str(value).strip()
    if len(text) > _MAX_TEXT or _DURATION.fullmatch(text) is None:
        raise ValueError(f"{_shown(value)} is not a duration; write 90, 45m, 6h or 1h30m")
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    return _float(sum(float(number) * _UNITS_S[unit or "s"] for number, unit in parts))


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, str) and value.strip().lower() in known:
        return known[value.strip().lower()]
    raise ValueError(f"{_shown(value)} is neither true nor false")


def _int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip()):
        return int(value)
    raise ValueError(f"{_shown(value)} is not a whole number")


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or (isinstance(value, str) and len(value) > 64):
        raise ValueError(f"{_shown(value)} is not a number")
    try:
        number = float(value)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"{_shown(value)} is not a number") from exc
    if not math.isfinite(number):
        raise ValueError(f"{_shown(value)} is not a finite number")
    return number


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _meant(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
