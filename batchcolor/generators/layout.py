"""Input and output sizes of each generator, known without torch and without building the network."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import ModelError


class Layout(NamedTuple):
    """side_multiple: height and width of L are padded to multiples of it. ab_fraction: ab has so small a part of L's sides."""

    side_multiple: int
    ab_fraction: int = 1


LAYOUTS = {
    "lite": Layout(side_multiple=32, ab_fraction=4),
    "siggraph17": Layout(side_multiple=8),
}


def layout_of(architecture: str) -> Layout:
    """Raises `ModelError` for an unknown architecture."""
    if architecture not in LAYOUTS:
        raise ModelError(f"no generator is called {architecture!r}; this version knows {', '.join(sorted(LAYOUTS))}")
    return LAYOUTS[architecture]


def network_shape(height: int, width: int, size: int, multiple: int) -> tuple[int, int]:
    """Height and width to feed a picture at: its own aspect, about `size` * `size` pixels, both multiples of `multiple`.

    Few different shapes come out of many pictures, so that batches fill.
    """
    aspect = min(max(width / height, 1 / 4), 4.0) ** 0.5
    return (
        max(multiple, round(size / aspect / multiple) * multiple),
        max(multiple, round(size * aspect / multiple) * multiple),
    )
