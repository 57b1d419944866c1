"""Input and output sizes of each generator, known without torch and without building the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import ModelError


class Layout(NamedTuple):
    """side_multiple: height and width of L are padded to multiples of it. ab_fraction: ab has so small a part of L's sides.

    taps: names of the modules whose outputs are the generator's features: what the network sees in the picture.
    """

    side_multiple: int
    ab_fraction: int = 1
    taps: tuple[str, ...] = ()


LAYOUTS = {
    "lite": Layout(
        side_multiple=32,
        ab_fraction=4,
        taps=("encoder.stages.2", "encoder.stages.4", "encoder.stages.6", "head.0"),  # at 1/8, 1/16, 1/32 and 1/4
    ),
    "siggraph17": Layout(
        side_multiple=8,
        taps=("model3", "model4", "model7", "model8"),  # at 1/4, 1/8, 1/8 and 1/4
    ),
}


def layout_of(architecture: str) -> Layout:
    """Raises `ModelError` for an unknown architecture."""
    if architecture not in LAYOUTS:
        raise ModelError(f"no generator is called {architecture!r}; this version knows {', '.join(sorted(LAYOUTS))}")
    return LAYOUTS[architecture]


def takes_hints(architecture: str, configuration: Mapping[str, Any]) -> bool:
    """Whether a network follows hints: siggraph17 was trained to, lite where it was built with planes for them."""
    return architecture == "siggraph17" or bool(configuration.get("hints"))


def network_shape(height: int, width: int, size: int, multiple: int) -> tuple[int, int]:
    """Height and width to feed a picture at: its own aspect, about `size` * `size` pixels, both multiples of `multiple`.

    Few different shapes come out of many pictures, so that batches fill.
    """
    aspect = min(max(width / height, 1 / 4), 4.0) ** 0.5
    return (
        max(multiple, round(size / aspect / multiple) * multiple),
        max(multiple, round(size * aspect / multiple) * multiple),
    )
