"""Colours that people choose: points, references, masks, palettes and rules, in text files beside the results.

Files (no network needed): `ColoursFolder.open(folder)` reads `palette.toml` and `rules.toml`; `.of(relative)` gives an item's
`ItemColours`, or None; `read_item` and `write_item` read and write one file, `ItemColours` being a frozen dataclass of `Point`,
`Reference`, `Mask` and `ShotSetting`. `check_folder` finds every fault of a folder without touching a picture's colours.

A still picture, live (`still.py`): `Still.of(colorizer, L)` runs the network once and keeps its ab, its features and the factorized
picture; `still.ab(chosen)` then answers in milliseconds for any points, references, masks and rules. `still.reach(point)` tells how far
a point's colour goes. `batchcolor.color.upsampling` brings ab to any size, as for every result. A film's frame is a `Still` of its own.
"""

from __future__ import annotations

from .files import SUFFIX, ColoursFolder, read_item, write_item
from .model import ItemColours, Mask, Palette, Point, Reference, Rule, ShotSetting

__all__ = [
    "SUFFIX",
    "ColoursFolder",
    "ItemColours",
    "Mask",
    "Palette",
    "Point",
    "Reference",
    "Rule",
    "ShotSetting",
    "read_item",
    "write_item",
]
