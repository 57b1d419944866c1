"""The pixel format of a film's result."""

from __future__ import annotations

from dataclasses import dataclass

from ..color.chroma_grid import ChromaGrid
from ..color.conversion import YCbCr

ACROSS_DOWN = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}  # pixels that share a sample of chroma


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """The pixel format of the result, how its samples code colour, and where its chroma lies.

    name: planar, as frames are made here. encoded: as the encoder takes them; the same, but for hardware encoders with interleaved
    chroma.
    alpha: whether there is a fourth plane, of transparency.
    """

    name: str
    encoded: str
    coding: YCbCr
    grid: ChromaGrid
    alpha: bool = False

    @property
    def sampling(self) -> str:
        """420, 422 or 444."""
        return next(name for name, sides in ACROSS_DOWN.items() if sides == (self.grid.across, self.grid.down))


_LARGE_BYTES = 6 << 20


def is_large(width: int, height: int, depth: int) -> bool:
    """Whether few pictures of this size may be held at a time: with more than 6 MiB of luma each; 1080p of 10 bits has less."""
    return width * height * (2 if depth > 8 else 1) > _LARGE_BYTES
