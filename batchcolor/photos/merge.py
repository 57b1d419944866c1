"""Merging: full lightness and small chroma become sRGB rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from ..color.conversion import rgb_to_lab
from ..color.pixel_codes import lab_to_codes
from ..color.tone import OriginalColors
from ..color.upsampling import FineMap
from .read import Strip


class ColorRegions(NamedTuple):
    """Places that keep their own colours, in the stored layout. places: their planes, as the offsets of a map."""

    colors: OriginalColors
    places: FineMap

    def blended(self, ab: np.ndarray, strip: Strip, L: np.ndarray) -> np.ndarray:
        if strip.samples.ndim == 2:
            return ab
        own = rgb_to_lab(strip.samples.astype(np.float32) / np.iinfo(strip.samples.dtype).max)[1:]
        *_, core, near = self.places.spread(L.shape, strip.top)
        return self.colors.blended(ab, own, L, (core, near))


def merge(strips: Iterable[Strip], chroma: FineMap | None, own: ColorRegions | None = None) -> Iterator[np.ndarray]:
    """Rows of the coloured photo, of the samples' depth, `(rows, W, 3)` or, with alpha, `(rows, W, 4)`.

    chroma: in the stored layout; None leaves the photo's own colours, own: in some places. L stays as it is; chroma is shrunk where a
    colour does not exist in sRGB.
    """
    for strip in strips:
        if chroma is None:
            planes = [*strip.samples] if strip.samples.ndim == 3 else [strip.samples] * 3
            rgb = cv2.merge([np.ascontiguousarray(plane) for plane in planes])
        else:
            L = strip.lightness
            ab = chroma.ab(L, strip.top)
            if own is not None:
                ab = own.blended(ab, strip, L)
            rgb = lab_to_codes(L, ab, 8 * strip.samples.itemsize)
        yield rgb if strip.alpha is None else cv2.merge([*cv2.split(rgb), strip.alpha])
