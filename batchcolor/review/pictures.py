"""Pictures for the page: thumbnails and screen-size copies of photos, and frames of films, upright and in sRGB."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..archive.walk import Kind
from ..errors import SourceError
from ..photos.thumbnail import thumbnail
from ..runtime.libvips import pyvips

if TYPE_CHECKING:
    import av

SCREEN = 1400  # pixels of the longer side of a picture on the page
_MOST = 8  # pictures at screen size that stay in memory
_THUMBNAIL_QUALITY, _SCREEN_QUALITY = 60, 88
_ROUNDING_S = 1e-3  # times are rounded to milliseconds


class FilmFrame(NamedTuple):
    """seconds: since the film begins. pixels: uint8 sRGB `(h, w, 3)`, upright."""

    seconds: float
    pixels: np.ndarray


class PictureCache:
    """Pictures at screen size, the last few: read once, whoever asks for them. Safe to be used from several threads."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[Path, int, float], Future[np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, path: Path, kind: Kind, place: float) -> np.ndarray:
        """uint8 sRGB `(h, w, 3)` of the page of a photo, or the frame at a second of a film. Raises `SourceError`."""
        key = path, path.stat().st_mtime_ns if path.exists() else 0, place
        with self._lock:
            found = self._found.get(key)
            future: Future[np.ndarray] = found or Future()
            self._found[key] = future
            self._found.move_to_end(key)
            while len(self._found) > _MOST:
                self._found.popitem(last=False)
        if found is None:
            try:
                future.set_result(pixels_of(path, kind, place, SCREEN))
            except BaseException as exc:
                future.set_exception(exc)
                with self._lock:
                    self._found.pop(key, None)  # the next one tries again
        return future.result()


def pixels_of(path: Path, kind: Kind, place: float, side: int) -> np.ndarray:
    """As `PictureCache.of`, in a box of `side` pixels. Raises `SourceError`."""
    return photo_pixels(path, side, max(1, int(place))) if kind is Kind.PHOTO else film_pixels(path, place, side)


def photo_pixels(path: Path, side: int, page: int = 1) -> np.ndarray:
    """A page of a photo, uint8 sRGB `(h, w, 3)`, in a box of `side` pixels. Raises `SourceError`."""
    return np.ascontiguousarray(thumbnail(path, side, page).numpy())


def film_pixels(path: Path, seconds: float, side: int) -> np.ndarray:
    """The frame of a film that is shown at a time, uint8 sRGB `(h, w, 3)`, upright, in a box of `side` pixels. Raises `SourceError`."""
    for frame in film_frames(path, seconds, side):
        return frame.pixels
    raise SourceError(f"{path}: there is no frame at {seconds:g} s")


def film_frames(path: Path, seconds: float, side: int) -> Iterator[FilmFrame]:
    """The frames of a film from the one on that is shown at a time, each in a box of `side` pixels. Raises `SourceError`."""
    import av

    from ..films.input.probe import picture_stream, reading

    with reading(path) as container:
        stream = picture_stream(path, container)
        begins = (container.start_time or 0) / av.time_base
        container.seek(round((begins + seconds) * av.time_base), backward=True)
        sar = float(stream.sample_aspect_ratio or 1)
        shown: av.VideoFrame | None = None  # the latest that begins before the time
        for frame in container.decode(stream):
            if shown is not None and frame.time is not None and frame.time - begins > seconds + _ROUNDING_S:
                yield _film_frame(shown, begins, side, sar)
                seconds = -1.0  # from here on, each
            shown = frame
        if shown is not None:
            yield _film_frame(shown, begins, side, sar)


def _film_frame(frame: av.VideoFrame, begins: float, side: int, sar: float) -> FilmFrame:
    width, height = frame.width * sar, float(frame.height)
    scale = min(1.0, side / max(width, height))
    small = frame.reformat(
        width=max(1, round(width * scale)), height=max(1, round(height * scale)), format="rgb24", interpolation="AREA"
    )
    pixels = np.rot90(small.to_ndarray(), round(frame.rotation / 90) % 4)
    return FilmFrame((frame.time or 0.0) - begins, np.ascontiguousarray(pixels))


def encoded(pixels: np.ndarray, *, thumbnail: bool = False) -> bytes:
    """uint8 sRGB `(h, w, 3)` as WebP (thumbnails) or JPEG."""
    image = pyvips.Image.new_from_memory(pixels.data, pixels.shape[1], pixels.shape[0], 3, "uchar").copy(interpretation="srgb")
    data: bytes = image.webpsave_buffer(Q=_THUMBNAIL_QUALITY) if thumbnail else image.jpegsave_buffer(Q=_SCREEN_QUALITY)
    return data
