"""What the demo shows: before, after and truth side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..imaging.contact_sheet import Cell, contact_sheet
from ..runtime.ffmpeg import open_input

_TILE_HEIGHT = 240  # pixels
_HEADINGS = ("before", "after", "truth")


def read_rgb(path: Path) -> np.ndarray:
    """A picture as uint8 sRGB `(H, W, 3)`."""
    bgr = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def film_frames(path: Path, numbers: Sequence[int]) -> Iterator[np.ndarray]:
    """The frames with these numbers, uint8 sRGB `(H, W, 3)`."""
    with open_input(path) as container:
        for n, frame in enumerate(container.decode(video=0)):
            if n in numbers:
                yield frame.to_ndarray(format="rgb24")


def comparison(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """A contact sheet of rows of (before, after, truth), uint8 sRGB."""
    return contact_sheet([Cell(row) for row in rows], headings=_HEADINGS, height=_TILE_HEIGHT)
