"""What the files of chosen colours hold, as frozen values. The reference page (`reference_page.py`) is made from these classes.

Each field's metadata says what it means (`doc`) and how it is read from TOML (`read`, a function of `values.py`).
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import values
from .values import Colour, Range, Span

VERSION = 1


def _key(read: values.Reader, doc: str, **default: Any) -> Any:
    """A field that is read from TOML; without a default it must be given."""
    return dataclasses.field(metadata={"read": read, "doc": doc}, **default)


@dataclass(frozen=True, slots=True)
class Point:
    """A colour at a place: "the coat is red"."""

    at: tuple[float, float] = _key(values.place, "x, y as shares of the upright picture's width and height, from its top left.")
    colour: Colour = _key(values.colour, 'sRGB as "#7a1f2b", a name of the palette, or "gray". Lightness stays the picture\'s.')
    size: float = _key(values.share, "Diameter, as a share of the picture's shorter side.", default=0.02)
    page: int = _key(values.page, "Page of a TIFF, from 1.", default=1)
    time: float | None = _key(values.time, 'Of a film: "00:01:12.480", or seconds. Either time or frame.', default=None)
    frame: int | None = _key(values.whole, "Of a film: number of the frame, from 0.", default=None)
    through: Span = _key(
        values.span,
        'How far it is carried in a film: "scene" (to both ends of its shot, and to later shots that return to it), "shot", "frame", '
        'or a duration either way such as "2s".',
        default=Span("scene"),
    )
    note: str = _key(values.text, "Free text, kept in the result's XMP.", default="")


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture of the same composition with the right colours, by hand or from anywhere."""

    picture: Path = _key(
        values.file, "Its file, relative to this one. Any size; where it has alpha, only opaque parts count, in steps of alpha."
    )
    page: int = _key(values.page, "Page of a TIFF, from 1.", default=1)
    time: float | None = _key(values.time, "Of a film: which frame it shows, by time or number.", default=None)
    frame: int | None = _key(values.whole, "Of a film: number of the frame, from 0.", default=None)
    through: Span = _key(values.span, "As a point's.", default=Span("scene"))
    note: str = _key(values.text, "Free text, kept in the result's XMP.", default="")


@dataclass(frozen=True, slots=True)
class Mask:
    """A part of the picture that gets one colour, or stays gray."""

    picture: Path = _key(values.file, "Gray picture of 8 bits, relative to this file; white: all of it, black: nothing.")
    colour: Colour = _key(values.colour, 'As a point\'s; "gray" leaves it black-and-white.', default=Colour(0.0, 0.0, "gray"))
    page: int = _key(values.page, "Page of a TIFF, from 1.", default=1)
    time: float | None = _key(
        values.time, "Of a film: the frame it was drawn on; without one it holds for all of them.", default=None
    )
    frame: int | None = _key(values.whole, "Of a film: number of the frame, from 0.", default=None)
    through: Span = _key(values.span, "As a point's.", default=Span("scene"))
    note: str = _key(values.text, "Free text, kept in the result's XMP.", default="")


@dataclass(frozen=True, slots=True)
class ShotSetting:
    """How one shot of a film is coloured."""

    time: float | None = _key(values.time, "A time within the shot. Either time or frame.", default=None)
    frame: int | None = _key(values.whole, "Number of a frame within the shot, from 0.", default=None)
    saturation: float = _key(values.factor, "Factor on its colour; 0 leaves it black-and-white.", default=1.0)


@dataclass(frozen=True, slots=True)
class ItemColours:
    """Everything chosen for one photo or film, `NAME.EXT.colours.toml`.

    digest: SHA-256 of all of it, its pictures' bytes included. path: of the file it was read from.
    """

    points: tuple[Point, ...] = ()
    references: tuple[Reference, ...] = ()
    masks: tuple[Mask, ...] = ()
    shots: tuple[ShotSetting, ...] = ()
    digest: str = ""
    path: Path = dataclasses.field(default=Path(), compare=False)

    def __bool__(self) -> bool:
        return bool(self.points or self.references or self.masks or self.shots)

    @property
    def layers(self) -> tuple[Reference | Mask, ...]:
        """What comes with a picture of its own."""
        return self.references + self.masks


@dataclass(frozen=True, slots=True)
class ChosenColours:
    """What a run needs to know of one item: its own file, and the rules that hold for it. digest: SHA-256 of all of it."""

    item: ItemColours
    rules: tuple[Rule, ...]
    digest: str

    def as_json(self) -> str:
        """What was chosen, for the result's metadata: colours, places and notes."""
        told: dict[str, list[dict[str, Any]]] = {}
        for name in ("points", "references", "masks", "shots"):
            entries = [
                {
                    field.name: _plain(getattr(entry, field.name))
                    for field in documented(type(entry))
                    if getattr(entry, field.name) != field.default
                }
                for entry in getattr(self.item, name)
            ]
            if entries:
                told[name] = entries
        if self.rules:
            told["rules"] = [{"note": rule.note, "items": rule.items} for rule in self.rules]
        return json.dumps(told, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Colour):
        return value.name
    if isinstance(value, Path):
        return value.name
    return str(value) if isinstance(value, Span) else value


@dataclass(frozen=True, slots=True)
class PaletteColour:
    """A named colour and where it is known from, in `palette.toml`."""

    colour: Colour = _key(values.colour, 'sRGB as "#7a1f2b".')
    source: str = _key(values.text, "Where it is known from.", default="")


@dataclass(frozen=True, slots=True)
class Palette:
    """`palette.toml`: a table `{ colour, source }` a name."""

    colours: dict[str, PaletteColour] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a rule makes of the colours that it finds; at least one of them."""

    chroma: float | None = _key(values.factor, "Factor on chroma.", default=None)
    hue: float | None = _key(values.turn, 'Turn of the CIELAB hue angle, in degrees: "+20" or "-20".', default=None)
    colour: Colour | None = _key(values.colour, "Hue and chroma instead of what was there.", default=None)


@dataclass(frozen=True, slots=True)
class Rule:
    """Corrects what the network gets wrong again and again, over all items or some, in `rules.toml`."""

    then: Change = _key(values.table, "What becomes of these colours; see below.")
    items: str = _key(values.text, 'Which items: a glob of paths in the source tree, "portraits/**".', default="**")
    hue: Range = _key(
        values.hues, "CIELAB hue angles in degrees, from-to, through 0 where the first is larger.", default=Range(0, 360)
    )
    chroma: Range = _key(values.range_of(0, 200), "CIELAB chroma, from-to.", default=Range(0, 200))
    lightness: Range = _key(values.range_of(0, 100), "CIELAB lightness, from-to.", default=Range(0, 100))
    note: str = _key(values.text, "Free text.", default="")


def documented(kind: type) -> tuple[dataclasses.Field[Any], ...]:
    """The fields of a class above that are keys of its table in TOML."""
    return tuple(field for field in dataclasses.fields(kind) if "read" in field.metadata)
