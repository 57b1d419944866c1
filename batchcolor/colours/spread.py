"""Spreading a colour from a few places over what belongs to them: Gaussian-process regression on one picture.

The difference between chosen and predicted colours is a function on the picture, known at the points. Two parts add up:

- *wide*: the posterior mean of a Gaussian process whose kernel is the similarity of the network's features, place and lightness. One
  point moves it by a few ab units at the most: small corrections (a cast) hold for the whole picture, large ones (a red coat) do not.
  Each further point lets it move farther, as there is more that speaks for it.
- *local*, for what is left: the correlations of a Matern field of order 1 on the graph of neighbouring cells, whose covariance is
  (kappa^2 - Laplacian)^-2 (Lindgren, Rue, Lindstroem 2011, doi 10.1111/j.1467-9868.2011.00777.x). Cells conduct as far as lightness,
  predicted colour and features agree, so that a colour flows through a coat and stops at its edge; a logistic curve over the
  correlations makes inside more and outside less, all the more the larger the difference. Between points they are weights of an
  interpolation (Shepard 1968, doi 10.1145/800186.810616), which hits every point and never overshoots its difference.

What a point on an edge still misses is added around the point alone. benchmarks/chosen_colours.py measures gain and spill of all these
numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from .grid_graph import GridGraph

_CELL = 4  # pixels of the network's picture a cell of the grid
_MOST_CELLS = 96 * 96  # a larger grid is slower and spreads no better
_RANGE = 1.9  # kappa times the side of the picture
# Differences between neighbours at which they conduct 1 / e: L units, ab units, and principal components of the features.
_LIGHTNESS_EDGE, _CHROMA_EDGE, _FEATURE_EDGE = 5.0, 2.5, 0.3
_COMPONENTS = 8
_LEAK = 1e-4  # what any two neighbours conduct
# Knee and softness of the logistic curve over correlations, for a difference of none and for a large one; in between at so many ab units.
# A small correction may go far, a large one must stop early.
_CURVE_OF_NONE, _CURVE_OF_LARGE, _HALF_LARGE = (0.31, 0.12), (0.34, 0.05), 30.0
_NEAREST = 1e-3  # of 1 - correlation: what hitting a point exactly means
_FEATURE_WIDTH, _PLACE_WIDTH, _LIGHTNESS_WIDTH = 1.3, 1.0, 40.0  # of standardized features, shares of the picture, L units
_WIDE_SHARE = 0.5  # of the variance, where the wide part stands beside the local one
# Ab units that it may move by with one point, less the larger its difference (half at so many ab units), and more with each further one.
_WIDE_MOST, _WIDE_HALF, _WIDE_MORE = 4.0, 30.0, 1.5
_ALONE_AT = 3  # points beyond the first at which it counts half as if it stood alone
_NOISE, _NOISE_ALONE, _NOISE_AROUND = 0.03, 0.1, 0.01  # variance of what a point says, as a share of the field's


class Disc(NamedTuple):
    """A place of a picture: x, y of its middle as shares of width and height, diameter as a share of the shorter side."""

    x: float
    y: float
    size: float


@dataclass(slots=True)
class _Column:
    """What a disc's value says of every cell. correlation: `(cells,)`, 0..1; row: the disc's weights on cells `(cells,)`; the rest is the
    disc's own."""

    correlation: np.ndarray
    row: np.ndarray
    features: np.ndarray
    place: np.ndarray
    lightness: float


