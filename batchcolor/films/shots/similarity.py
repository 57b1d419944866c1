"""How like two frames are, whatever exposure and dust do to them."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import cv2
import numpy as np

_CLEANED = (64, 48)
_SIDE = (32, 24)
_FLOOR = 2.0  # L units of contrast under which a frame counts as flat: black leader is not structure

Item = TypeVar("Item")


class Marked(NamedTuple, Generic[Item]):
    """A frame with its signature; begins: whether it is the first of a shot."""

    item: Item
    signature: np.ndarray
    starts_shot: bool


def signature(L: np.ndarray) -> np.ndarray:
    """float32 `(768,)` of unit length (shorter for flat frames) from L `(h, w)`, 0..100: structure without mean and contrast."""
    # The median takes out dust and scratches, which are the same size on every scan and another one on every frame.
    cleaned = cv2.medianBlur(cv2.resize(L, _CLEANED, interpolation=cv2.INTER_AREA), 5)
    small = cv2.resize(cleaned, _SIDE, interpolation=cv2.INTER_AREA).ravel()
    small = small - small.mean()
    return small / np.float32(np.hypot(np.linalg.norm(small), _FLOOR * small.size**0.5))


def dissimilarity(a: np.ndarray, b: np.ndarray) -> float:
    """Of two signatures: 0 for the same structure, 1 for unrelated ones, up to 2; two flat frames are alike."""
    flat = max(0.0, float((1 - np.dot(a, a)) * (1 - np.dot(b, b))))
    return float(1 - np.dot(a, b)) - flat**0.5
