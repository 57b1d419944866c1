"""Chroma subsampling: the positions of chroma samples among luma samples."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .upsampling import Positions


@dataclass(frozen=True, slots=True)
class ChromaGrid:
    """The positions of a picture's chroma samples.

    width, height: of the luma plane. across, down: luma samples for each chroma sample, 1 or 2. left: in 4:2:0 and 4:2:2, chroma is
    co-sited with every second luma column (MPEG-2, H.264 and later: H.273 type 0), not centred between two (JPEG, MPEG-1: type 1).
    """

    width: int
    height: int
    across: int = 2
    down: int = 2
    left: bool = True

    @property
    def columns(self) -> Positions:
        first = 0.5 if self.left or self.across == 1 else 1.0
        return Positions(first / self.width, self.across / self.width, -(-self.width // self.across))

    @property
    def rows(self) -> Positions:
        return Positions(self.down / 2 / self.height, self.down / self.height, -(-self.height // self.down))


def luma_on_grid(luma: np.ndarray, grid: ChromaGrid) -> np.ndarray:
    """Luma averaged around every chroma sample. luma: complete rows `(h, W)` from an even row on -> same type, `(rows, columns)`."""
    if luma.shape[0] % grid.down:
        luma = np.concatenate([luma, luma[-1:]])
    if luma.shape[1] % grid.across:
        luma = np.concatenate([luma, luma[:, -1:]], 1)
    if grid.across == 2 and grid.left:
        # A sample's own column and half of each neighbour: the mean of the pair that begins and the pair that ends with it.
        before = np.concatenate([luma[:, :1], luma[:, :-1]], 1)
        return cv2.addWeighted(_averaged(luma, grid), 0.5, _averaged(before, grid), 0.5, 0)
    return _averaged(luma, grid)


def _averaged(luma: np.ndarray, grid: ChromaGrid) -> np.ndarray:
    """Means over `grid.down` rows and `grid.across` columns, which divide the sides."""
    size = luma.shape[1] // grid.across, luma.shape[0] // grid.down
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
