"""Is a photo black-and-white? Sepia, cyanotypes and yellowed prints are; a page that has colours of its own is not.

The colour of a toned print is a curve: each lightness has one tint. So the curve is fitted, and what lies off it counts as colour.
benchmarks/color_pages.py measures the error on pictures and toned versions of them.

Some pages are both: a control strip, a stamp, a hand-tinted cheek on a black-and-white picture. There, what lies far off the tone is
small, and the rest lies close to it, closer than the grays of a colour photograph do: such places keep their colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

_STEPS = 24  # of lightness, at which the curve is known
_SHARE = 97  # percentile: a bouquet or a stamp on a gray page is colour enough
_ABOVE = 8.0  # distance from the curve, in ab units, that yellowed borders and scanner noise stay under
_NEAR_TONE, _FAR_OFF = 5.0, 10.0  # distances from the tone, in ab units: what still is tone, and what surely is none
_CURVE_SAMPLES = 4096  # pixels by which a tone is fitted
_CURVE_TERMS = 6  # of the polynomials that a tone is: strong toning bends steeply near black
_LEAST_SHARE, _MOST_SHARE = 0.0005, 0.3  # of a black-and-white page that may have colours of its own
_GRAIN = (5, 5)  # pixels of the small picture over which chroma noise is averaged


@dataclass(frozen=True, slots=True)
class OriginalColors:
    """The places of a black-and-white page that keep their colours.

    places: float32 `(h, w, 2)`, 0..1, upright: what is surely such a place, and what lies within or near one. curve: float32
    `(2, terms)`, the page's tone: a and b as polynomials of L / 100, the constant first.
    """

    places: np.ndarray
    curve: np.ndarray

    def lightness_without(self, L: np.ndarray) -> np.ndarray:
        """L as the network is to see it, float32 `(h, w)`: such places filled in from around them, so that they colour nothing else."""
        near = (self.places[..., 1] > 0.5).astype(np.uint8)
        filled = cv2.inpaint(np.clip(L * 2.55, 0, 255).astype(np.uint8), near, 3, cv2.INPAINT_TELEA)
        return np.where(near > 0, filled.astype(np.float32) / 2.55, L)

    def blended(self, ab: np.ndarray, own: np.ndarray, L: np.ndarray, places: Sequence[np.ndarray]) -> np.ndarray:
        """ab with the page's own in these places, feathered. ab, own: float32 `(2, h, w)`; L, and each of places: float32 `(h, w)`."""
        off = np.hypot(*(own - _on_curve(self.curve, L)))
        far = np.clip((off - _NEAR_TONE) / (_FAR_OFF - _NEAR_TONE), 0, 1)
        core, near = (np.clip(plane, 0, 1) for plane in places)
        weight = np.maximum(core, far) * near
        return ab + weight * (own - ab)


def own_colors(lab: np.ndarray) -> tuple[bool, OriginalColors | None]:
    """Whether a picture is coloured as a whole; and, if not, its places that are. lab: CIELAB float32 `(3, h, w)`, about 256x256."""
    L, ab = lab[0], lab[1:]
    if not np.abs(ab).max() > _NEAR_TONE:
        return False, None
    curve = _robust_curve(L, ab)
    off = cv2.blur(cv2.magnitude(*(ab - _on_curve(curve, L))), (3, 3))
    if float(off.max()) < _NEAR_TONE:
        return False, None
    far = cv2.morphologyEx((off > _FAR_OFF).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    share = float(far.mean())
    if share < _LEAST_SHARE:
        return has_color(lab), None
    around = cv2.dilate(far, np.ones((9, 9), np.uint8))
    rest = off[around == 0]
    is_document = share < _MOST_SHARE and len(rest) > 0 and float(np.percentile(rest, 98)) < _NEAR_TONE
    if not is_document:
        return has_color(lab), None
    core = cv2.GaussianBlur(cv2.erode(far, np.ones((3, 3), np.uint8)).astype(np.float32), (3, 3), 0)
    near = cv2.GaussianBlur(cv2.dilate(far, np.ones((5, 5), np.uint8)).astype(np.float32), (5, 5), 0)
    return False, OriginalColors(np.dstack([core, near]), curve)


def _robust_curve(L: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """The page's tone, `(2, terms)`: least squares whose weights fall with the distance (Cauchy), from loose to tight, so that a coloured
    strip does not bend it, not even where no other pixel has its lightness."""
    step = max(1, L.size // _CURVE_SAMPLES)
    x = L.ravel()[::step].astype(np.float64) / 100
    basis = np.stack([x**power for power in range(_CURVE_TERMS)], 1)
    values = ab.reshape(2, -1)[:, ::step].astype(np.float64)
    curve = np.zeros((2, _CURVE_TERMS))
    curve[:, 0] = np.median(values, 1)
    damping = np.diag([0.0] + [1e-5] * (_CURVE_TERMS - 1)) * len(x)  # flat where only few lightnesses occur
    for scale in (16, 8, 4, 2, 2):
        squared = np.square(values - curve @ basis.T).sum(0)
        weighted = basis / (1 + squared / scale**2)[:, None]
        curve = np.linalg.solve(weighted.T @ basis + damping, weighted.T @ values.T).T
    return curve.astype(np.float32)


def _on_curve(curve: np.ndarray, L: np.ndarray) -> np.ndarray:
    """The tone's ab `(2, h, w)` for L `(h, w)`, by Horner's rule."""
    x = L * np.float32(0.01)
    planes = []
    for terms in curve:
        plane = np.full_like(x, terms[-1])
        for term in terms[-2::-1]:
            plane *= x
            plane += term
        planes.append(plane)
    return np.stack(planes)


def is_toned(lab: np.ndarray) -> bool:
    """Whether a black-and-white picture has a tint that shows, as sepia has. lab: CIELAB float32 `(3, h, w)`, a small copy of it."""
    return bool(np.median(np.hypot(*lab[1:])) > _NEAR_TONE)


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
