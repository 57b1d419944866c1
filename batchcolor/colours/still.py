"""One still picture with the colours that somebody chose: a page of a photo, or a frame of a film.

    still = Still.of(colorizer, L)          # once: the network runs, its features are kept
    colours = picture_colours(chosen, L)    # points, references, masks, rules of this picture
    ab = still.ab(colours)                  # milliseconds: as the network's own ab, in its place

`still.ab` may be called again and again with other colours; what a point costs is remembered by its place and size, so moving one point
among many is quick. With a network that takes hints it runs again for each new set of points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from ..engines.base import Hints, Prediction
from ..engines.colorizer import Colorizer
from .model import ChosenColours, Rule
from .pictures import Layer, read_mask, read_reference
from .rules import apply_rules
from .spread import Disc, Spreader

_SAMPLED = 14  # discs along the longer side at which a reference that covers a part speaks for the rest
_COVERED = 0.98  # mean weight from which a reference has nothing left to speak for


class Hint(NamedTuple):
    """A colour at a disc: a, b of CIELAB."""

    disc: Disc
    ab: tuple[float, float]


@dataclass(frozen=True)
class PictureColours:
    """What was chosen for one picture. references, masks: at the size at which the network sees it, in this order one over the other.
    correction: what is added to ab, float32 `(2, h, w)`, for points that are spread already."""

    points: tuple[Hint, ...] = ()
    references: tuple[Layer, ...] = ()
    masks: tuple[Layer, ...] = ()
    rules: tuple[Rule, ...] = ()
    correction: np.ndarray | None = None

    def __add__(self, other: PictureColours) -> PictureColours:
        """Both; where they meet, the other's lie on top."""
        return PictureColours(
            self.points + other.points,
            self.references + other.references,
            self.masks + other.masks,
            self.rules + other.rules,
            self.correction if other.correction is None else other.correction,
        )

    def __bool__(self) -> bool:
        return bool(self.points or self.references or self.masks or self.rules) or self.correction is not None

    def with_layers_scaled(self, factor: float) -> PictureColours:
        """The same, with ab of references and masks multiplied."""
        references, masks = (tuple(scaled(layer, factor) for layer in layers) for layers in (self.references, self.masks))
        return replace(self, references=references, masks=masks)


def picture_colours(chosen: ChosenColours, L: np.ndarray, *, page: int = 1, saturation: float = 1.0) -> PictureColours:
    """What was chosen for a page of a photo, its pictures read and aligned.

    L: float32 `(h, w)`, 0..100, as the network sees the page. saturation: the factor that the answer will be multiplied by: chosen
    colours are divided by it, so that they come out as they were chosen. Raises `UsageError` for pictures that cannot be used.
    """
    item = chosen.item
    scale = 1 / saturation if saturation > 0 else 1.0
    points = tuple(
        Hint(Disc(*point.at, point.size), (point.colour.a * scale, point.colour.b * scale))
        for point in item.points
        if point.page == page
    )
    references = tuple(
        scaled(read_reference(reference.picture, L), scale) for reference in item.references if reference.page == page
    )
    masks = tuple(
        one_colour(mask.colour.ab, read_mask(mask.picture, L.shape), scale) for mask in item.masks if mask.page == page
    )
    return PictureColours(points, references, masks, chosen.rules)


def scaled(layer: Layer, factor: float) -> Layer:
    """The layer with its ab multiplied."""
    return layer if factor == 1 else Layer(layer.ab * np.float32(factor), layer.weight)


def one_colour(ab: tuple[float, float], weight: np.ndarray, factor: float = 1.0) -> Layer:
    """A layer of one colour."""
    planes = np.array(ab, np.float32)[:, None, None] * np.float32(factor)
    return Layer(np.broadcast_to(planes, (2, *weight.shape)), weight)


