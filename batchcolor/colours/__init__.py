"""Colours that people choose: points, references, masks, palettes and rules, in text files beside the results.

Files (no network needed): `ColoursFolder.open(folder)` reads `palette.toml` and `rules.toml`; `.of(relative)` gives an item's
`ItemColours`, or None; `read_item` and `write_item` read and write one file, `ItemColours` being a frozen dataclass of `Point`,
`Reference`, `Mask` and `ShotSetting`. `archive.check_colours.check_folder` finds every fault of a folder.

A still picture, live (`still.py`): `Still.of(colorizer, L)` runs the network once and keeps its ab, its features and the factorized
picture; `still.ab(picture_colours(chosen, L))` then answers in milliseconds for any points, references, masks and rules, and
`still.reach(disc)` tells how far a point's colour goes. `color.upsampling` brings ab to any size, as for every result.

A film's frame is a `Still` of its own. `films.chroma.propagation` takes choices through a shot (`propagate_points`, `propagate_layer` on
its frames' lightness); `ShotColours.at(n, shape)` says what holds on frame n, ready for `still.ab`.
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
