"""Contact sheets: pictures side by side, such as before and after, in a grid with captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..runtime.atomic_write import atomic_write

GAP = 6  # white pixels between pictures and around the sheet
CAPTION_HEIGHT = 24  # pixels above the pictures of a cell
_WHITE = 255
_TEXT = (60, 60, 60)
_JPEG_QUALITY = 92


class Cell(NamedTuple):
    """Pictures that belong together, uint8 sRGB `(H, W, 3)`, each of any size. caption: ASCII; empty: no line is reserved for it."""

    pictures: Sequence[np.ndarray]
    caption: str = ""


def contact_sheet(
    cells: Sequence[Cell], *, columns: int = 1, headings: Sequence[str] = (), height: int | None = None
) -> np.ndarray:
    """The cells in rows of `columns`, uint8 sRGB `(H, W, 3)`.

    All cells are as wide and as high as the largest one, so that pictures line up. headings: one for each picture of a cell, shown once
    above each column of cells. height: scale every picture to this many pixels. Raises `ValueError` without any cell.
    """
    if not cells:
        raise ValueError("a contact sheet needs at least one cell")
    tiles = [[_scaled(picture, height) for picture in cell.pictures] for cell in cells]
    widths = [max(row[n].shape[1] for row in tiles if n < len(row)) for n in range(max(map(len, tiles)))]
    top = CAPTION_HEIGHT if any(cell.caption for cell in cells) else GAP
    tallest = max(picture.shape[0] for row in tiles for picture in row)
    cell_size = top + tallest + GAP, sum(widths) + GAP * (len(widths) + 1)
    across = min(columns, len(cells))
    down = -(-len(cells) // across)
    head = CAPTION_HEIGHT if headings else 0
    sheet = np.full((head + down * cell_size[0], across * cell_size[1], 3), _WHITE, np.uint8)
    lefts = [GAP * (n + 1) + sum(widths[:n]) for n in range(len(widths))]
    for column in range(across):
        for heading, left in zip(headings, lefts, strict=False):
            _write_text(sheet, heading, column * cell_size[1] + left, 0)
    for number, (cell, row) in enumerate(zip(cells, tiles, strict=True)):
        y, x = head + number // across * cell_size[0], number % across * cell_size[1]
        _write_text(sheet, cell.caption, x + GAP, y)
        for picture, left in zip(row, lefts, strict=False):
            sheet[y + top : y + top + picture.shape[0], x + left : x + left + picture.shape[1]] = picture
    return sheet


def write_picture(path: Path, rgb: np.ndarray) -> None:
    """Write uint8 sRGB `(H, W, 3)` to `path` atomically, in the format of its suffix (.png, .jpg). Raises `OutputError`."""
    # Not cv2.imwrite: on Windows it fails for names outside the system's code page.
    is_jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if is_jpeg else []  # OpenCV warns of options of other formats
    _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    with atomic_write(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def _scaled(picture: np.ndarray, height: int | None) -> np.ndarray:
    if height is None:
        return picture
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _write_text(sheet: np.ndarray, text: str, left: int, top: int) -> None:
    cv2.putText(sheet, text, (left, top + CAPTION_HEIGHT - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _TEXT, 1, cv2.LINE_AA)