class Spreader:
    """One picture, factorized once: a `correction` then takes milliseconds, and what a disc costs is remembered.

    shape: (height, width) of its grid of cells.
    """

    def __init__(self, L: np.ndarray, ab: np.ndarray, features: Sequence[np.ndarray]) -> None:
        """L: float32 `(h, w)`, 0..100, as the network saw it; ab: float32 `(2, h', w')`, as it answered; features: each `(C, h, w)` at a
        size of its own (`engines.base.Prediction`); none: everything is local."""
        self.shape = grid_shape(L.shape)
        height, width = self.shape
        small_L = _resized(L[None], self.shape)
        planes = np.concatenate([small_L / _LIGHTNESS_EDGE, _resized(ab, self.shape) / _CHROMA_EDGE])
        if features:
            planes = np.concatenate([planes, _components([features[0], features[-1]], self.shape) / _FEATURE_EDGE])
        self._graph = GridGraph(planes, _LEAK, _RANGE**2 / (height * width))
        y, x = np.mgrid[:height, :width]
        self._features = _standardized(features, self.shape)
        self._place = np.stack([(x.ravel() + 0.5) / width, (y.ravel() + 0.5) / height], 1).astype(np.float32)
        self._lightness = small_L.ravel()
        self._columns: dict[Disc, _Column] = {}

    def at(self, planes: np.ndarray, discs: Sequence[Disc]) -> np.ndarray:
        """Planes `(C, h, w)` of any size, averaged over each disc: `(discs, C)`."""
        rows = np.stack([column.row for column in self._columns_of(discs)])
        averaged: np.ndarray = rows @ _resized(planes, self.shape).reshape(len(planes), -1).T
        return averaged

    def correction(self, discs: Sequence[Disc], differences: np.ndarray) -> np.ndarray:
        """What to add to ab: float32 `(2, height, width)` of the grid. differences: chosen colours less ab at the discs, `(n, 2)`."""
        if not len(discs):
            return np.zeros((2, *self.shape), np.float32)
        columns = self._columns_of(discs)
        rows = np.stack([column.row for column in columns])  # (n, cells)
        local = np.stack([_sharpened(c.correlation, d) for c, d in zip(columns, differences, strict=True)], 1)  # (cells, n)
        wide = self._wide(columns, local, rows, differences)
        rest = differences - rows @ wide
        strength = (local / np.maximum(1 - local, _NEAREST)).sum(1, keepdims=True)
        correlation = np.stack([column.correlation for column in columns], 1)
        nearness = np.square(correlation / np.maximum(1 - correlation, _NEAREST)) + 1e-12
        field = wide + strength / (1 + strength) * ((nearness @ rest) / nearness.sum(1, keepdims=True))
        field = field + self._around(discs, rows, differences - rows @ field)
        return np.ascontiguousarray(field.T.reshape(2, *self.shape), np.float32)

    def reach(self, disc: Disc) -> np.ndarray:
        """How far a colour at this disc goes that is far from the predicted one: float32 `(height, width)` of the grid, 0..1."""
        far = np.array([np.inf, 0], np.float32)
        return _sharpened(self._columns_of([disc])[0].correlation, far).reshape(self.shape)

    def _around(self, discs: Sequence[Disc], rows: np.ndarray, missed: np.ndarray) -> np.ndarray:
        """What brings the discs themselves to their colours, `(cells, 2)`: on an edge, the cells around one differ."""
        height, width = self.shape
        middles = np.array([[disc.x * width, disc.y * height] for disc in discs], np.float32)
        radii = np.array([max(1.0, disc.size * min(height, width) / 2) for disc in discs], np.float32)
        kernel = np.exp(-_squared(self._place * np.array([width, height], np.float32), middles) / (2 * np.square(radii)))
        return kernel @ np.linalg.solve(_positive(rows @ kernel, _NOISE_AROUND), missed)

    def _wide(self, columns: list[_Column], local: np.ndarray, rows: np.ndarray, differences: np.ndarray) -> np.ndarray:
        """The part `(cells, 2)` of the differences that holds far from the discs."""
        kernel = self._by_features(columns)
        similarity = rows @ kernel
        beside = np.linalg.solve(_positive((1 - _WIDE_SHARE) * (rows @ local) + _WIDE_SHARE * similarity, _NOISE), differences)
        further = len(columns) - 1
        alone = further / (further + _ALONE_AT)
        weights = (1 - alone) * _WIDE_SHARE * beside
        if further:
            weights += alone * np.linalg.solve(_positive(similarity, _NOISE_ALONE), differences)
        field = kernel @ weights
        most = _WIDE_MOST * (1 - _largeness(differences, _WIDE_HALF)) + _WIDE_MORE * further
        size = np.maximum(np.hypot(field[:, :1], field[:, 1:]), 1e-6)
        bent: np.ndarray = field * (most * np.tanh(size / most) / size)
        return bent

    def _by_features(self, columns: list[_Column]) -> np.ndarray:
        """exp(-distances of features, place and lightness) between cells and discs: float32 `(cells, n)`."""
        distance = _squared(self._features, np.stack([c.features for c in columns])) / np.float32(2 * _FEATURE_WIDTH**2)
        distance += _squared(self._place, np.stack([c.place for c in columns])) / np.float32(2 * _PLACE_WIDTH**2)
        lightness = np.array([c.lightness for c in columns], np.float32)
        distance += np.square(self._lightness[:, None] - lightness) / np.float32(2 * _LIGHTNESS_WIDTH**2)
        return np.exp(-distance)

    def _columns_of(self, discs: Sequence[Disc]) -> list[_Column]:
        missing = [disc for disc in dict.fromkeys(discs) if disc not in self._columns]
        if missing:
            rows = np.stack([_disc(disc, self.shape) for disc in missing], 1)  # (cells, n)
            covariances = self._graph.solve(self._graph.solve(rows.reshape(*self.shape, -1))).reshape(rows.shape)
            for disc, row, covariance in zip(missing, rows.T, covariances.T, strict=True):
                correlation = np.clip(covariance / max(float(row @ covariance), 1e-12), 0, 1)
                self._columns[disc] = _Column(
                    correlation.astype(np.float32),
                    np.ascontiguousarray(row),
                    row @ self._features,
                    row @ self._place,
                    float(row @ self._lightness),
                )
        return [self._columns[disc] for disc in discs]


