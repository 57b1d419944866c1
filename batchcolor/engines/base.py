"""The engine contract (tests/contracts/test_engines.py runs it over every engine)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..settings import EngineName, Precision

if TYPE_CHECKING:
    import numpy as np


class Prediction(NamedTuple):
    """What a generator answers. ab: float32 `(N, 2, H', W')`. features: outputs of the modules that `Layout.taps` names, in its order,
    float32 `(N, C, h, w)`, each at a size of its own."""

    ab: np.ndarray
    features: tuple[np.ndarray, ...]


class Hints(NamedTuple):
    """Colours that a network takes beside the lightness. ab: float32 `(N, 2, H, W)`, 0 where there is none. mask: float32
    `(N, 1, H, W)`, 1 where there is one, else 0."""

    ab: np.ndarray
    mask: np.ndarray


class Engine(Protocol):
    """Runs one generator on one device. An engine may be called from several threads; calls then queue up."""

    name: EngineName
    device: str
    precision: Precision
    takes_hints: bool
    tolerance: float
    """Largest difference of an ab value from torch float32 on the CPU, in ab units, over natural pictures; the mean is below a fifth."""

    def __call__(self, L: np.ndarray) -> np.ndarray:
        """L: float32 `(N, 1, H, W)`, 0..100 -> ab: float32 `(N, 2, H', W')`.

        Takes any height and width. Raises `OutOfMemory` where the batch does not fit; the engine stays usable for smaller ones. Raises
        `ValueError` for another shape.
        """
        ...

    def predict(self, L: np.ndarray, hints: Hints | None = None) -> Prediction:
        """As `__call__`, with the features; hints: of L's height and width, for networks that take them.

        L's height and width: multiples of the generator's `side_multiple`, so that every feature covers exactly the picture.
        Raises `ValueError` for hints that the network does not take, and as `__call__`.
        """
        ...


def require_batch(L: np.ndarray) -> None:
    """Raises `ValueError` where `L` is not `(N, 1, H, W)`."""
    if L.ndim != 4 or L.shape[1] != 1 or 0 in L.shape:
        raise ValueError(f"L has shape {L.shape}; give (N, 1, H, W) with at least one pixel")
