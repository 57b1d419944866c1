"""Sheets to look at: before | after | truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np

_TALL = 240  # pixels of a tile
_HEADINGS = ("before", "after", "truth")


def read_rgb(path: Path) -> np.ndarray:
    """A picture as uint8 sRGB `(H, W, 3)`."""
    bgr = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def film_frames(path: Path, numbers: Sequence[int]) -> Iterator[np.ndarray]:
    """The frames with these numbers, uint8 sRGB `(H, W, 3)`."""
    with av.open(str(path)) as container:
        for n, frame in enumerate(container.decode(video=0)):
            if n in numbers:
                yield frame.to_ndarray(format="rgb24")


def sheet(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Rows of before, after, truth under each other, with headings; uint8 sRGB."""
    lines = []
    for row in rows:
        tiles = [
            cv2.resize(tile, (round(tile.shape[1] * _TALL / tile.shape[0]), _TALL), interpolation=cv2.INTER_AREA)
            for tile in row
        ]
        lines.append(np.hstack([np.pad(tile, ((0, 6), (0, 6), (0, 0)), constant_values=255) for tile in tiles]))
    widest = max(line.shape[1] for line in lines)
    lines = [np.pad(line, ((0, 0), (0, widest - line.shape[1]), (0, 0)), constant_values=255) for line in lines]
    head = np.full((28, widest, 3), 255, np.uint8)
    tile_width = widest // len(_HEADINGS)
    for n, heading in enumerate(_HEADINGS):
        cv2.putText(head, heading, (n * tile_width + 4, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([head, *lines])


def write_sheet(path: Path, rgb: np.ndarray) -> None:
    _, encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    path.write_bytes(encoded.tobytes())