def grid_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of cells for a picture that the network sees at `shape` = (h, w)."""
    height, width = -(-shape[0] // _CELL), -(-shape[1] // _CELL)
    shrink = min(1.0, (_MOST_CELLS / (height * width)) ** 0.5)
    return max(2, round(height * shrink)), max(2, round(width * shrink))


def _resized(planes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Planes `(C, h, w)` at another size, float32."""
    if planes.shape[1:] == shape:
        return np.asarray(planes, np.float32)
    smaller = shape[0] < planes.shape[1]
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.stack([cv2.resize(np.asarray(p, np.float32), shape[::-1], interpolation=way) for p in planes])


def _standardized(features: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Features as float32 `(cells, C)`: of each layer, channels of mean 0 and variance 1, so weighted that all layers count alike."""
    if not features:
        return np.zeros((shape[0] * shape[1], 1), np.float32)
    layers = []
    for planes in features:
        flat = _resized(planes, shape).reshape(len(planes), -1)
        flat = flat - flat.mean(1, keepdims=True)
        spread = flat.std(1, keepdims=True)
        flat /= np.maximum(spread, 1e-3 * spread.max() + 1e-6)  # a channel that is constant here must not be amplified
        layers.append(flat / np.float32((len(planes) * len(features)) ** 0.5))
    return np.ascontiguousarray(np.concatenate(layers).T)


def _disc(disc: Disc, shape: tuple[int, int]) -> np.ndarray:
    """Shares of the cells that a disc covers, float32 `(cells,)`, their sum 1; of a small one, the cells around its middle."""
    height, width = shape
    y, x = disc.y * height - 0.5, disc.x * width - 0.5
    radius = disc.size * min(height, width) / 2
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    if radius < 1:  # bilinear: the four cells around the middle
        weight = np.clip(1 - np.abs(rows - np.clip(y, 0, height - 1)), 0, None) * np.clip(
            1 - np.abs(columns - np.clip(x, 0, width - 1)), 0, None
        )
    else:
        weight = np.clip(radius + 0.5 - np.hypot(rows - y, columns - x), 0, 1)
    flat: np.ndarray = (weight / weight.sum()).astype(np.float32).ravel()
    return flat


def _components(features: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Principal components of features, those of most variance: float32 `(_COMPONENTS, height, width)` at most."""
    flat = _standardized(features, shape)
    _, vectors = np.linalg.eigh((flat.T @ flat).astype(np.float64))
    return np.ascontiguousarray((flat @ vectors[:, -_COMPONENTS:].astype(np.float32)).T).reshape(-1, *shape)


def _largeness(differences: np.ndarray, half: float) -> float:
    """0..1 for differences of ab `(..., 2)`: 0.5 where their root mean square is `half`."""
    square = float(np.square(differences).sum(-1).mean())
    return 1.0 if np.isinf(square) else square / (square + half**2)


def _sharpened(correlation: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """The logistic curve over correlations for a difference of ab `(2,)`, float32 from 0 to 1."""
    large = _largeness(difference, _HALF_LARGE)
    knee, softness = ((1 - large) * none + large * far for none, far in zip(_CURVE_OF_NONE, _CURVE_OF_LARGE, strict=True))
    low, high = (1 / (1 + np.exp((knee - end) / softness)) for end in (0.0, 1.0))
    curve: np.ndarray = (1 / (1 + np.exp((knee - correlation) / softness)) - low) / (high - low)
    return curve.astype(np.float32)


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances between rows of a `(m, C)` and b `(n, C)`: `(m, n)`."""
    distance: np.ndarray = np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * (a @ b.T)
    return np.maximum(distance, 0, out=distance)


def _positive(kernel: np.ndarray, noise: float) -> np.ndarray:
    """The nearest positive semi-definite matrix (the sharpened kernel is not quite), and the points' noise on its diagonal."""
    values, vectors = np.linalg.eigh((kernel + kernel.T).astype(np.float64) / 2)
    nearest: np.ndarray = (vectors * (np.maximum(values, 0) + noise)) @ vectors.T
    return nearest
