"""EXIF orientation: how a picture that is stored turned or mirrored stands upright (Exif 2.32, tag 274), and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

QUARTER_TURNED = range(5, 9)  # orientations that swap width and height

# How an upright picture `(h, w, ...)` is laid back into the stored layout.
_LAY_BACK: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: np.rot90(p, -1),
}
_UNDONE_BY = {6: 8, 8: 6}  # each other one by itself


def as_stored(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """An upright picture `(h, w, ...)` in the layout in which the file stores its rows. orientation: 1..8; others mean 1."""
    return np.ascontiguousarray(_LAY_BACK.get(orientation, _LAY_BACK[1])(pixels))


def as_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """A picture `(h, w, ...)` in the layout of the file, upright; the inverse of `as_stored`."""
    return as_stored(pixels, _UNDONE_BY.get(orientation, orientation))
