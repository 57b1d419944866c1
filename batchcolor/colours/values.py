"""Values in files of chosen colours: each reader takes what TOML gives and returns a value, or raises `BadValue`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..color.conversion import rgb_to_lab

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


class BadValue(ValueError):
    """What a key may hold, as the end of a sentence: "give x and y from 0 to 1"."""


@dataclass(frozen=True, slots=True)
class Colour:
    """Hue and chroma: a, b of CIELAB (D65). name: how the file calls it."""

    a: float
    b: float
    name: str

    @property
    def ab(self) -> tuple[float, float]:
        return self.a, self.b


class Range(NamedTuple):
    """From-to, both included; of hues through 0 where the first is larger."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Span:
    """How far a choice is carried in a film: `scene`, `shot`, `frame`, or `duration` with seconds either way."""

    kind: str
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.seconds:g}s" if self.kind == "duration" else self.kind


class Names(NamedTuple):
    """What values may refer to. folder: the file's own; palette: colours by name."""

    folder: Path
    palette: Mapping[str, Colour]


Reader = Callable[[Any, Names], Any]


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise BadValue("give a number")
    return float(value)


def _two_numbers(value: Any, remedy: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise BadValue(remedy)
    try:
        one, two = map(number, value)
    except BadValue:
        raise BadValue(remedy) from None
    return one, two


def place(value: Any, _names: Names) -> tuple[float, float]:
    remedy = "give x and y as shares of the picture, from 0 to 1: [0.42, 0.31]"
    x, y = _two_numbers(value, remedy)
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise BadValue(f"the point lies outside the picture; {remedy}")
    return x, y


def colour(value: Any, names: Names) -> Colour:
    remedy = 'give sRGB as "#7a1f2b", "gray", or a name of palette.toml'
    if not isinstance(value, str):
        raise BadValue(remedy)
    if value.lower() in ("gray", "grey"):
        return Colour(0.0, 0.0, "gray")
    if _HEX.fullmatch(value):
        return of_hex(value)
    if value in names.palette:
        return names.palette[value]
    known = f", which has {', '.join(sorted(names.palette))}" if names.palette else ", and there is none"
    raise BadValue(f"unknown colour name; {remedy}{known}")


def of_hex(code: str) -> Colour:
    """A colour of sRGB, #rrggbb."""
    rgb = np.array([int(code[n : n + 2], 16) for n in (1, 3, 5)], np.float64)[:, None, None] / 255
    _, a, b = rgb_to_lab(rgb).ravel()
    return Colour(round(float(a), 4), round(float(b), 4), code.lower())


def share(value: Any, _names: Names) -> float:
    size = number(value)
    if not 0 < size <= 1:
        raise BadValue("give a share of the picture's shorter side, over 0 and up to 1")
    return size


def whole(value: Any, _names: Names) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadValue("give a whole number, from 0")
    return value


def page(value: Any, _names: Names) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadValue("give the number of a page, from 1")
    return value


def time(value: Any, _names: Names) -> float:
    if isinstance(value, str):
        found = _CLOCK.fullmatch(value)
        if found:
            hours, minutes, seconds = found.groups()
            return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds)
    elif not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value < 1e7:
        return float(value)
    raise BadValue('give a time as "00:01:12.480", or in seconds')


def span(value: Any, _names: Names) -> Span:
    if isinstance(value, str):
        if value in ("scene", "shot", "frame"):
            return Span(value)
        found = _DURATION.fullmatch(value)
        if value and found and any(found.groups()):
            hours, minutes, seconds = found.groups()
            return Span("duration", 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds or 0))
    raise BadValue('give "shot", "scene", "frame", or a duration either way such as "2s"')


def factor(value: Any, _names: Names) -> float:
    if not 0 <= number(value) <= 10:
        raise BadValue("give a factor from 0 to 10")
    return float(value)


def turn(value: Any, _names: Names) -> float:
    remedy = 'give a turn in degrees with its sign: "+20" or "-20"'
    if not isinstance(value, str) or not re.fullmatch(r"[+-]\d+(\.\d+)?", value):
        raise BadValue(remedy)
    if abs(float(value)) > 360:
        raise BadValue(f"{remedy}, of 360 at most")
    return float(value)


def text(value: Any, _names: Names) -> str:
    if not isinstance(value, str):
        raise BadValue("give a text in quotation marks")
    return value


def file(value: Any, names: Names) -> Path:
    if not isinstance(value, str) or not value:
        raise BadValue("give the name of a picture, relative to this file")
    path = names.folder / value
    if not path.is_file():
        raise BadValue(f"there is no file {path}; give the name of a picture, relative to this file")
    return path


def range_of(least: float, most: float) -> Reader:
    """A reader of two numbers within these, in order."""

    def read(value: Any, _names: Names) -> Range:
        remedy = f"give two numbers from {least:g} to {most:g}, the smaller first"
        start, end = _two_numbers(value, remedy)
        if not least <= start <= end <= most:
            raise BadValue(remedy)
        return Range(start, end)

    return read


def hues(value: Any, _names: Names) -> Range:
    remedy = "give two hue angles from 0 to 360"
    start, end = _two_numbers(value, remedy)
    if not (0 <= start <= 360 and 0 <= end <= 360):
        raise BadValue(remedy)
    return Range(start, end)


def table(value: Any, _names: Names) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadValue("give a table in braces: { chroma = 0.25 }")
    return value
