"""The engine contract (tests/contracts/test_engines.py runs it over every engine)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..settings import EngineName, Precision

if TYPE_CHECKING:
    import numpy as np


class Engine(Protocol):
    """Runs one generator on one device. An engine may be called from several threads; calls then queue up."""

    name: EngineName
    device: str
    precision: Precision
    tolerance: float
    """Largest difference of an ab value from torch float32 on the CPU, in ab units, over natural pictures; the mean is below a fifth."""

    def __call__(self, L: np.ndarray) -> np.ndarray:
        """L: float32 `(N, 1, H, W)`, 0..100 -> ab: float32 `(N, 2, H', W')`.

        Takes any height and width. Raises `OutOfMemory` where the batch does not fit; the engine stays usable for smaller ones. Raises
        `ValueError` for another shape.
        """
        ...


def require_batch(L: np.ndarray) -> None:
    """Raises `ValueError` where `L` is not `(N, 1, H, W)`."""
    if L.ndim != 4 or L.shape[1] != 1 or 0 in L.shape:
        raise ValueError(f"L has shape {L.shape}; give (N, 1, H, W) with at least one pixel")
