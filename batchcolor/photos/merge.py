"""Merging: full lightness and small chroma become sRGB rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np

from ..color import lab_to_rgb
from ..upscale import ChromaMap
from .read import Strip

# EXIF orientation -> how an upright plane `(h, w)` is laid back into the stored layout (Exif 2.32, tag 274).
_LAY_BACK: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.T,
    6: lambda p: np.rot90(p, 1),
    7: lambda p: p[::-1, ::-1].T,
    8: lambda p: np.rot90(p, -1),
}


def as_stored(chroma: ChromaMap, orientation: int) -> ChromaMap:
    """The map of an upright picture, turned into the layout in which the file stores its rows."""
    lay_back = _LAY_BACK.get(orientation, _LAY_BACK[1])
    return ChromaMap(*(np.stack([np.ascontiguousarray(lay_back(plane)) for plane in planes]) for planes in chroma))


def _rows(planes: np.ndarray, width: int, height: int, top: int, count: int, interpolation: int) -> np.ndarray:
    """Rows top..top+count of `planes` `(2, h, w)` scaled to `(2, height, width)`; pixel centres as cv2.resize has them."""
    h, w = planes.shape[1:]
    # x -> (x + 0.5) * w / width - 0.5, likewise for y, shifted to the first row of the strip
    matrix = np.array(
        [[w / width, 0, 0.5 * w / width - 0.5], [0, h / height, (top + 0.5) * h / height - 0.5]], dtype=np.float64
    )
    return np.stack(
        [
            cv2.warpAffine(
                plane, matrix, (width, count), flags=interpolation | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
            )
            for plane in planes
        ]
    )


def merge(strips: Iterable[Strip], chroma: ChromaMap, size: tuple[int, int], depth: int) -> Iterator[np.ndarray]:
    """Rows of the coloured photo, uint8 or uint16 `(rows, W, 3)` or, with alpha, `(rows, W, 4)`.

    chroma: in the stored layout; size: (height, width) of the whole photo; depth: 8 or 16 bits a sample. L stays as it is; chroma is
    shrunk where a colour does not exist in sRGB.
    """
    height, width = size
    dtype = np.uint16 if depth == 16 else np.uint8
    peak = np.float32(2**depth - 1)
    for top, L, alpha in strips:
        count = L.shape[0]
        gain = _rows(chroma.gain, width, height, top, count, cv2.INTER_LINEAR)
        ab = gain * L + _rows(chroma.offset, width, height, top, count, cv2.INTER_CUBIC)
        rgb = (lab_to_rgb(L[None], ab) * peak + np.float32(0.5)).astype(dtype)
        planes = [*rgb] if alpha is None else [*rgb, alpha]
        yield cv2.merge(planes)  # (rows, W, 3 or 4)
