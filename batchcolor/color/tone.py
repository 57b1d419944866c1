"""Is a photo black-and-white? Sepia, cyanotypes and yellowed prints are; a page that has colours of its own is not.

The colour of a toned print is a curve: each lightness has one tint. So the curve is fitted, and what lies off it counts as colour.
benchmarks/color_pages.py measures the error on pictures and toned versions of them.
"""

from __future__ import annotations

import cv2
import numpy as np

_STEPS = 24  # of lightness, at which the curve is known
_SHARE = 97  # percentile: a bouquet or a stamp on a gray page is colour enough
_ABOVE = 8.0  # distance from the curve, in ab units, that yellowed borders and scanner noise stay under
_GRAIN = (5, 5)  # pixels of the small picture over which chroma noise is averaged


def has_color(lab: np.ndarray) -> bool:
    """Whether a picture has colours that are no tone. lab: CIELAB float32 `(3, h, w)`, a small copy of about 256x256."""
    L, ab = lab[0], lab[1:]
    if not np.abs(ab).max() > _ABOVE / 2:
        return False
    off = np.hypot(*(plane - _tone(L, plane) for plane in ab))
    return bool(np.percentile(cv2.blur(off, _GRAIN), _SHARE) > _ABOVE)


def _tone(L: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """The tint that goes with each pixel's lightness: medians by steps of lightness, interpolated between."""
    step = np.clip((L * (_STEPS / 100)).astype(np.uint8), 0, _STEPS - 1)  # bytes are sorted in a sixth of the time
    order = np.argsort(step, axis=None, kind="stable")
    bounds = np.searchsorted(step.ravel()[order], np.arange(_STEPS + 1))
    values = plane.ravel()[order]
    enough = max(8, L.size // 1000)  # pixels that a median needs to mean anything
    known = [n for n in range(_STEPS) if bounds[n + 1] - bounds[n] >= enough]
    centres = [(n + 0.5) * 100 / _STEPS for n in known]
    medians = [float(np.median(values[bounds[n] : bounds[n + 1]])) for n in known]
    return np.interp(L, centres, medians) if known else np.full_like(L, np.median(plane))
