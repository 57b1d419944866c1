"""Merging: full lightness and small chroma become sRGB rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np

from ..codes import lab_to_codes
from ..upscale import ChromaMap, Positions, apply_map
from .read import Strip

# EXIF orientation -> how an upright picture `(h, w, ...)` is laid back into the stored layout (Exif 2.32, tag 274).
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


def as_stored(chroma: ChromaMap, orientation: int) -> ChromaMap:
    """The map of an upright picture, turned into the layout in which the file stores its rows."""
    lay_back = _LAY_BACK.get(orientation, _LAY_BACK[1])
    return ChromaMap(np.ascontiguousarray(lay_back(chroma.coefficients)))


def merge(strips: Iterable[Strip], chroma: ChromaMap | None, height: int) -> Iterator[np.ndarray]:
    """Rows of the coloured photo, of the samples' depth, `(rows, W, 3)` or, with alpha, `(rows, W, 4)`.

    chroma: in the stored layout; None leaves the photo's own colours. height: rows of the whole photo. L stays as it is; chroma is
    shrunk where a colour does not exist in sRGB.
    """
    for strip in strips:
        if chroma is None:
            planes = [*strip.samples] if strip.samples.ndim == 3 else [strip.samples] * 3
            rgb = cv2.merge([np.ascontiguousarray(plane) for plane in planes])
        else:
            L = strip.lightness
            ab = apply_map(chroma, L, rows=Positions.of_pixels(height, strip.top, len(L)))
            rgb = lab_to_codes(L, ab, 8 * strip.samples.itemsize)
        yield rgb if strip.alpha is None else cv2.merge([*cv2.split(rgb), strip.alpha])
