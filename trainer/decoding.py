"""Encoded pictures on disk, and their pixels."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded picture: a file of its own, or a range of a tar shard (`size` -1: the whole file).

    member: its name inside the shard, "" for a file of its own.
    """

    path: Path
    offset: int = 0
    size: int = -1
    member: str = ""

    @property
    def name(self) -> str:
        return f"{self.path.name}#{self.member}" if self.member else self.path.name

    @property
    def location(self) -> str:
        """Its path, for messages."""
        return f"{self.path}#{self.member}" if self.member else str(self.path)


def full_size(height: int, width: int) -> int:
    """Decode at full size."""
    return 1


class PictureReader:
    """Reads and decodes pictures. Shards stay memory-mapped; may be shared by threads and sent to other processes."""

    def __init__(self) -> None:
        self._maps: dict[Path, mmap.mmap] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"_maps": {}}  # a mapping belongs to its process

    def encoded(self, picture: Picture) -> bytes:
        """The bytes of the picture's file. Raises `OSError`."""
        if picture.size < 0:
            return picture.path.read_bytes()
        if picture.path not in self._maps:
            with picture.path.open("rb") as file:
                self._maps[picture.path] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._maps[picture.path][picture.offset : picture.offset + picture.size]

    def rgb(self, picture: Picture, divisor: Callable[[int, int], int] = full_size) -> np.ndarray | None:
        """uint8 sRGB `(H, W, 3)`; None where the picture cannot be read or decoded.

        divisor: for a JPEG's height and width, by how much its sides may be divided, a power of two up to 8. libjpeg then leaves out
        the high frequencies of each block instead of computing pixels that are averaged away afterwards.
        """
        try:
            data = self.encoded(picture)
        except OSError:
            return None
        try:
            bgr = cv2.imdecode(np.frombuffer(data, np.uint8), _imread_flag(data, divisor)) if data else None
        except cv2.error:  # a header that claims more pixels than OpenCV takes
            return None
        return None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def _imread_flag(data: bytes, divisor: Callable[[int, int], int]) -> int:
    if divisor is full_size or data[:2] != b"\xff\xd8":
        return cv2.IMREAD_COLOR
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
    except ValueError:  # OpenCV, which tolerates more, has the last word
        return cv2.IMREAD_COLOR
    return _REDUCED.get(divisor(height, width), cv2.IMREAD_COLOR)


def chroma_spread(rgb: np.ndarray) -> float:
    """Mean of (largest minus smallest of R, G, B), 0..255: a quick measure of how much colour there is. rgb: uint8 `(H, W, 3)`."""
    step = max(1, min(rgb.shape[:2]) // 48)
    small = rgb[::step, ::step]
    return float((small.max(2).astype(np.int16) - small.min(2)).mean())
