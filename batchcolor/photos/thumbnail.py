"""Small copies of photos to look at, with the colours that a result has: from the report, the review page, whoever shows a photo."""

from __future__ import annotations

from pathlib import Path

from ..runtime.libvips import pyvips
from ..runtime.libvips import thumbnail as thumbnail_of_file
from .opening import failed
from .read import PhotoRows


def thumbnail(path: Path, side: int, page: int = 1) -> pyvips.Image:
    """A page of a photo, from 1, as sRGB of 8 bits, upright, in a box of `side` pixels; transparent parts over gray.

    JPEG and WebP are decoded at a fraction of their size. Raises `SourceError`.
    """
    rows = PhotoRows(path, page - 1)
    try:
        if rows.from_file:
            small = thumbnail_of_file(path, side, side, page=page - 1, size="down", export_profile="srgb", fail_on="error")
        else:
            height, width = rows.info.upright_size
            scale = min(1.0, side / max(height, width))
            small = rows.thumbnail(max(1, round(width * scale)), max(1, round(height * scale)))
        if small.hasalpha():
            small = small.flatten(background=[128 if small.format == "uchar" else 128 * 257])
        return small.colourspace("srgb").cast("uchar").copy_memory()
    except pyvips.Error as exc:
        raise failed(path, exc, page - 1) from exc
