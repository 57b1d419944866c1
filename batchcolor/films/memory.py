"""How much memory a film takes, by its size, depth and codec."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Sequence
from pathlib import Path

from ..errors import SourceError
from ..settings import FilmSettings
from .input.probe import FilmInfo, probe
from .picture_format import is_large

_OPENED = 20  # films that are opened to learn their size: those of the largest files
_ITSELF = 352 << 20  # an interpreter with its libraries, a network, tables of colours, motion between frames
_DECODER = 10  # pictures that a decoder holds: those that later ones refer to, and those that wait for their turn
_WAITING = 67  # pictures in the queues of a chunk and in the smoother; large ones do not wait
# Encoders: bytes for each sample of luma, of one byte and of two, with the defaults of --preset. Measured at 1920x1080, and at 3840x2160
# for large pictures, of which libx264 and libx265 hold fewer.
_ENCODERS = {
    "h264": (205, 325),
    "hevc": (200, 310),
    "av1": (250, 250),
    "prores": (3, 3),
    "dnxhr": (40, 40),
    "ffv1": (45, 45),
}
_OF_LARGE = {"h264": (45, 70), "hevc": (70, 105)}


def film_bytes(info: FilmInfo, settings: FilmSettings) -> int:
    """Memory that a worker takes for a chunk of such a film, with the share of the first pass, which decodes in the driver.

    An upper limit, fitted to measurements (`python -m benchmarks memory`).
    """
    deep = info.depth > 8
    samples = info.width * info.height
    large = is_large(info.width, info.height, info.depth)
    encoder = (_OF_LARGE if large else {}).get(settings.codec, _ENCODERS[settings.codec])[deep]
    picture = samples * (2 if deep else 1) * 3 // 2
    return _ITSELF + picture * (2 * _DECODER + (0 if large else _WAITING)) + samples * encoder


def most_bytes(films: Sequence[tuple[Path, FilmSettings]]) -> int:
    """The memory that `film_bytes` says for the largest of these films. Of many, those of the largest files are looked at."""
    needed = _ITSELF
    for source, settings in heapq.nlargest(_OPENED, films, key=lambda film: _size(film[0])):
        with contextlib.suppress(SourceError):  # which its own outcome tells
            needed = max(needed, film_bytes(probe(source), settings))
    return needed


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
