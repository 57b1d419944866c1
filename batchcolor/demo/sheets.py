"""Sheets to look at: before | after | truth."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np

_TALL = 240  # pixels of a tile
_GAP = 6  # white pixels right of a tile and below it
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
    """Rows of before, after, truth under each other, in columns with headings; uint8 sRGB."""
    tiles = [[_tile(picture) for picture in row] for row in rows]
    widths = [max(tile.shape[1] for tile in column) + _GAP for column in zip(*tiles, strict=True)]
    head = np.full((28, sum(widths), 3), 255, np.uint8)
    for heading, left in zip(_HEADINGS, itertools.accumulate(widths, initial=0), strict=False):
        cv2.putText(head, heading, (left + 4, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([head, *(np.hstack([_widened(t, w) for t, w in zip(row, widths, strict=True)]) for row in tiles)])


def _tile(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    return cv2.resize(picture, (round(width * _TALL / height), _TALL), interpolation=cv2.INTER_AREA)


def _widened(tile: np.ndarray, width: int) -> np.ndarray:
    return np.pad(tile, ((0, _GAP), (0, width - tile.shape[1]), (0, 0)), constant_values=255)


def write_sheet(path: Path, rgb: np.ndarray) -> None:
    _, encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    path.write_bytes(encoded.tobytes())
