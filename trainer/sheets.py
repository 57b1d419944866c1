"""Contact sheets to look at: rows of gray | colorized | true."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from batchcolor.generators import Generator
from batchcolor.imaging.contact_sheet import Cell, contact_sheet

from .decoding import Picture
from .evaluate import decoded, gray_rgb, lightness, merge, predict_ab

_HEIGHT = 192  # of a tile, in pixels


def sheet(generator: Generator, pictures: Sequence[Picture], network_size: int, columns: int, truth: bool) -> np.ndarray:
    """uint8 RGB: each picture as gray | colorized (| true), `columns` pictures a row.

    Warns of undecodable pictures and raises `SourceError` as `evaluate.decoded` does.
    """
    cells = []
    for _, whole in decoded(pictures):
        height, width = whole.shape[:2]
        rgb = cv2.resize(whole, (round(width * _HEIGHT / height), _HEIGHT), interpolation=cv2.INTER_AREA)
        L = lightness(rgb)
        tiles = [gray_rgb(L), merge(L, predict_ab(generator, rgb, network_size, rgb.shape[:2]))]
        cells.append(Cell([*tiles, rgb] if truth else tiles))
    return contact_sheet(cells, columns=columns)