class Still:
    """A picture that the network has seen. L: float32 `(h, w)`, 0..100; plain: its own ab, float32 `(2, h', w')`, h' <= h."""

    def __init__(self, L: np.ndarray, prediction: Prediction, colorizer: Colorizer | None = None) -> None:
        """colorizer: where hints go, if its network takes them."""
        self.L, self.plain = L, prediction.ab
        self._features = prediction.features
        self._colorizer = colorizer if colorizer is not None and colorizer.takes_hints else None
        self._spreader: Spreader | None = None

    @classmethod
    def of(cls, colorizer: Colorizer, L: np.ndarray) -> Still:
        """Run the network on one picture. L: float32 of a shape that `colorizer.network_shape` gives. Raises `OutOfMemory`."""
        return cls.of_all(colorizer, [L])[0]

    @classmethod
    def of_all(cls, colorizer: Colorizer, lightness: Sequence[np.ndarray]) -> list[Still]:
        """As `of`, of several in batches."""
        answers = colorizer.predict(lightness)
        return [cls(L, answer, colorizer) for L, answer in zip(lightness, answers, strict=True)]

    @property
    def spreader(self) -> Spreader:
        """The factorized picture, computed on first use."""
        if self._spreader is None:
            self._spreader = Spreader(self.L, self.plain, self._features)
        return self._spreader

    def ab(self, colours: PictureColours) -> np.ndarray:
        """ab float32 `(2, h', w')` with everything chosen: rules on the network's colours, then references, points, masks.

        A chosen colour that does not exist at the picture's lightness loses chroma where the picture is put together, never here.
        """
        ab = self._hinted(colours.points) if colours.points else self.plain
        ab = apply_rules(self._resized(self.L[None])[0], ab, colours.rules) if colours.rules else ab
        for layer in colours.references:
            ab = self._with_reference(ab, layer)
        if colours.points:
            discs = [point.disc for point in colours.points]
            wanted = np.array([point.ab for point in colours.points], np.float32)
            ab = ab + self._resized(self.spreader.correction(discs, wanted - self.spreader.at(ab, discs)))
        if colours.correction is not None:
            ab = ab + self._resized(colours.correction)
        for layer in colours.masks:
            ab = ab + self._resized(layer.weight[None]) * (self._resized(layer.ab) - ab)
        return np.ascontiguousarray(ab, np.float32)

    def point_correction(self, colours: PictureColours) -> np.ndarray:
        """What the points alone add to ab, beside rules and references and below masks: float32 `(2, h', w')`."""
        unmasked = replace(colours, masks=())
        return self.ab(unmasked) - self.ab(replace(unmasked, points=()))

    def reach(self, disc: Disc) -> np.ndarray:
        """How far a point's colour goes: float32 `(h'', w'')`, 0..1, over the whole picture at a coarse size."""
        return self.spreader.reach(disc)

    def _hinted(self, points: Sequence[Hint]) -> np.ndarray:
        if self._colorizer is None:
            return self.plain
        (answer,) = self._colorizer.predict([self.L], [hints_of(points, self.L.shape)])
        return answer.ab

    def _with_reference(self, ab: np.ndarray, layer: Layer) -> np.ndarray:
        weight, reference = self._resized(layer.weight[None]), self._resized(layer.ab)
        if float(layer.weight.mean()) < _COVERED:
            discs = _sampled(layer.weight)
            if discs:
                differences = self.spreader.at(reference - ab, discs)
                ab = ab + self._resized(self.spreader.correction(discs, differences))
        return ab + weight * (reference - ab)

    def _resized(self, planes: np.ndarray) -> np.ndarray:
        """Planes at the size of the network's ab."""
        height, width = self.plain.shape[1:]
        if planes.shape[1:] == (height, width):
            return planes
        way = cv2.INTER_AREA if height < planes.shape[1] else cv2.INTER_CUBIC
        return np.stack([cv2.resize(np.ascontiguousarray(p), (width, height), interpolation=way) for p in planes])


def hints_of(points: Sequence[Hint], shape: tuple[int, ...]) -> Hints:
    """Points as planes of hints for a network that sees the picture at `shape` = (h, w); the last of two wins."""
    height, width = shape
    hints = Hints(np.zeros((2, height, width), np.float32), np.zeros((1, height, width), np.float32))
    for (x, y, size), ab in points:
        side = max(1, round(size * min(height, width)))
        top = min(max(0, round(y * height - side / 2)), height - side)
        left = min(max(0, round(x * width - side / 2)), width - side)
        hints.ab[:, top : top + side, left : left + side] = np.array(ab, np.float32)[:, None, None]
        hints.mask[:, top : top + side, left : left + side] = 1
    return hints


def _sampled(weight: np.ndarray) -> list[Disc]:
    """Spots evenly over what a reference covers for certain."""
    height, width = weight.shape
    step = 1 / _SAMPLED
    aspect = width / height
    across, down = (_SAMPLED, max(1, round(_SAMPLED / aspect))) if aspect >= 1 else (max(1, round(_SAMPLED * aspect)), _SAMPLED)
    places = [((n + 0.5) / across, (m + 0.5) / down) for m in range(down) for n in range(across)]
    return [Disc(x, y, step / 2) for x, y in places if weight[int(y * height), int(x * width)] > 0.9]
