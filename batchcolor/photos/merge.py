"""Merging: full lightness and small chroma become sRGB rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from ..color.pixel_codes import lab_to_codes
from ..color.upsampling import FineMap
from .read import Strip


def merge(strips: Iterable[Strip], chroma: FineMap | None) -> Iterator[np.ndarray]:
    """Rows of the coloured photo, of the samples' depth, `(rows, W, 3)` or, with alpha, `(rows, W, 4)`.

    chroma: in the stored layout; None leaves the photo's own colours. L stays as it is; chroma is shrunk where a colour does not exist
    in sRGB.
    """
    for strip in strips:
        if chroma is None:
            planes = [*strip.samples] if strip.samples.ndim == 3 else [strip.samples] * 3
            rgb = cv2.merge([np.ascontiguousarray(plane) for plane in planes])
        else:
            L = strip.lightness
            rgb = lab_to_codes(L, chroma.ab(L, strip.top), 8 * strip.samples.itemsize)
        yield rgb if strip.alpha is None else cv2.merge([*cv2.split(rgb), strip.alpha])
