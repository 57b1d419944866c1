"""docs/chosen-colours-files.md, made from the dataclasses.

python -m batchcolor.colours.reference_page > docs/chosen-colours-files.md
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from .model import Change, Mask, PaletteColour, Point, Reference, Rule, ShotSetting, documented
from .values import Colour, Range, Span

_HEAD = """# Files of chosen colours

Made from the program's own definitions. What they are for and how to begin: [chosen-colours.md](chosen-colours.md).
`batchcolor colours check FOLDER` finds every fault.

A file of one photo or film is called `NAME.EXT.colours.toml` and begins with `version = 1`; it lies where the item lies in the source
tree. `palette.toml` and `rules.toml` lie at the top of the folder.
"""
_TABLES = (
    ("`[[point]]` in an item's file", Point),
    ("`[[reference]]` in an item's file", Reference),
    ("`[[mask]]` in an item's file", Mask),
    ("`[[shot]]` in a film's file", ShotSetting),
    ("`name = { ... }` in palette.toml", PaletteColour),
    ("`[[rule]]` in rules.toml", Rule),
    ("`then = { ... }` of a rule", Change),
)


def page() -> str:
    """The page, Markdown."""
    return "\n".join([_HEAD, *(line for title, kind in _TABLES for line in _table(title, kind))])


def _table(title: str, kind: type) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield (kind.__doc__ or "").strip().splitlines()[0]
    yield ""
    yield "| key | default | meaning |"
    yield "| --- | --- | --- |"
    for field in documented(kind):
        yield f"| `{field.name}` | {_default(field.default)} | {field.metadata['doc']} |"
    yield ""


def _default(value: object) -> str:
    if value is dataclasses.MISSING:
        return "must be given"
    if value is None or value == "":
        return "none"
    if isinstance(value, Range):
        return f"`[{value.start:g}, {value.end:g}]`"
    if isinstance(value, Colour):
        return f'`"{value.name}"`'
    return f'`"{value}"`' if isinstance(value, str | Span) else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    print(page(), end="")
