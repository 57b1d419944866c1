"""Rules: what the network gets wrong again and again, corrected by hue, chroma and lightness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .model import Change, Rule
from .values import Range

# Borders are soft: a rule fades out over so much beyond its ranges, or a gradient would break there.
_HUE_FADE, _CHROMA_FADE, _LIGHTNESS_FADE = 8.0, 3.0, 4.0


def apply_rules(L: np.ndarray, ab: np.ndarray, rules: Sequence[Rule]) -> np.ndarray:
    """ab float32 `(2, h, w)` after every rule in turn. L: float32 `(h, w)`, 0..100, of the same size."""
    for rule in rules:
        weight = membership(L, ab, rule)
        ab = ab + weight * (_changed(ab, rule.then) - ab)
    return ab


def membership(L: np.ndarray, ab: np.ndarray, rule: Rule) -> np.ndarray:
    """How far a rule holds for each colour, float32 `(h, w)`, 0..1."""
    a, b = ab
    weight = _within(np.hypot(a, b), rule.chroma, _CHROMA_FADE) * _within(L, rule.lightness, _LIGHTNESS_FADE)
    return (weight * _within_hues(np.degrees(np.arctan2(b, a)), rule.hue)).astype(np.float32)


def _within(values: np.ndarray, span: Range, fade: float) -> np.ndarray:
    outside = np.maximum(span.start - values, values - span.end)
    return np.clip(1 - outside / fade, 0, 1)


def _within_hues(degrees: np.ndarray, span: Range) -> np.ndarray:
    width = span.end - span.start if span.start <= span.end else span.end - span.start + 360
    if width >= 360:
        return np.ones_like(degrees)
    from_middle = np.abs((degrees - span.start - width / 2 + 180) % 360 - 180)
    return np.clip(1 - (from_middle - width / 2) / _HUE_FADE, 0, 1)


def _changed(ab: np.ndarray, change: Change) -> np.ndarray:
    if change.colour is not None:
        ab = np.broadcast_to(np.array(change.colour.ab, np.float32)[:, None, None], ab.shape)
    if change.hue is not None:
        turn = np.radians(change.hue)
        cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        ab = np.stack([cos * ab[0] - sin * ab[1], sin * ab[0] + cos * ab[1]])
    return ab if change.chroma is None else ab * np.float32(change.chroma)
