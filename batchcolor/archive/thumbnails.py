"""Thumbnails for the report, as data URLs."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SourceError
from .outcome import Outcome, Status, Thumbnail
from .walk import Kind

if TYPE_CHECKING:
    import pyvips

_QUALITY = 55


def thumbnails(outcome: Outcome, side: int) -> tuple[Thumbnail | None, Thumbnail | None]:
    """(before, after) in a box of `side` pixels; None for a picture that cannot be read. A missing thumbnail never fails a report.

    Failed items have none: they may have been refused for safety, and would be opened here without those checks.
    """
    if outcome.status is Status.FAILED:
        return None, None
    show = _photo if outcome.kind is Kind.PHOTO else _film
    return show(outcome.source, side), None if outcome.status is Status.SKIPPED else show(outcome.target, side)


def _photo(path: Path, side: int) -> Thumbnail | None:
    from ..photos.thumbnail import thumbnail

    try:
        return _encoded(thumbnail(path, side))
    except SourceError:
        return None


def _film(path: Path, side: int) -> Thumbnail | None:
    """A frame from the middle."""
    import av

    from ..runtime.ffmpeg import open_input
    from ..runtime.libvips import pyvips

    try:
        with open_input(path) as container:
            stream = container.streams.video[0]
            middle = (container.duration or 0) // 2 + (container.start_time or 0)
            container.seek(middle)
            pixels = next(container.decode(stream)).to_ndarray(format="rgb24")
        image = pyvips.Image.new_from_array(pixels).copy(interpretation="srgb")
        return _encoded(image.thumbnail_image(side, height=side, size="down"))
    except (av.error.FFmpegError, pyvips.Error, OSError, IndexError, StopIteration, UnicodeError):
        return None


def _encoded(image: pyvips.Image) -> Thumbnail:
    data: bytes = image.webpsave_buffer(Q=_QUALITY, keep="none")
    return Thumbnail("data:image/webp;base64," + base64.b64encode(data).decode(), (image.width, image.height))
