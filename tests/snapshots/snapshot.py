"""Snapshots: small results that are compared with the stored ones, within a named tolerance.

A snapshot is a PNG beside this module, so that a difference can be looked at. `--snapshot-update` writes it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Largest mean and largest single difference, in code values of 8 bits."""

    name: str
    mean: float
    largest: int


EXACT = Tolerance("exact", 0, 0)
ROUNDING = Tolerance("rounding", 0.05, 1)  # other instructions, other order of sums
NETWORK = Tolerance("network", 0.5, 12)  # float32 on another processor, carried through upsampling and gamut mapping


class Snapshots:
    """Compares pictures with their snapshots, or writes these. update: as `--snapshot-update` was given."""

    def __init__(self, update: bool, folder: Path = FOLDER) -> None:
        self._update, self._folder = update, folder

    def check(self, name: str, rgb: np.ndarray, tolerance: Tolerance) -> None:
        """rgb: uint8 `(H, W, 3)`. Fails where it differs from the snapshot by more than the tolerance."""
        path = self._folder / f"{name}.png"
        if self._update:
            _, encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
            path.write_bytes(encoded.tobytes())
            return
        assert path.exists(), f"there is no snapshot {name}; write it with --snapshot-update and look at it"
        stored = cv2.cvtColor(cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        assert stored.shape == rgb.shape
        difference = np.abs(stored.astype(int) - rgb)
        mean, largest = float(difference.mean()), int(difference.max())
        within = mean <= tolerance.mean and largest <= tolerance.largest
        assert within, (
            f"{name} differs from its snapshot by {mean:.2f} in the mean and {largest} at most; "
            f"{tolerance.name} allows {tolerance.mean} and {tolerance.largest}"
        )
